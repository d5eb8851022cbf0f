// SPDX-License-Identifier: Apache-2.0
// infer --chat: turns that keep the cache, commands, a context that is full, a message that is too long.
#include <gtest/gtest.h>

#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

TEST(Chat, KeepsTheCacheAndForgetsOnReset) {
  const std::string input = "Is the bridge open?\nAnd now?\n\n/reset\nIs the bridge open?\n/exit\nnever read\n";
  const json turns =
      answer("infer", tiny("qwen2_untied"), {"--chat", "-n", "5", "--ignore-eos"}, {.input = input}).at("turns");
  ASSERT_EQ(turns.size(), 3u);
  EXPECT_EQ(turns[0].at("prompt_ids"), golden("qwen2_untied").at("tokenizer").at("chats")[0].at("ids"));
  EXPECT_EQ(turns[1].at("prompt_ids")[0], turns[0].at("ids").back()) << "the answer's last token was not read yet";
  EXPECT_EQ(turns[1].at("prompt_ids")[1], 319) << "then the second turn ends the first answer";
  EXPECT_LT(turns[1].at("prompt_ids").size(), turns[0].at("prompt_ids").size() + 4);
  EXPECT_EQ(turns[2].at("prompt_ids"), turns[0].at("prompt_ids"));
  EXPECT_EQ(turns[2].at("ids"), turns[0].at("ids"));
  expect_keys(turns[1], {"user", "text", "stop", "dropped_turns", "first_token_seconds", "decode_tokens_per_second"});
}

TEST(Chat, ReadsLinesThatEndAsOnWindows) {
  const Words words = {"--chat", "-n", "2", "--ignore-eos"};
  const auto turns = [&](const std::string& input) {
    json found = answer("infer", tiny("qwen2_untied"), words, {.input = input}).at("turns");
    json ids = json::array();
    for (const json& turn : found) ids.push_back({turn.at("prompt_ids"), turn.at("user")});
    return ids;
  };
  const json expected = turns("Is it open?\n\n/reset\nAnd now?\n/exit\nnever read\n");
  EXPECT_EQ(expected.size(), 2u);
  EXPECT_EQ(turns("Is it open?\r\n\r\n/reset\r\nAnd now?\r\n/exit\r\nnever read\r\n"), expected);
}

TEST(Chat, DropsTheOldestTurnsWhenTheContextIsFull) {
  std::string input;
  for (int i = 0; i < 8; ++i) input += "turn number " + std::to_string(i) + "\n";
  const Ran ran = run("infer",
                      {"--model", tiny("qwen2_untied"), "--chat", "-n", "10", "--ctx", "160", "--ignore-eos", "--json",
                       "--system", "Be brief."},
                      {.input = input});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const json turns = ran.json().at("turns");
  ASSERT_EQ(turns.size(), 8u);
  int64_t dropped = 0;
  for (const json& turn : turns) {
    dropped += turn.at("dropped_turns").get<int64_t>();
    EXPECT_EQ(turn.at("ids").size(), 10u) << "room is kept for the answer";
  }
  EXPECT_GT(dropped, 0);
  EXPECT_LT(dropped, 8);
  EXPECT_NE(ran.err.find("the oldest turn is forgotten"), std::string::npos);
}

TEST(Chat, TakesALineThatBeginsWithASlashForACommand) {
  const auto told = [](const std::string& input) {
    return run("infer", {"--model", tiny("qwen2_untied"), "--chat", "-n", "2", "--json"}, {.input = input});
  };
  for (const std::string line : {"/help", "/quit", "/", "/reset now", "/etc/hosts"}) {
    const Ran ran = told(line + "\n");
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.json().at("turns"), json::array()) << "the model does not see " << line;
    for (const char* command : {"/reset", "/exit", "/help", "//text"})
      EXPECT_NE(ran.err.find(command), std::string::npos) << command;
    EXPECT_EQ(ran.err.find(line + " is no command") != std::string::npos, line != "/help") << ran.err;
  }
  const json turns = told("//etc/hosts\n").json().at("turns");
  ASSERT_EQ(turns.size(), 1u);
  EXPECT_EQ(turns[0].at("user"), "/etc/hosts");
}

TEST(Chat, GivesTheTurnsThatWereFinishedBeforeAMessageTooLong) {
  const Words words = {"--model", tiny("qwen2_untied"), "--chat", "-n", "2", "--ctx", "200"};
  const std::string input = "Is it open?\n" + std::string(700, '7') + "\nnever read\n";
  Words with_json = words;
  with_json.push_back("--json");
  const Ran ran = run("infer", with_json, {.input = input});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.error().find("the context has 200: --ctx may be up to 512"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.json().at("error"), ran.error());
  ASSERT_EQ(ran.json().at("turns").size(), 1u);
  EXPECT_EQ(ran.json().at("turns")[0].at("user"), "Is it open?");
  EXPECT_EQ(ran.json().at("turns")[0].at("ids").size(), 2u);
  expect_keys(ran.json(), {"load_seconds", "packed_bytes", "kv_bytes", "peak_rss_bytes"});

  const Ran text = run("infer", words, {.input = input});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_EQ(text.error(), ran.error());
  EXPECT_EQ(text.out, ran.json().at("turns")[0].at("text").get<std::string>() + "\n");
}

}  // namespace
}  // namespace slm::test
