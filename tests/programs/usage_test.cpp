// SPDX-License-Identifier: Apache-2.0
// What a user reads of every program: its help, what wrong usage is answered with, plural forms and shapes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

struct Wrong {
  std::string program;
  Words words;
  std::string part;  ///< of the message
};

TEST(WrongUsage, SaysWhichOptionWhatWasFoundAndWhatIsExpected) {
  const Words infer = {"--prompt", "a"}, evaluate = {"--data", "d"}, quantize = {"--scheme", "w4g32"};
  const std::vector<Wrong> all = {
      {"infer",
       {"--seed", "99999999999999999999"},
       "--seed: '99999999999999999999', expected a whole number from 0 to 18446744073709551615"},
      {"infer", {"--seed", "18446744073709551616"}, "to 18446744073709551615"},
      {"infer", {"--threads", "0x2"}, "--threads: '0x2', expected a whole number from 1 to 1024"},
      {"infer", {"--temperature", "nan"}, "--temperature: 'nan', expected a number from 0 to 1000"},
      {"infer", {"--temperature", "inf"}, "expected a number from 0 to 1000"},
      {"infer", {"--temperature", "1001"}, "expected a number from 0 to 1000"},
      {"infer", {"--temperature", "0.5x"}, "expected a number from 0 to 1000"},
      {"infer", {"--top-p", "0"}, "--top-p: '0', expected a number above 0, at most 1"},
      {"infer", {"--top-p", "1e-60"}, "expected a number above 0, at most 1"},
      {"infer", {"--min-p", "-0.1"}, "--min-p: '-0.1', expected a number from 0 to 1"},
      {"infer", {"--repeat-penalty", "0"}, "expected a number above 0, at most 1000"},
      {"infer", {"--top-k", "99999999999"}, "--top-k: '99999999999', expected a whole number"},
      {"infer", {"-n", "abc"}, "-n: 'abc', expected a whole number from -1"},
      {"infer", {"-n", "-7"}, "-n: '-7', expected a whole number from -1"},
      {"infer", {"-n", ""}, "-n"},
      {"infer", {"--ctx", "0"}, "--ctx: '0', expected a whole number from 1"},
      {"infer", {"--kv", "q8"}, "--kv: 'q8', expected f16 or f32"},
      {"infer", {"--kv", "1"}, "--kv: '1', expected f16 or f32"},
      {"infer", {"--stop", ""}, "--stop: '' is empty"},
      {"infer", {"--stop", "a", "--stop", ""}, "--stop: '' is empty"},
      {"infer", {"--model", ""}, "--model: '' is empty"},
      {"evaluate", {"--fake-activations", "a4"}, "--fake-activations: 'a4', expected f32, a8g32 or a8t"},
      {"evaluate", {"--weights", "w4g32,f32,w4g32"}, "--weights: 'w4g32' is there twice"},
      {"evaluate", {"--weights", "as-is", "--weights", "as-is"}, "'as-is' is there twice"},
      {"evaluate", {"--weights", "f32,,w8c"}, "--weights: 'f32,,w8c' has an empty word"},
      {"evaluate", {"--weights", "f32,"}, "--weights: 'f32,' has an empty word"},
      {"evaluate", {"--weights", ""}, "--weights"},
      {"evaluate", {"--weights", "f32,as_is"}, "--weights: [weights] \"as_is\" is unknown"},
      {"evaluate", {"--data", ""}, "--data"},
      {"evaluate", {"--window", "1"}, "--window: '1', expected a whole number from 2"},
      {"quantize", {"--out", ""}, "--out: '' is empty"},
      {"end_to_end_bench", {"--weights", "f32,f32"}, "'f32' is there twice"},
      {"end_to_end_bench", {"--rounds", "1.5"}, "--rounds: '1.5', expected a whole number from 1"},
      {"tokenize", {"--file", ""}, "--file: '' is empty"},
  };
  for (const Wrong& wrong : all) {
    Words words = wrong.words;
    if (words[0] != "--model") words.insert(words.end(), {"--model", tiny("qwen2_tied")});
    if (wrong.program == "infer") words.insert(words.end(), infer.begin(), infer.end());
    if (wrong.program == "evaluate" && words[0] != "--data")
      words.insert(words.end(), evaluate.begin(), evaluate.end());
    if (wrong.program == "quantize") words.insert(words.end(), quantize.begin(), quantize.end());
    expect_error(run(wrong.program, words), 2, wrong.part);
  }
}

