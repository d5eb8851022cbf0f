// SPDX-License-Identifier: Apache-2.0
// A run of qat_kd_train that diverges ends, says at which step and names the last good checkpoint.
#include "tests/programs/training_run.h"

namespace slm::test {
namespace {

TEST_F(Train, ThatDivergesKeepsAndNamesTheLastGoodCheckpoint) {
  const auto diverges = [&](const std::string& name, const Words& rest) {
    Words all = words("fp32", name, {"--steps", "40", "--weight-decay", "1", "--warmup", "0", "--resume"});
    all = set(all, "--lr", "10");  // weights grow tenfold each step
    all.insert(all.end(), rest.begin(), rest.end());
    const Ran ran = run("qat_kd_train", all);
    EXPECT_EQ(ran.exit_code, 1);
    return ran.error();
  };
  const std::string error = diverges("run", {"--checkpoint-every", "1"});
  const int64_t last = metrics("run").back().at("step");  // the last of a finite loss: its weights are too large
  ASSERT_GE(last, 2);
  EXPECT_NE(error.find(fmt::format("step {}: loss", last + 1)), std::string::npos) << error;
  EXPECT_NE(error.find(fmt::format("the last good checkpoint is of step {}, that of step {} holds the weights that led "
                                   "to this",
                                   last - 1, last)),
            std::string::npos)
      << error;
  Words kept = checkpoints("run");
  std::ranges::sort(kept);
  EXPECT_EQ(kept, (Words{fmt::format("step-{:08}", last - 1), fmt::format("step-{:08}", last)}));
  EXPECT_EQ(diverges("run", {"--checkpoint-every", "1"}), error) << "resumed";
  const std::string before = fmt::format("{}", last - 1);
  EXPECT_TRUE(
      diverges("before", {"--checkpoint-every", before}).ends_with("the last good checkpoint is of step " + before));
  EXPECT_TRUE(diverges("none", {"--checkpoint-every", "0"}).ends_with("there is no good checkpoint"));
}

TEST_F(Train, DivergesWhereWhatItPacksCannotBeMeasured) {
  for (const auto& [step, why] : {std::pair{2, "perplexity nan"}, {6, "overflows a half"}}) {
    const std::string name = fmt::format("at_{}", step);
    Words all = set(words("fp32", name, {"--steps", "40", "--weight-decay", "1", "--warmup", "0"}), "--lr", "10");
    all.insert(all.end(), {"--checkpoint-every", "1", "--validate-every", fmt::format("{}", step)});
    const Ran ran = run("qat_kd_train", all);
    expect_error(ran, 1, fmt::format("[train] step {}: the model packed as w4g32 cannot be measured: ", step));
    for (const std::string& part : {std::string(why), fmt::format("the last good checkpoint is of step {}", step - 1)})
      EXPECT_NE(ran.error().find(part), std::string::npos) << ran.error();
  }
}

TEST_F(Train, FailsWhereWhatItShipsCannotBeMeasured) {
  Words all = set(words("fp32", "run", {"--steps", "1", "--weight-decay", "1", "--warmup", "0"}), "--lr", "10");
  expect_error(run("qat_kd_train", all), 1, "the run diverged");
}

}  // namespace
}  // namespace slm::test
