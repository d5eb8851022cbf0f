// SPDX-License-Identifier: Apache-2.0
// What you train is what you ship, on real weights: every linear of qwen0.5b on the tape's own inputs, and end to end
// the logits of the tape against those of the packed model over 2,048 tokens: KL and the likeliest token. Needs 5 GB;
// minutes.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "slm/eval/running_mean.h"
#include "slm/io/json.h"
#include "slm/ops/kl_div.h"
#include "slm/runtime/sampler.h"
#include "slm/runtime/session.h"
#include "slm/text/tokenizer.h"
#include "tests/support/model_paths.h"
#include "tests/support/shipping_executor.h"
#include "tests/support/train_rows.h"

namespace slm {
namespace {

class RealTrainIsShip : public testing::TestWithParam<const char*> {
 protected:
  static constexpr size_t kWindow = 256, kWindows = 8;
  void SetUp() override {
    const std::filesystem::path text = test::shared_data() / "wikitext2/raw/wiki.test.raw";
    SLM_REQUIRE_PATH(folder);
    SLM_REQUIRE_PATH(text);
    ids = Tokenizer::load(folder).encode(std::string_view(read_file(text)).substr(0, 16384));
    ASSERT_GE(ids.size(), kWindow * kWindows);
    ids.resize(kWindow * kWindows);
  }
  const std::filesystem::path folder = test::real_models() / "qwen0.5b-tie";
  std::vector<int32_t> ids;
};

TEST_P(RealTrainIsShip, AtEveryLinearAndEndToEnd) {
  const SchemePlan plan = {.weights = parse_weight_scheme(GetParam()), .keep_fp = {}};
  const ModelFiles files = ModelFiles::open(folder);
  const TrainableModel trained(files, {.quantizer = plan, .freeze = {"model.layers.*", "model.embed_tokens.weight"}});
  const auto shipped = std::make_shared<const Model>(load_model(files, {.plan = plan}));
  Tape tape;
  {
    test::ShippingExecutor executor(trained, *shipped, tape, 16);  // of each row every 16th output
    const std::vector<int32_t> wanted = {63};
    executor.begin(test::rows_of(std::span(ids).first(64)));
    head(executor, trained.weights(), hidden(executor, trained.weights()), wanted);
    std::cout << GetParam() << ": " << executor.compared() << " outputs of linears, the largest difference is "
              << executor.worst() << " of its bound\n";
    EXPECT_GT(executor.compared(), 1'000'000);
    EXPECT_EQ(executor.groups(), 4 * trained.config().layers + 1);
    tape.clear();
  }

  TapeExecutor executor(trained.config(), tape);
  Session session(shipped, {.context = kWindow, .kv = kernels::KvStorage::F32, .max_logit_rows = 16});
  RunningMean kl;
  int64_t agreed = 0, different = 0;
  const kernels::VecVariant& vec = kernels::select(kernels::vec_variants());
  for (size_t w = 0; w < kWindows; ++w) {
    const std::span<const int32_t> window = std::span(ids).subspan(w * kWindow, kWindow);
    executor.begin(test::rows_of(window));
    const Variable x = hidden(executor, trained.weights());
    session.truncate(0);
    std::vector<int32_t> wanted;
    Variable logits;
    session.append(window, [&](int64_t position, std::span<const float> row) {
      const auto p = static_cast<int32_t>(position);
      if (p % 32 == 0) {  // the tape's logits, a chunk at a time
        wanted.clear();
        for (int32_t i = p; i < p + 32; ++i) wanted.push_back(i);
        logits = head(executor, trained.weights(), x, wanted);
      }
      const std::span<const float> of_tape(logits.value().row(p % 32), row.size());
      kl.add(kl_div(vec, of_tape, row, 1.0));
      different += std::equal(row.begin(), row.end(), of_tape.begin()) ? 0 : 1;
      agreed += argmax(of_tape) == argmax(row) ? 1 : 0;
    });
    tape.clear();
  }
  const double agreement = static_cast<double>(agreed) / static_cast<double>(kl.count());
  std::cout << GetParam() << ": over " << kl.count() << " tokens KL " << kl.mean() << ", the same likeliest token "
            << 100 * agreement << " %\n";
  EXPECT_EQ(kl.count(), 2048);
  EXPECT_GE(agreement, 0.98);
  EXPECT_EQ(different, 0) << "of " << kl.count() << " rows of logits: they are the same bits";
}

INSTANTIATE_TEST_SUITE_P(Qwen, RealTrainIsShip, testing::Values("w4g32", "w8c"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace slm
