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

TEST(PeakMemory, IsWeightsAndCacheAndLittleMore) {
  SLM_REQUIRE_OWN_MEMORY();
  const TemporaryFolder folder;
  make_qwen2_folder(folder.path(), 1024, 24000);  // 115 MB of F32: held twice, or not given back, it would be seen
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    std::filesystem::copy(tiny_models() / "qwen2_tied" / file, folder.path());
  expect_little_above_weights_and_cache(folder.path().string(), 30e6);
}

TEST(PeakMemory, OfARealModelIsWeightsAndCacheAndLittleMore) {
  const std::filesystem::path model = real_models() / "smollm2-135m-instruct-q4_1.gguf";
  SLM_REQUIRE_PATH(model);
  SLM_REQUIRE_OWN_MEMORY();
  expect_little_above_weights_and_cache(model.string(), 80e6);
}

}  // namespace
}  // namespace slm::test
