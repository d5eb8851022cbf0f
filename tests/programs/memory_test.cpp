// SPDX-License-Identifier: Apache-2.0
// The most memory `infer` takes, from its start to its end, whatever the scheme: the packed weights, the cache and
// little more. A model read from a file need not be whole in memory beside what it becomes.
#include <gtest/gtest.h>

#include "slm/quant/scheme.h"
#include "tests/export/tiny_models.h"
#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

#define SLM_REQUIRE_OWN_MEMORY()                                \
  if (kSanitized || !std::string(SLM_PROGRAM_LAUNCHER).empty()) \
  GTEST_SKIP() << "a sanitizer's or an emulator's own memory would be measured"

/// Bytes above weights and cache: the program's code and libraries, the tokenizer, blocks of rows on their way.
void expect_little_above_weights_and_cache(const std::string& model, double most_above) {
  std::vector<std::string> schemes = {"as-is"};
  for (const WeightSchemeInfo& scheme : weight_schemes()) schemes.emplace_back(scheme.name);
  schemes.insert(schemes.end(), {"w8t", "w4tz", "w6c", "w5g64", "w3g32z", "w2g64a"});  // of the rest, one of each kind
  for (const std::string& scheme : schemes) {
    const nlohmann::json got = answer("infer", model, {"--raw", "--prompt", "Hello", "-n", "4", "--weights", scheme});
    ASSERT_FALSE(got.is_null()) << scheme;
    const double needed = got.at("packed_bytes").get<double>() + got.at("kv_bytes").get<double>();
    EXPECT_GT(got.at("peak_rss_bytes").get<double>(), needed) << scheme << ": the measure measures";
    EXPECT_LE(got.at("peak_rss_bytes").get<double>(), needed + most_above) << scheme;
  }
}

/// 115 MB of F32: held twice, or not given back, it would be seen.
void make_model_of_115_mb(const std::filesystem::path& folder) {
  make_qwen2_folder(folder, 1024, 24000);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    std::filesystem::copy(tiny_models() / "qwen2_tied" / file, folder);
}

TEST(PeakMemory, IsWeightsAndCacheAndLittleMore) {
  SLM_REQUIRE_OWN_MEMORY();
  const TemporaryFolder folder;
  make_model_of_115_mb(folder.path());
  expect_little_above_weights_and_cache(folder.path().string(), 30e6);
}

TEST(PeakMemory, OfARunThatGoesOnIsThatOfOneThatBegins) {
  SLM_REQUIRE_OWN_MEMORY();
  const TemporaryFolder folder;
  const std::filesystem::path model = folder.path() / "model";
  make_model_of_115_mb(model);
  const std::string text = folder.file("text.txt", std::string(200, 'a') + "\n");
  const auto peak = [&] {
    const Ran ran =
        run("qat_kd_train", {"--mode", "fp32", "--student", model, "--train", text, "--out", folder.path() / "run",
                             "--steps", "1", "--batch", "1", "--seq", "16", "--resume", "--json"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.exit_code == 0 ? ran.json().at("peak_rss_bytes").get<double>() : 0.0;
  };
  const double begun = peak();
  EXPECT_GT(begun, 4 * 115e6) << "weights, gradients, moments";
  EXPECT_LE(peak(), begun + 40e6) << "its checkpoint, three times the model, stays beside what was read of it";
}

TEST(PeakMemory, OfARealModelIsWeightsAndCacheAndLittleMore) {
  const std::filesystem::path model = real_models() / "smollm2-135m-instruct-q4_1.gguf";
  SLM_REQUIRE_PATH(model);
  SLM_REQUIRE_OWN_MEMORY();
  expect_little_above_weights_and_cache(model.string(), 80e6);
}

}  // namespace
}  // namespace slm::test
