// SPDX-License-Identifier: Apache-2.0
#include "slm/runtime/conversation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "slm/core/error.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

class ConversationTest : public testing::Test {
 protected:
  static std::shared_ptr<const Model> load() {
    return std::make_shared<const Model>(
        load_model(test::tiny_models() / "qwen2_untied", {.plan = {.weights = WeightScheme::F32}}));
  }
  static SessionOptions options(int64_t context) { return {.context = context, .kv = kernels::KvStorage::F32}; }
  static GenerateOptions tokens(int64_t n) { return {.max_tokens = n}; }

  std::shared_ptr<const Model> model_ = load();
  Tokenizer tokenizer_ = Tokenizer::load(test::tiny_models() / "qwen2_untied");
  ChatTemplate chat_{tokenizer_};
};

TEST_F(ConversationTest, AddsOnlyTheNewTurnToTheCache) {
  Session session(model_, options(400));
  Conversation talk(session, tokenizer_, chat_, "Be brief.");
  const Reply first = talk.reply("Hi", tokens(5));
  const std::vector<ChatMessage> messages = {{ChatRole::System, "Be brief."}, {ChatRole::User, "Hi"}};
  EXPECT_EQ(first.prompt_ids, chat_.encode(messages));
  const int64_t before = session.length();
  EXPECT_EQ(before, std::ssize(first.prompt_ids) + 4);
  const Reply second = talk.reply("And now?", tokens(5));
  std::vector<int32_t> added = {first.generated.ids.back()};  // the id that nothing had to be read after
  for (const int32_t id : chat_.encode_next("And now?")) added.push_back(id);
  EXPECT_EQ(second.prompt_ids, added);
  EXPECT_EQ(session.length(), before + std::ssize(second.prompt_ids) + 4);
  EXPECT_EQ(second.dropped_turns, 0);
  EXPECT_EQ(talk.messages().size(), 5u);
}

TEST_F(ConversationTest, SaysWhatOneLongPromptWouldSay) {
  Session session(model_, options(400));
  Conversation talk(session, tokenizer_, chat_);
  const Reply first = talk.reply("Hi", tokens(5));
  const Reply second = talk.reply("And now?", tokens(9));
  std::vector<int32_t> all = first.prompt_ids;
  all.insert(all.end(), first.generated.ids.begin(), first.generated.ids.end() - 1);
  all.insert(all.end(), second.prompt_ids.begin(), second.prompt_ids.end());
  Session fresh(model_, options(400));
  EXPECT_EQ(generate(fresh, tokenizer_, all, tokens(9)).ids, second.generated.ids);
}

TEST_F(ConversationTest, ReadsTheRestOfACancelledPromptWithTheNextTurn) {
  SessionOptions steps = options(400);
  steps.max_rows = 8;
  Session session(model_, steps);
  Conversation talk(session, tokenizer_, chat_);
  GenerateOptions cancelling = tokens(5);
  int asked = 0;
  cancelling.cancelled = [&] { return ++asked > 1; };
  const Reply first = talk.reply("A question that takes more than one step of eight tokens to read?", cancelling);
  ASSERT_EQ(first.generated.stop, StopReason::Cancelled);
  ASSERT_EQ(session.length(), 8);
  const Reply second = talk.reply("And now?", tokens(9));
  std::vector<int32_t> all(session.ids().begin(), session.ids().end());
  all.push_back(second.generated.ids.back());
  const std::vector<ChatMessage> asked_for(talk.messages().begin(), talk.messages().end() - 1);
  std::vector<int32_t> whole = chat_.encode(asked_for);
  whole.insert(whole.end(), second.generated.ids.begin(), second.generated.ids.end());
  EXPECT_EQ(all, whole);
}

TEST_F(ConversationTest, DrawsTurnTWithTheSeedPlusT) {
  GenerateOptions drawn = tokens(12);
  drawn.sampler = {.temperature = 5, .seed = 3};
  Session session(model_, options(400));
  Conversation talk(session, tokenizer_, chat_);
  GenerateOptions wrong = drawn;
  wrong.sampler.temperature = -1;
  EXPECT_THROW(talk.reply("Hi", wrong), ArgumentError) << "what failed is no turn";
  const Reply first = talk.reply("Hi", drawn);
  const std::vector<int32_t> read(session.ids().begin(), session.ids().end());
  const Reply second = talk.reply("Hi", drawn);
  std::vector<int32_t> all = read;
  all.insert(all.end(), second.prompt_ids.begin(), second.prompt_ids.end());
  const auto drawn_with = [&](uint64_t seed) {
    drawn.sampler.seed = seed;
    Session fresh(model_, options(400));
    return generate(fresh, tokenizer_, all, drawn).ids;
  };
  EXPECT_EQ(drawn_with(4), second.generated.ids);
  EXPECT_NE(drawn_with(3), second.generated.ids);
}

