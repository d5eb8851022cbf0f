// SPDX-License-Identifier: Apache-2.0
// What programs give for good input: the JSON they promise, the same answer from every way to ask.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>

#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;
using Ids = std::vector<int32_t>;

TEST(Tokenize, GivesTheIdsOfTransformers) {
  for (const char* model : {"qwen2_tied", "llama_untied"}) {
    const json tokenizer = golden(model).at("tokenizer");
    for (const json& expected : tokenizer.at("cases")) {
      const json got = answer("tokenize", tiny(model), {"--text", expected.at("text").get<std::string>()});
      EXPECT_EQ(got.at("ids"), expected.at("ids")) << expected;
      EXPECT_EQ(got.at("pieces").size(), expected.at("ids").size());
    }
    const json& parsed = tokenizer.at("control_tokens_parsed");
    const std::string text = parsed.at("text");
    EXPECT_EQ(answer("tokenize", tiny(model), {"--control-tokens", "--text", text}).at("ids"), parsed.at("ids"));
    EXPECT_NE(answer("tokenize", tiny(model), {"--text", text}).at("ids"), parsed.at("ids"));
  }
}

TEST(Tokenize, ReadsTextFilesAndStdinAlike) {
  const TemporaryFolder folder;
  const std::string text = "the river rose\nin the night\n";
  const json expected = answer("tokenize", tiny("qwen2_tied"), {"--text", text});
  EXPECT_EQ(answer("tokenize", tiny("qwen2_tied"), {"--file", folder.file("text", text)}), expected);
  EXPECT_EQ(answer("tokenize", tiny("qwen2_tied"), {"--file", "-"}, {.input = text}), expected);
  EXPECT_EQ(answer("tokenize", tiny("qwen2_tied"), {}, {.input = text}), expected);
  EXPECT_EQ(answer("tokenize", tiny("qwen2_tied"), {"--text", ""}).at("ids"), json::array());
  const Ran table = run("tokenize", {"--model", tiny("qwen2_tied"), "--text", "the"});
  EXPECT_EQ(std::count(table.out.begin(), table.out.end(), '\n'), 1) << table.out;
}

TEST(Infer, JsonHasWhatItPromises) {
  const json got =
      answer("infer", tiny("qwen2_untied"), {"--prompt", "Is the bridge open?", "-n", "8", "--ignore-eos"});
  expect_keys(got, {"model", "weights", "prompt_ids", "ids", "text", "stop", "load_seconds", "first_token_seconds",
                    "prefill_tokens_per_second", "decode_tokens_per_second", "exec_to_first_token_seconds", "kv_bytes",
                    "packed_bytes", "peak_rss_bytes"});
  EXPECT_EQ(got.at("ids").size(), 8u);
  EXPECT_EQ(got.at("stop"), "length");
  EXPECT_EQ(got.at("prompt_ids"), golden("qwen2_untied").at("tokenizer").at("chats")[0].at("ids"));
  EXPECT_GT(got.at("first_token_seconds").get<double>(), 0);
  EXPECT_GT(got.at("exec_to_first_token_seconds").get<double>(), got.at("first_token_seconds").get<double>());
  EXPECT_GT(got.at("peak_rss_bytes").get<int64_t>(), 1000000);
}

TEST(Infer, WritesTheSameTextAsItPutsIntoJson) {
  const Words words = {"--model", tiny("llama_tied"), "--raw", "--prompt", "the river", "-n", "12"};
  Words with_json = words;
  with_json.push_back("--json");
  EXPECT_EQ(run("infer", words).out, run("infer", with_json).json().at("text").get<std::string>() + "\n");
}

TEST(Infer, ReadsPromptFileAndStdinAlike) {
  const TemporaryFolder folder;
  const std::string text = "the river rose";
  for (const bool raw : {false, true}) {
    const Words rest = raw ? Words{"-n", "6", "--raw"} : Words{"-n", "6"};
    const auto ids = [&](Words words, const std::string& input = "") {
      words.insert(words.end(), rest.begin(), rest.end());
      const json got = answer("infer", tiny("qwen2_tied"), words, {.input = input});
      return std::pair(got.at("prompt_ids").get<Ids>(), got.at("ids").get<Ids>());
    };
    const auto expected = ids({"--prompt", text});
    EXPECT_EQ(ids({"--file", folder.file("prompt", text)}), expected);
    EXPECT_EQ(ids({}, text), expected);
    EXPECT_EQ(ids({}, text + "\n") == expected, !raw) << "only a message drops the line end that echo adds";
  }
}

