// SPDX-License-Identifier: Apache-2.0
// Perplexity of real models in f32 against transformers (tests/golden/make_real_references.py): the first 16,384 tokens
// of WikiText-2 test, to four digits, both protocols. Minutes a model.
#include <gtest/gtest.h>

#include <cmath>

#include "slm/eval/perplexity.h"
#include "slm/io/json.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

class RealPerplexity : public testing::TestWithParam<std::tuple<const char*, Protocol>> {};

TEST_P(RealPerplexity, EqualsTransformersToFourDigits) {
  const auto [name_of_model, protocol] = GetParam();
  const std::filesystem::path golden = test::real_golden() / "perplexity.json";
  const std::filesystem::path raw = test::shared_data() / "wikitext2/raw/wiki.test.raw";
  SLM_REQUIRE_GOLDEN(golden);
  const Json reference = parse_json_file(golden).at(name_of_model);
  const std::filesystem::path path = test::real_models() / reference.at("file").get<std::string>();
  SLM_REQUIRE_PATH(raw);
  SLM_REQUIRE_PATH(path);

  const Json& expected = reference.at("protocols").at(std::string(name(protocol)));
  EvalText text = make_eval_text(Tokenizer::load(path), read_file(raw), {.protocol = protocol});
  EXPECT_EQ(std::ssize(text.ids), expected.at("tokens_of_whole_file").get<int64_t>());
  text.windows.resize(expected.at("windows").get<size_t>());

  const auto model = std::make_shared<const Model>(load_model(path, {.plan = {.weights = WeightScheme::F32}}));
  const Score score = score_text(model, text);
  EXPECT_EQ(score.nll.count(), expected.at("scored").get<int64_t>());
  const double perplexity = expected.at("perplexity").get<double>();
  RecordProperty("perplexity", std::to_string(score.perplexity()));
  EXPECT_NEAR(score.perplexity(), perplexity, 5e-5 * perplexity);
  EXPECT_NEAR(score.perplexity_error().value(), expected.at("stderr").get<double>(), 1e-3 * perplexity);
}

INSTANTIATE_TEST_SUITE_P(Models, RealPerplexity,
                         testing::Combine(testing::Values("smollm2", "qwen0.5b-tie", "qwen1.5b-tie"),
                                          testing::Values(Protocol::LlamaCpp512, Protocol::Gptq2048)),
                         [](const auto& case_info) {
                           std::string label =
                               std::get<0>(case_info.param) + ("_" + std::string(name(std::get<1>(case_info.param))));
                           for (char& c : label)
                             if (c == '.' || c == '-') c = '_';
                           return label;
                         });

}  // namespace
}  // namespace slm
