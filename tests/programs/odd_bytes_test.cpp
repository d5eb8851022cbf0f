// SPDX-License-Identifier: Apache-2.0
// GGUF files whose strings are no UTF-8: what the programs show stays valid JSON, the bytes replaced by U+FFFD;
// a vocabulary or a name that cannot be understood is refused in one readable line. Text that is none is told of.
#include <gtest/gtest.h>

#include "slm/text/utf8.h"
#include "tests/programs/rewritten_model.h"
#include "tests/programs/run_program.h"

namespace slm::test {
namespace {

constexpr const char* kOdd = "odd \xFF\xC3( \x1B[2J";
constexpr const char* kShown = "odd \uFFFD\uFFFD( \x1B[2J";

using Strings = std::vector<std::string_view>;

void expect_readable_error(const Ran& ran, const std::string& part) {
  expect_error(ran, 1, part);
  const std::string error = ran.error();
  EXPECT_EQ(valid_utf8_prefix(error), error.size()) << error;
  for (const char c : error) EXPECT_GE(static_cast<unsigned char>(c), ' ') << error;
}

TEST(OddBytes, InMetadataAreShownAsReplacementCharacters) {
  const TemporaryFolder folder;
  const std::string model = rewritten(folder, [](GgufWriter& writer, const GgufFile&) {
    writer.set_string("general.name", kOdd);
    writer.set_string("general.description", std::string("\xF0\x9F"));
    writer.set_string(kOdd, "value");
    writer.set_string("tokenizer.chat_template", kOdd);
  });
  const nlohmann::json got = answer("inspect", model, {});
  EXPECT_EQ(got.at("metadata").at("general.name"), kShown);
  EXPECT_EQ(got.at("metadata").at("general.description"), "\uFFFD");
  EXPECT_EQ(got.at("metadata").at(kShown), "value");
  EXPECT_EQ(got.at("chat").at("template"), kShown);
  const Ran text = run("inspect", {"--model", model, "--tensors"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(valid_utf8_prefix(text.out), text.out.size()) << "what a person reads is text too";
  EXPECT_EQ(text.out.find('\x1B'), std::string::npos) << "a file cannot command the terminal";
  EXPECT_EQ(answer("tokenize", model, {"--text", "the river"}).at("ids"),
            answer("tokenize", tiny("gguf/qwen2_untied_q4_0.gguf"), {"--text", "the river"}).at("ids"));
}

TEST(OddBytes, InTheVocabularyAreRefused) {
  for (const char* key : {"tokenizer.ggml.tokens", "tokenizer.ggml.merges"}) {
    const TemporaryFolder folder;
    const std::string model = rewritten(folder, [&](GgufWriter& writer, const GgufFile& source) {
      Strings strings = std::get<Strings>(source.array_value(key, GgufType::String)->values);
      strings[40] = kOdd;
      writer.set_strings(key, strings);
    });
    const std::string part = std::string(key).ends_with("merges") ? "merge 40" : "token 40 is no valid UTF-8";
    expect_readable_error(run("tokenize", {"--model", model, "--text", "a", "--json"}), part);
    expect_readable_error(run("inspect", {"--model", model, "--json"}), part);
    expect_readable_error(run("infer", {"--model", model, "--prompt", "a", "--json"}), part);
  }
}

TEST(OddBytes, InNamesOfTheFormatAreRefused) {
  const TemporaryFolder folder;
  for (const char* key : {"tokenizer.ggml.pre", "tokenizer.ggml.model", "general.architecture"}) {
    const std::string model =
        rewritten(folder, [&](GgufWriter& writer, const GgufFile&) { writer.set_string(key, kOdd); });
    expect_readable_error(run("inspect", {"--model", model, "--json"}), "expected");
  }
  const std::string model = rewritten(
      folder, [](GgufWriter&, const GgufFile&) {},
      [](const std::string& name) { return name == "output_norm.weight" ? kOdd : name; });
  expect_readable_error(run("inspect", {"--model", model, "--json"}), "tensor");
}

TEST(OddBytes, InTextForAModelAreToldOnceWhereverItComesFrom) {
  const TemporaryFolder folder;
  const std::string text = "Wie hoch st\xFCnde es?",
                    told = ": 1 byte is no UTF-8, the first at offset 11; read as U+FFFD\n";
  const auto expect_warning = [&](const std::string& program, std::vector<std::string> words, const std::string& name,
                                  const std::string& input = "") {
    words.insert(words.begin(), {"--model", tiny("qwen2_untied")});
    if (program == "infer") words.insert(words.end(), {"-n", "1"});
    const Ran ran = run(program, words, {.input = input});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const size_t at = ran.err.find("warning: " + name + told);
    ASSERT_NE(at, std::string::npos) << name << ": " << ran.err;
    EXPECT_EQ(ran.err.find("warning: ", at + 1), std::string::npos) << ran.err;
  };
  const std::string file = folder.file("latin1.txt", text);
  expect_warning("infer", {"--prompt", text}, "--prompt");
  expect_warning("infer", {"--prompt", "a", "--system", text}, "--system");
  expect_warning("infer", {"--file", file}, file);
  expect_warning("infer", {}, "stdin", text);
  expect_warning("infer", {"--chat"}, "message", "Is it high?\n" + text + "\n");
  expect_warning("tokenize", {"--text", text}, "--text");
  expect_warning("tokenize", {"--file", file}, file);
}

}  // namespace
}  // namespace slm::test
