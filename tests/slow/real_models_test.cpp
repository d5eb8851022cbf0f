// SPDX-License-Identifier: Apache-2.0
// Real weights against transformers in float32 (tests/golden/make_real_references.py): prompt ids, greedy tokens,
// logits (perplexity: perplexity_test.cpp). Needs the models of $SLM_MODELS and ../shared/data; minutes.
// "Same tokens" holds until the reference's top two are closer than twice the largest logit difference seen;
// where that happens is printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>

#include "slm/io/json.h"
#include "slm/io/safetensors.h"
#include "slm/kernels/vec/variants.h"
#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"
#include "slm/text/tokenizer.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

struct Case {
  std::string name;   ///< of the reference
  std::string model;  ///< file or folder in $SLM_MODELS
};

class RealModel : public testing::TestWithParam<Case> {
 protected:
  static constexpr double kLargestLogitDifference = 2e-3;
  static constexpr double kLeastCompared = 0.75;  // of the reference's tokens: its margins end fewer comparisons

  static std::filesystem::path text_path() { return test::shared_data() / "wikitext2/raw/wiki.test.raw"; }

  void load() {
    const std::filesystem::path path = test::real_models() / GetParam().model;
    tokenizer_ = Tokenizer::load(path);
    model_ = std::make_shared<Model>(load_model(path, {.plan = {.weights = WeightScheme::F32}}));
  }

  /// Largest difference to the reference's stored logits over the first 512 tokens of WikiText-2 test.
  double logit_difference() {
    std::map<std::string, Tensor> golden;
    for (StoredTensor& t : read_safetensors(test::real_golden() / (GetParam().name + ".logits.safetensors")))
      golden[t.name] = t.tensor.clone();
    const std::span<const int32_t> columns = golden.at("columns").as<int32_t>(),
                                   argmax_ids = golden.at("argmax").as<int32_t>();
    const std::span<const float> logits = golden.at("logits").as<float>(), top = golden.at("top_logit").as<float>(),
                                 log_sums = golden.at("logsumexp").as<float>(),
                                 margins = golden.at("margin").as<float>();
    const std::string text = read_file(text_path());
    std::vector<int32_t> ids = tokenizer_->encode(std::string_view(text).substr(0, 8192));
    ids.resize(argmax_ids.size());
    const kernels::VecVariant& vec = kernels::select(kernels::vec_variants());
    Session session(model_, {.context = std::ssize(ids), .kv = kernels::KvStorage::F32, .max_logit_rows = 16});
    double worst = 0;
    session.append(ids, [&](int64_t position, std::span<const float> row) {
      const size_t p = static_cast<size_t>(position);
      const auto compare = [&](double actual, float expected) {
        worst = std::max(worst, std::abs(actual - static_cast<double>(expected)));
      };
      for (size_t c = 0; c < columns.size(); ++c)
        compare(row[static_cast<size_t>(columns[c])], logits[p * columns.size() + c]);
      float largest = 0;
      double sum = 0;
      vec.max_sum_exp(row.data(), std::ssize(row), &largest, &sum);
      compare(largest, top[p]);
      compare(static_cast<double>(largest) + std::log(sum), log_sums[p]);
      if (margins[p] > 2 * kLargestLogitDifference) {
        EXPECT_EQ(argmax(row), argmax_ids[p]) << "position " << p;
      }
    });
    return worst;
  }

  std::optional<Tokenizer> tokenizer_;
  std::shared_ptr<Model> model_;
};

TEST_P(RealModel, EqualsTransformers) {
  SLM_REQUIRE_GOLDEN(test::real_golden() / (GetParam().name + ".greedy.json"));
  SLM_REQUIRE_GOLDEN(test::real_golden() / (GetParam().name + ".logits.safetensors"));
  SLM_REQUIRE_PATH(test::real_models() / GetParam().model);
  SLM_REQUIRE_PATH(text_path());
  load();

  const double difference = logit_difference();
  std::cout << GetParam().name << ": largest logit difference over 512 tokens " << difference << '\n';
  EXPECT_LE(difference, kLargestLogitDifference);

  const Json greedy = parse_json_file(test::real_golden() / (GetParam().name + ".greedy.json"));
  ASSERT_GE(greedy.at("prompts").size(), 12u);
  int64_t compared = 0, stored = 0, ended = 0;
  for (const Json& prompt : greedy.at("prompts")) {
    const auto expected_prompt = prompt.at("prompt_ids").get<std::vector<int32_t>>();
    const auto expected = prompt.at("ids").get<std::vector<int32_t>>();
    const auto margins = prompt.at("margins").get<std::vector<double>>();
    const std::string text = prompt.at("prompt").get<std::string>();
    const std::vector<int32_t> ids =
        tokenizer_->encode(text, {.control_tokens = prompt.at("control_tokens").get<bool>()});
    EXPECT_EQ(ids, expected_prompt) << text;
    Session session(model_, {.context = 512, .kv = kernels::KvStorage::F32});
    std::span<const float> logits = session.append(expected_prompt);
    ASSERT_EQ(margins.size(), expected.size());
    stored += std::ssize(expected);
    for (size_t i = 0; i < expected.size(); ++i, ++compared) {
      const int32_t id = argmax(logits);
      if (margins[i] < 2 * difference) {
        std::cout << GetParam().name << ": \"" << text.substr(0, 24) << "\" token " << i << ": margin " << margins[i]
                  << " is below twice the difference; the comparison ends here\n";
        ++ended;
        break;
      }
      ASSERT_EQ(id, expected[i]) << "\"" << text << "\" token " << i << ", margin " << margins[i];
      logits = session.append(std::span(&expected[i], 1));
    }
  }
  std::cout << GetParam().name << ": " << compared << " of " << stored << " greedy tokens equal, margins ended "
            << ended << " of " << greedy.at("prompts").size() << " comparisons\n";
  EXPECT_GE(static_cast<double>(compared), kLeastCompared * static_cast<double>(stored));
}

INSTANTIATE_TEST_SUITE_P(, RealModel,
                         testing::Values(Case{"smollm2", "smollm2-135m-instruct-q4_1.gguf"},
                                         Case{"qwen0.5b", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"},
                                         Case{"qwen0.5b-tie", "qwen0.5b-tie"}, Case{"qwen1.5b-tie", "qwen1.5b-tie"}),
                         [](const auto& param) {
                           std::string name = param.param.name;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
                           return name;
                         });

}  // namespace
}  // namespace slm