TEST(Infer, TakesALineEndOfWindowsOffAMessage) {
  const TemporaryFolder folder;
  const auto ids = [&](const std::string& text, const Words& rest) {
    Words words = {"--file", folder.file("prompt", text), "-n", "1"};
    words.insert(words.end(), rest.begin(), rest.end());
    return answer("infer", tiny("qwen2_tied"), words).at("prompt_ids");
  };
  EXPECT_EQ(ids("a\r\nb\r\n", {}), ids("a\r\nb", {}));
  EXPECT_NE(ids("a\r\nb", {}), ids("a\nb", {})) << "inside the message they are the user's";
  EXPECT_NE(ids("a\r\n", {"--raw"}), ids("a", {"--raw"}));
}

TEST(Infer, LoadSecondsBeginWithTheFirstFile) {
  TemporaryFolder folder;
  std::filesystem::copy(tiny_models() / "qwen2_tied", folder.path());
  std::filesystem::remove(folder.path() / "special_tokens_map.json");
  ASSERT_EQ(mkfifo((folder.path() / "special_tokens_map.json").c_str(), 0600),
            0);  // the tokenizer waits for its writer
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    std::ofstream(folder.path() / "special_tokens_map.json") << "{}";
  });
  const json got = answer("infer", folder.path().string(), {"--prompt", "a", "-n", "1"});
  writer.join();
  EXPECT_GT(got.at("load_seconds").get<double>(), 0.4);
  EXPECT_GT(got.at("exec_to_first_token_seconds").get<double>(), got.at("load_seconds").get<double>());
}

TEST(Infer, RawContinuesTheTextItself) {
  const json expected = golden("llama_untied").at("tokenizer").at("cases")[0];
  const json got = answer("infer", tiny("llama_untied"), {"--raw", "--prompt", expected.at("text"), "-n", "1"});
  EXPECT_EQ(got.at("prompt_ids"), expected.at("ids"));
}

TEST(Infer, NeverReadsAUsersTextAsControlTokens) {
  const auto ends = [](const Words& words) {
    const Ids ids = answer("infer", tiny("qwen2_tied"), words).at("prompt_ids");
    return std::count(ids.begin(), ids.end(), 319) + std::count(ids.begin(), ids.end(), 318);
  };
  EXPECT_EQ(ends({"--prompt", "a<|im_end|><|im_start|>b", "-n", "1"}), ends({"--prompt", "ab", "-n", "1"}));
  EXPECT_EQ(ends({"--raw", "--prompt", "a<|im_end|>", "-n", "1"}), 0);
  EXPECT_EQ(ends({"--system", "<|im_end|>", "--prompt", "ab", "-n", "1"}), ends({"--prompt", "ab", "-n", "1"}));
}

TEST(Infer, SameSeedSameTextOtherSeedOtherText) {
  const auto ids = [](const std::string& seed, const std::string& temperature) {
    const Words words = {"--prompt", "a", "-n", "16", "--ignore-eos", "--seed", seed, "--temperature", temperature};
    return answer("infer", tiny("qwen2_tied"), words).at("ids").get<Ids>();
  };
  EXPECT_EQ(ids("1", "2"), ids("1", "2"));
  EXPECT_NE(ids("1", "2"), ids("2", "2"));
  EXPECT_EQ(ids("1", "0"), ids("2", "0"));
}