TEST(WrongUsage, HoldsTheThreadsOfTheEnvironmentToTheSameLimit) {
  const Words words = {"--model", tiny("qwen2_tied"), "--json"};
  for (const std::string number : {"1025", "100000", "5000000000", "99999999999999999999", "0", "-1", "many", "1025,2",
                                   "3x", "2.5", "3 2", "0x10", "4,abc", "4,", "2,0"})
    expect_error(run("inspect", words, {.environment = {{"OMP_NUM_THREADS", number}}}), 1,
                 "OMP_NUM_THREADS is " + number + ", expected 1 to 1024");
  const auto threads = [](const Words& more, const std::string& number) {
    Words all = {"--prompt", "a", "-n", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return answer("infer", tiny("qwen2_tied"), all, {.environment = {{"OMP_NUM_THREADS", number}}}).at("threads");
  };
  EXPECT_EQ(threads({}, "3"), 3);
  EXPECT_EQ(threads({}, " 3,2"), 3);
  EXPECT_GE(threads({}, ""), 1);
  EXPECT_EQ(threads({"--threads", "2"}, "100000"), 2) << "given, it is all that counts";
}

TEST(WrongUsage, NamesAnUnknownOptionRatherThanOneItMayHaveMeant) {
  for (const char* program : {"infer", "quantize", "inspect"}) {
    expect_error(run(program, {"--bogus"}), 2, "--bogus");
    expect_error(run(program, {"--modle", tiny("qwen2_tied")}), 2, "--modle");
    expect_error(run(program, {}), 2, "--model is required");
  }
}

TEST(WrongUsage, SaysWhatToPassForPartsOfModels) {
  for (const std::string program : {"inspect", "tokenize", "infer"}) {
    for (const char* file : {"model.safetensors", "config.json"})
      expect_error(run(program, {"--model", tiny("qwen2_tied") + "/" + file}), 2,
                   "pass the folder: " + tiny("qwen2_tied"));
    expect_error(run(program, {"--model", tiny("gguf")}), 2, "pass " + tiny("gguf") + "/");
  }
}

TEST(Numbers, AreTakenAsTheyAreWritten) {
  const Words words = {"--prompt", "a", "--ignore-eos"};
  const auto ids = [&](const Words& more) {
    Words all = words;
    all.insert(all.end(), more.begin(), more.end());
    return answer("infer", tiny("qwen2_tied"), all).at("ids");
  };
  EXPECT_EQ(ids({"-n", "010"}).size(), 10u) << "no octal number";
  EXPECT_EQ(ids({"-n", "00"}).size(), 0u);
  const std::string most = "18446744073709551615", signed_most = "9223372036854775807";
  const Words hot = {"-n", "12", "--temperature", "2", "--seed"};
  const auto drawn = [&](const std::string& seed) {
    Words all = hot;
    all.push_back(seed);
    return ids(all);
  };
  EXPECT_EQ(drawn(most), drawn(most));
  EXPECT_NE(drawn(most), drawn(signed_most)) << "no clipped number";
}

TEST(Help, FitsTheScreenAndSaysWhatAllProgramsShare) {
  for (const char* program : {"infer", "quantize", "evaluate", "inspect", "tokenize", "end_to_end_bench"}) {
    const std::string page = run(program, {"--help"}).out;
    EXPECT_NE(page.find("\n\nUsage: " + std::string(program) + " --model DIR|FILE "), std::string::npos) << program;
    EXPECT_EQ(page.find("\n\n\n"), std::string::npos) << program;
    for (const char* word : {"SLM_ISA", "OMP_NUM_THREADS", "scalar avx2", "Exit codes:", "1 to 1024", "(default 0)"})
      EXPECT_NE(page.find(word), std::string::npos) << program << ": " << word;
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
      const auto columns = std::count_if(line.begin(), line.end(),
                                         [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
      EXPECT_LE(columns, 120) << program << ": " << line;
    }
    EXPECT_GT(page.find("\nWeights:\n"), page.find("Usage:")) << program << ": first how, then with what";
  }
  const std::string infer = run("infer", {"--help"}).out;
  for (const char* range : {"0 to 1000", "above 0, at most 1", "f16|f32", "-1 or more", "/reset", "//text"})
    EXPECT_NE(infer.find(range), std::string::npos) << range;
}

TEST(Help, NamesEveryKeyOfTheJson) {
  const TemporaryFolder folder;
  const std::string model = tiny("qwen2_tied"), out = (folder.path() / "out").string();
  const std::string text = folder.file("text", "The river rose in the night, and fell by day.");
  std::string long_text;
  for (int i = 0; i < 40; ++i) long_text += "The river rose in the night, and fell by day. ";
  const std::string learned = folder.file("learned.txt", long_text);
  const std::string task = folder.file("tasks", R"({"prompt": "High?", "choices": ["yes", "no"], "answer": "yes"})");
  const std::vector<std::pair<std::string, Words>> all = {
      {"tokenize", {"--model", model, "--text", "a"}},
      {"inspect", {"--model", tiny("gguf/qwen2_untied_q4_0.gguf")}},
      {"infer", {"--model", model, "--prompt", "a", "-n", "1"}},
      {"infer", {"--model", tiny("qwen2_untied"), "--chat", "-n", "1"}},
      {"quantize", {"--model", model, "--scheme", "w8g32", "--out", out + ".gguf"}},
      {"evaluate", {"--model", model, "--data", text, "--protocol", "rolling", "--window", "8", "--kl-to", "f32"}},
      {"score", {"--model", model, "--tasks", task}},
      {"end_to_end_bench", {"--model", model, "--prefill", "4", "--decode", "2", "--rounds", "1"}},
      {"new_model", {"--tokenizer", model, "--width", "64", "--layers", "1", "--ffn", "32", "--out", out}},
      {"qat_kd_train",
       {"--student", model, "--train", learned, "--steps", "1", "--seq", "8", "--valid-sequences", "1", "--out",
        out + ".run"}},
      {"flood_world", {"--reports", "1", "--out", out + ".jsonl"}},
  };
  for (auto [program, words] : all) {
    words.push_back("--json");
    const Ran ran = run(program, words, {.input = "a\n"});
    ASSERT_EQ(ran.exit_code, 0) << program << ": " << ran.err;
    const std::string page = run(program, {"--help"}).out;
    std::string taught = page.substr(std::min(page.find("JSON: "), page.size()));
    for (char& c : taught)
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') c = ' ';
    const std::function<void(const json&)> expect_taught = [&](const json& level) {  // and those of objects in lists
      for (const auto& [key, value] : level.items()) {
        EXPECT_NE(taught.find(" " + key + " "), std::string::npos) << program << ": " << key;
        if (value.is_array())
          for (const json& item : value)
            if (item.is_object()) expect_taught(item);
      }
    };
    expect_taught(ran.json());
  }
}

TEST(Help, FailsWhereItCannotBeWritten) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "/dev/full is not here";
  for (const char* word : {"--help", "--version"})
    expect_error(run("tokenize", {word}, {.output = "/dev/full"}), 1, "No space left");
}

TEST(TimingLine, SaysOnlyWhatWasMeasured) {
  const Ran none = run("infer", {"--model", tiny("qwen2_tied"), "--prompt", "a", "-n", "0"});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(none.out, "") << "no line of nothing";
  EXPECT_NE(none.err.find("prompt "), std::string::npos) << none.err;
  EXPECT_EQ(none.err.find("first token"), std::string::npos) << none.err;
  EXPECT_EQ(none.err.find("0 tokens"), std::string::npos) << none.err;
  const Ran one = run("infer", {"--model", tiny("qwen2_tied"), "--raw", "--prompt", "a", "-n", "1"});
  EXPECT_NE(one.err.find("prompt 1 token at "), std::string::npos) << one.err;
  EXPECT_NE(one.err.find(", 1 token, stopped: length"), std::string::npos) << "no rate of one token: " << one.err;
  const Ran full =
      run("infer", {"--model", tiny("qwen2_tied"), "--raw", "--prompt", "a", "--ctx", "1", "--ignore-eos"});
  EXPECT_NE(full.err.find("context of 1 token is full, the text ends here; --ctx may be up to 512"), std::string::npos)
      << full.err;
}

TEST(Shapes, AreRowsAndColumnsEverywhere) {
  const TemporaryFolder folder;
  const Ran inspected = run("inspect", {"--model", tiny("qwen2_tied"), "--tensors"});
  const Ran quantized = run("quantize", {"--model", tiny("qwen2_tied"), "--scheme", "w8g32", "--verbose", "--out",
                                         (folder.path() / "o.gguf").string()});
  for (const Ran& ran : {inspected, quantized}) {
    EXPECT_NE(ran.out.find(" (336,64) "), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find(" (64) "), std::string::npos) << ran.out;
    EXPECT_EQ(ran.out.find("[336,64]"), std::string::npos);
  }
}

}  // namespace
}  // namespace slm::test
