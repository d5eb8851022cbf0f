// SPDX-License-Identifier: Apache-2.0
// A session's cache and limits; that cached equals full is tests/golden's.
#include "slm/runtime/session.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/model_paths.h"
#include "tests/support/threads.h"

namespace slm {
namespace {

std::vector<float> copy(std::span<const float> logits) { return {logits.begin(), logits.end()}; }

class SessionOfTinyModel : public testing::Test {
 protected:
  std::shared_ptr<Model> model_ =
      std::make_shared<Model>(load_model(test::tiny_models() / "qwen2_tied", {.plan = {.weights = WeightScheme::F32}}));
  const std::vector<int32_t> ids_ = {5, 17, 3, 99, 41, 8, 260, 12};
};

TEST_F(SessionOfTinyModel, HasTheModelsContextWhereNoneIsAsked) {
  ASSERT_LT(model_->config.context, 2048);
  EXPECT_EQ(Session(model_).context(), model_->config.context);
  EXPECT_EQ(Session(model_, {.context = 7}).context(), 7);
}

TEST_F(SessionOfTinyModel, RefusesWhatItCannotHold) {
  EXPECT_THROW(Session(nullptr), ArgumentError);
  EXPECT_THROW(Session(model_, {.context = -1}), ArgumentError);
  EXPECT_THROW(Session(model_, {.context = model_->config.context + 1}), ArgumentError);
  EXPECT_THROW(Session(model_, {.max_rows = 0}), ArgumentError);
  EXPECT_THROW(Session(model_, {.max_logit_rows = 0}), ArgumentError);
  Session session(model_, {.context = 8, .max_rows = 4, .max_logit_rows = 2});
  EXPECT_THROW(session.append(std::vector<int32_t>{static_cast<int32_t>(model_->config.vocab)}), ArgumentError);
  EXPECT_THROW(session.append(std::vector<int32_t>{}), ArgumentError);
  EXPECT_THROW(session.append(std::vector<int32_t>(9, 1)), ArgumentError);
  EXPECT_THROW(session.forward(std::vector<int32_t>(5, 1)), ArgumentError);
  EXPECT_THROW(session.truncate(1), ArgumentError);
  EXPECT_EQ(session.length(), 0) << "what is refused changes nothing";
  session.forward(std::span(ids_).first(3));
  EXPECT_THROW(session.logits(0, 3), ArgumentError);
  EXPECT_THROW(session.logits(1, 1), ArgumentError);
  EXPECT_THROW(session.logits(2, 4), ArgumentError);
  EXPECT_EQ(session.logits(1, 3).rows, 2);
}

TEST_F(SessionOfTinyModel, GoesOnFromWhereItWasCut) {
  Session whole(model_, {.context = 16}), cut(model_, {.context = 16});
  const std::vector<float> expected = copy(whole.append(ids_));
  cut.append(std::span(ids_).first(5));
  cut.append(std::vector<int32_t>{77, 78, 79, 80});
  cut.truncate(5);
  EXPECT_EQ(copy(cut.append(std::span(ids_).subspan(5))), expected);
}

TEST_F(SessionOfTinyModel, RunsOnAnotherThreadThanItWasMadeOnAndWithOtherThreads) {
  const test::ScopedThreads one(1);
  Session session(model_, {.context = 16});
  const std::vector<float> expected = copy(session.append(ids_));
  session.truncate(0);
  const test::ScopedThreads three(3);  // more than its scratch was made for
  EXPECT_EQ(copy(session.append(ids_)), expected);
  session.truncate(0);
  std::vector<float> elsewhere;
  std::thread([&] { elsewhere = copy(session.append(ids_)); }).join();
  EXPECT_EQ(elsewhere, expected);
}

}  // namespace
}  // namespace slm
