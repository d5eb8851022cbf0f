// SPDX-License-Identifier: Apache-2.0
// Exported GGUF files against llama.cpp (bench/peers/llama_cpp_check.py reference, run on the same files): the
// likeliest token at 2,048 teacher-forced positions, and perplexity. llama.cpp quantizes activations to Q8_0 as we do,
// but sums in another order: tokens and numbers agree, bits do not.
#include <gtest/gtest.h>

#include <iostream>

#include "slm/eval/perplexity.h"
#include "slm/export/gguf_model.h"
#include "slm/io/json.h"
#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"
#include "tests/support/model_paths.h"
#include "tests/support/sha256sum.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

class ExportedInLlamaCpp : public testing::TestWithParam<const char*> {};

TEST_P(ExportedInLlamaCpp, SameLikeliestTokensAndPerplexity) {
  const std::filesystem::path golden = test::real_golden() / "llama_cpp.json";
  const std::filesystem::path raw = test::shared_data() / "wikitext2/raw/wiki.test.raw";
  SLM_REQUIRE_GOLDEN(golden);
  SLM_REQUIRE_PATH(raw);
  const Json reference = parse_json_file(golden).at(GetParam());
  const std::filesystem::path path = test::real_models() / reference.at("source").get<std::string>();
  SLM_REQUIRE_PATH(path);

  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "exported.gguf";
  const WeightScheme scheme = parse_weight_scheme(reference.at("scheme").get<std::string>());
  const Tokenizer tokenizer = Tokenizer::load(path);
  export_gguf(ModelFiles::open(path), tokenizer.data(), file, {.plan = {.weights = scheme, .keep_fp = {}}});
  ASSERT_EQ(test::sha256sum(file), reference.at("file_sha256").get<std::string>())
      << "llama.cpp answered for another file: run bench/peers/llama_cpp_check.py reference again";
  const auto model = std::make_shared<const Model>(load_model(file));

  // Argmax, windows of 512 from an empty cache.
  const auto ids = reference.at("ids").get<std::vector<int32_t>>();
  const auto expected = reference.at("argmax").get<std::vector<int32_t>>();
  ASSERT_GE(ids.size(), 2000u);
  ASSERT_EQ(ids.size(), expected.size());
  Session session(model, {.context = 512, .kv = kernels::KvStorage::F32, .max_logit_rows = 16});
  size_t agreed = 0;
  for (size_t begin = 0; begin < ids.size(); begin += 512) {
    session.truncate(0);
    session.append(std::span(ids).subspan(begin, std::min<size_t>(512, ids.size() - begin)),
                   [&](int64_t position, std::span<const float> row) {
                     agreed += argmax(row) == expected[begin + static_cast<size_t>(position)] ? 1 : 0;
                   });
  }
  const double agreement = static_cast<double>(agreed) / static_cast<double>(ids.size());
  std::cout << GetParam() << ": argmax as llama.cpp's at " << agreed << " of " << ids.size() << " positions\n";
  EXPECT_GE(agreement, 0.98);

  // Perplexity, both with an f16 cache.
  const Json& perplexity = reference.at("perplexity");
  EvalText text = make_eval_text(Tokenizer::load(file), read_file(raw), {.protocol = Protocol::LlamaCpp512});
  text.windows.resize(perplexity.at("windows").get<size_t>());
  const double ours = score_text(model, text, {.kv = kernels::KvStorage::F16}).perplexity();
  const double theirs = perplexity.at("value").get<double>();
  std::cout << GetParam() << ": perplexity " << ours << ", llama.cpp " << theirs << "\n";
  EXPECT_NEAR(ours, theirs, 0.003 * theirs);
}

INSTANTIATE_TEST_SUITE_P(Files, ExportedInLlamaCpp, testing::Values("qwen0.5b-w8g32", "qwen0.5b-w4g32"),
                         [](const auto& case_info) {
                           std::string label = case_info.param;
                           for (char& c : label)
                             if (c == '.' || c == '-') c = '_';
                           return label;
                         });

}  // namespace
}  // namespace slm
