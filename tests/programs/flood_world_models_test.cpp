// SPDX-License-Identifier: Apache-2.0
// The committed models of flood world: what they write equals what transformers writes with the same folders
// (tests/golden/make_flood_world_references.py), and they read their reports.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

constexpr double kClose = 1e-3;  // between two logits: rounding may choose the other

class FloodWorldModel : public testing::TestWithParam<std::string> {
 protected:
  const std::string model_ = (source_dir() / "examples/flood_world" / GetParam()).string();
};

TEST_P(FloodWorldModel, AnswersAsTransformersDoes) {
  const std::filesystem::path path = source_dir() / "tests/golden/data/flood_world.json";
  SLM_REQUIRE_GOLDEN(path);
  const nlohmann::json golden = nlohmann::json::parse(std::ifstream(path));
  const nlohmann::json& answers = golden.at("answers").at(GetParam());
  int compared = 0;
  for (const nlohmann::json& expected : answers) {
    if (expected.at("margin") < kClose) continue;
    const size_t count = expected.at("ids").size();
    const nlohmann::json ours = answer("infer", model_,
                                       {"--raw", "--prompt", expected.at("prompt"), "-n", std::to_string(count),
                                        "--temperature", "0", "--ignore-eos", "--weights", "f32"});
    EXPECT_EQ(ours.at("ids"), expected.at("ids")) << expected.at("prompt");
    ++compared;
  }
  EXPECT_GE(compared, 20);
}

TEST_P(FloodWorldModel, ReadsAnswersFromTheReport) {
  const TemporaryFolder folder;
  const auto exact_spans = [&](const std::string& form) {
    const std::string tasks = (folder.path() / (form + ".jsonl")).string();
    const Ran ran = run("flood_world", {"--split", "test", "--form", form, "--reports", "40", "--out", tasks});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const nlohmann::json scored = answer("score", model_, {"--tasks", tasks});
    for (const nlohmann::json& kind : scored.at("results")[0].at("kinds"))
      if (kind.at("kind") == "span") return kind.at("exact_match").get<double>();
    return -1.0;
  };
  EXPECT_GT(exact_spans("tasks"), 0.5);
  EXPECT_LT(exact_spans("questions"), 0.1) << "without the report there is nothing to read";
}

INSTANTIATE_TEST_SUITE_P(, FloodWorldModel, testing::Values("student", "teacher"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace slm::test
