// SPDX-License-Identifier: Apache-2.0
// Ctrl-C: ends an answer and keeps what there is of it; at the prompt it ends the talk. The exit code is 0.
// The model is a tiny one whose context is made so long that an answer takes hours: it does not end by itself.
// A measurement ends with 130, as a shell counts, and prints nothing: half a table would be read as a whole one.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

class EndlessModel : public testing::Test {
 protected:
  static constexpr int kContext = 1 << 18;

  void SetUp() override {
    std::filesystem::copy(tiny_models() / "qwen2_untied", folder_.path());
    nlohmann::json config = nlohmann::json::parse(content_of(folder_.path() / "config.json"));
    config["max_position_embeddings"] = kContext;
    folder_.file("config.json", config.dump());
  }
  /// Words that make it write without end, text for sure (drawn, not the likeliest: that may repeat a control token).
  std::vector<std::string> words(const std::vector<std::string>& rest) const {
    std::vector<std::string> all = {"--model", folder_.path().string(),  "-n",           "-1",
                                    "--ctx",   std::to_string(kContext), "--ignore-eos", "--temperature",
                                    "2"};
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }

  TemporaryFolder folder_;
};

using CtrlC = EndlessModel;

TEST_F(CtrlC, EndsAnAnswerCleanly) {
  Process process("infer", words({"--raw", "--prompt", "the"}), {});
  ASSERT_TRUE(process.wait_until([&] { return process.out().size() >= 4; })) << process.err();
  process.interrupt();
  const Ran ran = process.wait();
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_GE(ran.out.size(), 5u) << "what was written stays";
  EXPECT_TRUE(ran.out.ends_with('\n'));
  EXPECT_NE(ran.err.find("stopped: cancelled"), std::string::npos) << ran.err;
}

TEST_F(CtrlC, InThePromptSaysNothingOfWhatWasNotMeasured) {
  std::string text;
  for (int i = 0; i < 60000; ++i) text += "7 ";
  Process process("infer", words({"--raw", "--file", folder_.file("prompt", text)}), {});
  ASSERT_TRUE(process.wait_until([&] { return process.catches(SIGINT); })) << process.err();
  process.interrupt();
  const Ran ran = process.wait();
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find(" tokens, stopped: cancelled"), std::string::npos) << ran.err;
  for (const char* rate : {"/s", "first token"}) EXPECT_EQ(ran.err.find(rate), std::string::npos) << ran.err;
}

/// A talk whose lines are written one by one.
class Talk {
 public:
  Talk(const std::vector<std::string>& words) : process_("infer", words, {}, reader_) {}
  ~Talk() {
    close(writer_);
    close(reader_);
  }
  void say(const std::string& line) { ASSERT_EQ(::write(writer_, line.data(), line.size()), std::ssize(line)); }
  Process& process() { return process_; }
  int answers_ended() const {
    int count = 0;
    const std::string err = process_.err();
    for (size_t at = 0; (at = err.find("stopped: ", at)) != std::string::npos; ++at) ++count;
    return count;
  }

 private:
  int open_pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe(ends), 0);
    writer_ = ends[1];
    return ends[0];
  }
  int writer_ = -1;
  int reader_ = open_pipe();
  Process process_;
};

TEST_F(CtrlC, EndsAnAnswerOfATalkButNotTheTalk) {
  Talk talk(words({"--chat"}));
  Process& process = talk.process();
  for (int answer = 1; answer <= 2; ++answer) {
    const size_t before = process.out().size();
    talk.say("hello\n");
    ASSERT_TRUE(process.wait_until([&] { return process.out().size() >= before + 4; })) << process.err();
    process.interrupt();
    ASSERT_TRUE(process.wait_until([&] { return talk.answers_ended() == answer; })) << process.err();
    EXPECT_FALSE(process.ended());
  }
  talk.say("/exit\n");
  const Ran ran = process.wait();
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_NE(ran.err.find("stopped: cancelled"), std::string::npos) << ran.err;
}

TEST_F(CtrlC, AtThePromptEndsTheTalk) {
  Talk talk({"--model", tiny("qwen2_untied"), "--chat", "-n", "3"});
  Process& process = talk.process();
  talk.say("hello\n");
  ASSERT_TRUE(process.wait_until([&] { return talk.answers_ended() == 1; })) << process.err();
  for (int i = 0; i < 20 && !process.ended(); ++i) {  // one that comes before it is back at the prompt is of the answer
    process.interrupt();
    for (int wait = 0; wait < 100 && !process.ended(); ++wait) usleep(10000);
  }
  ASSERT_TRUE(process.ended());
  EXPECT_EQ(process.wait().exit_code, 0);
}

void expect_measurement_ends(Process& process) {
  ASSERT_TRUE(process.wait_until([&] { return process.catches(SIGINT); })) << process.err();
  process.interrupt();
  const Ran ran = process.wait();
  EXPECT_FALSE(ran.by_signal);
  EXPECT_EQ(ran.exit_code, 130);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("ended by signal 2"), std::string::npos) << ran.err;
}

TEST(CtrlCOfAMeasurement, EndsEvaluateWithoutAResult) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 60000; ++i) text += "The river rose in the night, line " + std::to_string(i * 37) + ".\n";
  const std::string data = folder.file("text", text);
  for (const bool json : {false, true}) {
    std::vector<std::string> words = {"--model", tiny("qwen2_tied"), "--data", data, "--weights", "f32,w8g32"};
    if (json) words.push_back("--json");
    Process process("evaluate", words, {});
    expect_measurement_ends(process);
  }
}

TEST(CtrlCOfAMeasurement, EndsTheBenchWithoutAResult) {
  for (const char* decode : {"0", "400"}) {
    Process process(
        "end_to_end_bench",
        {"--model", tiny("qwen2_tied"), "--prefill", "9", "--decode", decode, "--rounds", "1000000", "--json"}, {});
    expect_measurement_ends(process);
  }
}

TEST(CtrlCInTheMaking, EndsNewModelSoonAndLeavesNoFolder) {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "o").string();
  const std::vector<std::string> words = {"--tokenizer", tiny("qwen2_tied"), "--out", out,     "--width",
                                          "1024",        "--layers",         "24",    "--ffn", "16384"};
  Process process("new_model", words, {});  // 1.2 thousand million values: half a minute and more
  ASSERT_TRUE(process.wait_until([&] { return process.catches(SIGINT); })) << process.err();
  const auto begin = std::chrono::steady_clock::now();
  expect_measurement_ends(process);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace slm::test
