// SPDX-License-Identifier: Apache-2.0
#include "slm/runtime/generate.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/model_paths.h"

namespace slm {
namespace {

class Generate : public testing::Test {
 protected:
  std::filesystem::path path_ = test::tiny_models() / "qwen2_tied";
  Tokenizer tokenizer_ = Tokenizer::load(path_);
  std::shared_ptr<Model> model_ = std::make_shared<Model>(load_model(path_, {.plan = {.weights = WeightScheme::F32}}));
  std::vector<int32_t> prompt_ = tokenizer_.encode("the river rose");
};

TEST_F(Generate, StreamsWhatItReturns) {
  Session session(model_, {.context = 64});
  std::string streamed;
  const Generated result =
      generate(session, tokenizer_, prompt_, {.max_tokens = 12, .on_text = [&](std::string_view t) { streamed += t; }});
  EXPECT_EQ(result.ids.size(), 12u);
  EXPECT_EQ(result.stop, StopReason::Length);
  EXPECT_EQ(streamed, result.text);
  EXPECT_EQ(result.prompt_tokens, std::ssize(prompt_));
}

TEST_F(Generate, ReadsNoMoreThanTheNextTokenNeeds) {
  for (const int64_t n : {0, 1, 12}) {
    Session session(model_, {.context = 64});
    const Generated result = generate(session, tokenizer_, prompt_, {.max_tokens = n});
    std::vector<int32_t> read = prompt_;
    if (n > 0) read.insert(read.end(), result.ids.begin(), result.ids.end() - 1);
    EXPECT_EQ(std::vector<int32_t>(session.ids().begin(), session.ids().end()), read) << n;
  }
}

TEST_F(Generate, PenalisesWhatTheSessionHeldBefore) {
  Session session(model_, {.context = 64});
  const int32_t likeliest = generate(session, tokenizer_, prompt_, {.max_tokens = 1}).ids[0];
  const auto after = [&](int32_t first) {  // the same last token after two histories
    session.truncate(0);
    session.append(std::vector<int32_t>{first});
    SamplerOptions sampler{.repeat_penalty = 1e6f, .repeat_last = -1};
    return generate(session, tokenizer_, prompt_, {.max_tokens = 24, .sampler = sampler}).ids;
  };
  const std::vector<int32_t> ids = after(likeliest);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), likeliest), 0);
  EXPECT_EQ(std::set<int32_t>(ids.begin(), ids.end()).size(), ids.size()) << "the answer's own ids count too";
}

TEST_F(Generate, StopsAtAStopIdAndKeepsItOut) {
  Session session(model_, {.context = 64});
  const Generated free = generate(session, tokenizer_, prompt_, {.max_tokens = 12});
  session.truncate(0);
  const int32_t stop = free.ids[5];
  const size_t first = static_cast<size_t>(std::find(free.ids.begin(), free.ids.end(), stop) - free.ids.begin());
  const Generated result = generate(session, tokenizer_, prompt_, {.max_tokens = 12, .stop_ids = {stop}});
  EXPECT_EQ(result.stop, StopReason::EndOfText);
  EXPECT_EQ(result.ids, std::vector<int32_t>(free.ids.begin(), free.ids.begin() + static_cast<int64_t>(first)));
  EXPECT_EQ(session.length(), std::ssize(prompt_) + static_cast<int64_t>(first));
}

TEST_F(Generate, StopsBeforeAStopStringEvenAcrossTokens) {
  Session session(model_, {.context = 64});
  const std::string all = generate(session, tokenizer_, prompt_, {.max_tokens = 16}).text;
  ASSERT_GE(all.size(), 12u);
  const std::string stop = all.substr(5, 4);
  session.truncate(0);
  std::string streamed;
  const Generated result = generate(
      session, tokenizer_, prompt_,
      {.max_tokens = 16, .stop_strings = {"never there", stop}, .on_text = [&](std::string_view t) { streamed += t; }});
  EXPECT_EQ(result.stop, StopReason::StopString);
  EXPECT_EQ(result.text, all.substr(0, all.find(stop)));
  EXPECT_EQ(streamed, result.text);
}

TEST_F(Generate, EndsWhereTheContextIsFull) {
  Session session(model_, {.context = std::ssize(prompt_) + 3});
  const Generated result = generate(session, tokenizer_, prompt_, {.max_tokens = -1});
  EXPECT_EQ(result.stop, StopReason::ContextFull);
  EXPECT_EQ(result.ids.size(), 4u);  // the last one is shown, though the cache has no room for it

  Session small(model_, {.context = 8});
  const Generated more = generate(small, tokenizer_, std::span(prompt_).first(1), {.max_tokens = 100});
  EXPECT_EQ(more.stop, StopReason::ContextFull);
  EXPECT_EQ(more.ids.size(), 8u);
}

TEST_F(Generate, EndsWhenCancelled) {
  Session session(model_, {.context = 64});
  int asked = 0;
  const Generated result =
      generate(session, tokenizer_, prompt_, {.max_tokens = 30, .cancelled = [&] { return ++asked > 5; }});
  EXPECT_EQ(result.stop, StopReason::Cancelled);
  EXPECT_EQ(result.ids.size(), 4u);
}

TEST_F(Generate, EndsWithinALongPromptWhenCancelled) {
  Session session(model_, {.context = 64, .max_rows = 4});
  int asked = 0;
  const Generated result =
      generate(session, tokenizer_, std::vector<int32_t>(40, 1), {.cancelled = [&] { return ++asked > 3; }});
  EXPECT_EQ(result.stop, StopReason::Cancelled);
  EXPECT_TRUE(result.ids.empty());
  EXPECT_EQ(session.length(), 12);
  EXPECT_EQ(result.prefill_tokens_per_second(), 0) << "a part of the prompt measures nothing";
}

TEST_F(Generate, RefusesFewerThanNoTokens) {
  Session session(model_, {.context = 64});
  for (const int64_t n : {int64_t{-2}, int64_t{-7}, INT64_MIN})
    EXPECT_THROW(generate(session, tokenizer_, prompt_, {.max_tokens = n}), ArgumentError) << n;
  EXPECT_EQ(session.length(), 0);
}

TEST_F(Generate, RefusesEmptyAndOverlongPrompts) {
  Session session(model_, {.context = 4});
  EXPECT_THROW(generate(session, tokenizer_, {}, {}), ArgumentError);
  EXPECT_THROW(generate(session, tokenizer_, std::vector<int32_t>(5, 1), {}), ArgumentError);
  EXPECT_EQ(session.length(), 0);
}

}  // namespace
}  // namespace slm