TEST_F(ConversationTest, DropsTheOldestTurnsAndKeepsTheSystemPrompt) {
  Session session(model_, options(120));
  Conversation talk(session, tokenizer_, chat_, "Be brief.");
  int64_t dropped = 0;
  for (int turn = 0; turn < 6; ++turn) {
    const std::string user = "turn " + std::to_string(turn);
    const Reply reply = talk.reply(user, tokens(8));
    dropped += reply.dropped_turns;
    EXPECT_EQ(reply.generated.ids.size(), 8u) << "room for the answer is kept";
    EXPECT_LE(session.length(), session.context());
    const auto messages = talk.messages();
    EXPECT_EQ(messages[0].content, "Be brief.");
    EXPECT_EQ(messages[messages.size() - 2].content, user);
    EXPECT_EQ(std::ssize(messages), 1 + 2 * (turn + 1 - dropped));

    // What the model saw is what the remembered messages say: the same answer as from an empty cache.
    if (reply.dropped_turns == 0) continue;
    Session fresh(model_, options(120));
    const std::vector<ChatMessage> asked(messages.begin(), messages.end() - 1);
    EXPECT_EQ(generate(fresh, tokenizer_, chat_.encode(asked), tokens(8)).ids, reply.generated.ids);
  }
  EXPECT_GT(dropped, 0);
}

TEST_F(ConversationTest, GoesOnAfterAnAnswerThatFilledTheContext) {
  Session session(model_, options(100));
  Conversation talk(session, tokenizer_, chat_);
  const Reply full = talk.reply("Hi", tokens(-1));
  EXPECT_EQ(full.generated.stop, StopReason::ContextFull);
  EXPECT_EQ(session.room(), 0);
  const Reply next = talk.reply("Hi", tokens(5));
  EXPECT_EQ(next.dropped_turns, 1);
  EXPECT_TRUE(std::equal(next.generated.ids.begin(), next.generated.ids.end(), full.generated.ids.begin()))
      << "the same question of an empty talk";
}

TEST_F(ConversationTest, ResetForgetsAllButTheSystemPrompt) {
  Session session(model_, options(400));
  Conversation talk(session, tokenizer_, chat_, "Be brief.");
  const Reply first = talk.reply("Hi", tokens(5));
  talk.reply("And now?", tokens(5));
  talk.reset();
  EXPECT_EQ(session.length(), 0);
  const Reply again = talk.reply("Hi", tokens(5));
  EXPECT_EQ(again.prompt_ids, first.prompt_ids);
  EXPECT_EQ(again.generated.ids, first.generated.ids);
}

TEST_F(ConversationTest, ReadsAgainAfterAStopString) {
  Session session(model_, options(400));
  Conversation talk(session, tokenizer_, chat_);
  const Reply probe = talk.reply("Hi", tokens(12));
  const std::string& text = probe.generated.text;
  const auto letter = std::find_if(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  ASSERT_NE(letter, text.end()) << text;
  talk.reset();
  GenerateOptions stopping = tokens(12);
  stopping.stop_strings = {std::string(1, *letter)};
  const Reply stopped = talk.reply("Hi", stopping);
  ASSERT_EQ(stopped.generated.stop, StopReason::StopString);
  const Reply next = talk.reply("And now?", tokens(6));
  std::vector<ChatMessage> asked(talk.messages().begin(), talk.messages().end() - 1);
  EXPECT_EQ(asked[1].content, text.substr(0, text.find(*letter)));
  Session fresh(model_, options(400));
  EXPECT_EQ(generate(fresh, tokenizer_, chat_.encode(asked), tokens(6)).ids, next.generated.ids);
}

TEST_F(ConversationTest, IsAsBeforeAfterAMessageThatDoesNotFit) {
  Session session(model_, options(100));
  Conversation talk(session, tokenizer_, chat_);
  EXPECT_THROW(talk.reply("", tokens(5)), ArgumentError);
  talk.reply("Hi", tokens(5));
  const size_t messages = talk.messages().size();
  try {
    talk.reply(std::string(500, '7'), tokens(5));
    FAIL() << "accepted";
  } catch (const ContextError& error) {
    EXPECT_NE(std::string(error.what()).find("the context has 100"), std::string::npos) << error.what();
  }
  EXPECT_EQ(talk.messages().size(), messages);
  EXPECT_EQ(talk.reply("Go", tokens(5)).generated.ids.size(), 5u);
}

}  // namespace
}  // namespace slm