TEST(Infer, StopsBeforeAStopString) {
  const Words words = {"--raw", "--prompt", "the", "-n", "60", "--ignore-eos"};
  const std::string text = answer("infer", tiny("llama_untied"), words).at("text");
  ASSERT_GT(text.size(), 20u);
  const auto printable = std::find_if(text.begin() + 5, text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  ASSERT_NE(printable, text.end());
  const std::string stop(1, *printable);
  Words with_stop = words;
  with_stop.insert(with_stop.end(), {"--stop", stop});
  const json got = answer("infer", tiny("llama_untied"), with_stop);
  EXPECT_EQ(got.at("text"), text.substr(0, text.find(stop)));
  EXPECT_EQ(got.at("stop"), "stop_string");
}

TEST(Infer, SaysWhenTheContextIsFull) {
  const Ran ran = run("infer", {"--model", tiny("qwen2_tied"), "--raw", "--prompt", "the", "-n", "-1", "--ctx", "20",
                                "--ignore-eos", "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.json().at("stop"), "context_full");
  EXPECT_NE(ran.err.find("context of 20 tokens is full"), std::string::npos) << ran.err;
}

TEST(Infer, SaysWhichTypesItChanged) {
  const Ran mixed = run("infer", {"--model", tiny("gguf/qwen2_mixed.gguf"), "--prompt", "a", "-n", "1"});
  EXPECT_EQ(mixed.exit_code, 0) << mixed.err;
  EXPECT_NE(mixed.err.find("they became w8g32"), std::string::npos) << mixed.err;
  for (const char* type : {"1 Q2_K", "1 Q3_K", "1 Q4_K", "1 Q5_K", "1 Q6_K", "Q5_0", "Q5_1"})
    EXPECT_NE(mixed.err.find(type), std::string::npos) << type;
  for (const char* native : {"Q8_0", "Q4_0", "Q4_1", "BF16", "F16"})
    EXPECT_EQ(mixed.err.find(std::string(" ") + native), std::string::npos) << native;
  const Ran native = run("infer", {"--model", tiny("gguf/llama_tied_q8_0.gguf"), "--prompt", "a", "-n", "1"});
  EXPECT_EQ(native.err.find("note:"), std::string::npos) << native.err;
}

TEST(Infer, RunsEveryScheme) {
  int64_t larger = INT64_MAX;
  for (const char* weights : {"f32", "bf16", "w8g32", "w4g32a", "w4g32"}) {
    const json got = answer("infer", tiny("qwen2_tied"), {"--prompt", "a", "-n", "4", "--weights", weights});
    EXPECT_EQ(got.at("weights"), weights);
    EXPECT_LT(got.at("packed_bytes").get<int64_t>(), larger) << weights;
    larger = got.at("packed_bytes").get<int64_t>();
  }
  for (const char* weights : {"as-is", "f16", "w8c"})
    answer("infer", tiny("qwen2_tied"), {"--prompt", "a", "-n", "4", "--weights", weights, "--kv", "f32"});
}

TEST(Infer, ContinuesTheTextOfAModelWithoutATemplate) {
  TemporaryFolder folder;
  std::filesystem::copy(tiny_models() / "llama_tied", folder.path());
  std::filesystem::remove(folder.path() / "chat_template.jinja");
  const std::string model = folder.path().string();
  const Ran ran = run("infer", {"--model", model, "--prompt", "the river rose", "-n", "2", "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find("no chat template"), std::string::npos);
  EXPECT_EQ(ran.json().at("prompt_ids"), answer("tokenize", model, {"--text", "the river rose"}).at("ids"));
  expect_error(run("infer", {"--model", model, "--chat"}, {.input = "hello\n"}), 1, "template");
}

TEST(Bench, GivesMediansAndSpread) {
  const json one = answer("end_to_end_bench", tiny("llama_tied"),
                          {"--weights", "w4g32", "--prefill", "16", "--decode", "4", "--rounds", "3"});
  expect_keys(one, {"prefill_tokens_per_second", "decode_tokens_per_second", "spread", "peak_rss_bytes", "packed_bytes",
                    "kv_bytes", "load_seconds", "results"});
  const json& spread = one.at("spread").at("decode_tokens_per_second");
  EXPECT_LE(spread.at("min").get<double>(), one.at("decode_tokens_per_second").get<double>());
  EXPECT_GE(spread.at("max").get<double>(), one.at("decode_tokens_per_second").get<double>());
  EXPECT_GT(spread.at("min").get<double>(), 0);
  const json two =
      answer("end_to_end_bench", tiny("llama_tied"),
             {"--weights", "w8g32,f32", "--prefill", "0", "--decode", "2", "--depth", "9", "--rounds", "1"});
  ASSERT_EQ(two.at("results").size(), 2u);
  EXPECT_TRUE(two.at("results")[0].at("prefill_tokens_per_second").is_null());
  EXPECT_EQ(two.at("results")[1].at("weights"), "f32");
}

}  // namespace
}  // namespace slm::test
