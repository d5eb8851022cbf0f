// SPDX-License-Identifier: Apache-2.0
// Tokenizer::load: what it reads of a folder, and what it refuses of paths, files and their content.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "slm/core/error.h"
#include "slm/io/atomic_file.h"
#include "slm/io/json.h"
#include "slm/text/tokenizer.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"
#include "tests/text/golden_support.h"
#include "tests/text/small_tokenizers.h"

namespace slm {
namespace {

TEST(Tokenizer, ReadsTheFilesOfAFolder) {
  const auto folder = temporary("folder");
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  EXPECT_THROW(Tokenizer::load(folder), IoError);
  std::filesystem::copy_file(small("gpt2"), folder / "tokenizer.json");
  const Tokenizer bare = Tokenizer::load(folder);
  const auto id = [&](const char* piece) { return bare.find(piece).value(); };
  write_file(folder / "tokenizer_config.json",
             R"({"eos_token":{"content":"<eos>"},"bos_token":"<bos>","add_bos_token":true,"pad_token":null,
                 "chat_template":[{"name":"tool_use","template":"T"},{"name":"default","template":"D"}]})");
  write_file(folder / "generation_config.json",
             fmt::format(R"({{"eos_token_id":[{},{},999999]}})", id("a"), id("<eos>")));
  write_file(folder / "config.json", fmt::format(R"({{"eos_token_id":{}}})", id("b")));
  const Tokenizer tokenizer = Tokenizer::load(folder);
  const auto& eos = tokenizer.eos_ids();
  ASSERT_GE(eos.size(), 4u);
  EXPECT_EQ(eos[0], id("<eos>"));
  EXPECT_EQ(eos[1], id("a"));
  EXPECT_EQ(eos[2], id("b"));
  EXPECT_TRUE(tokenizer.is_eos(id("<|im_end|>")) && tokenizer.is_eos(id("<|endoftext|>")) &&
              tokenizer.is_eos(id("<end_of_turn>")));
  EXPECT_FALSE(tokenizer.is_eos(id("<bos>")));
  EXPECT_EQ(tokenizer.bos_id(), id("<bos>"));
  EXPECT_TRUE(tokenizer.add_bos());
  EXPECT_EQ(tokenizer.chat_template(), "D");
  EXPECT_EQ(tokenizer.data().eot_id, id("<|im_end|>"));
  write_file(folder / "chat_template.jinja", "J");
  EXPECT_EQ(Tokenizer::load(folder).chat_template(), "J");
  write_file(folder / "generation_config.json", R"({"eos_token_id":"two"})");
  EXPECT_THROW(Tokenizer::load(folder), FormatError);
}

/// What the system says of a path, as IoError with its number.
int error_number(const std::filesystem::path& path) {
  try {
    Tokenizer::load(path);
  } catch (const IoError& error) {
    EXPECT_NE(std::string_view(error.what()).find(path.filename().string()), std::string_view::npos) << error.what();
    return error.error_number();
  }
  return 0;
}

TEST(Tokenizer, SaysWhatTheSystemSaysOfAPath) {
  const TemporaryFolder folder;
  const auto at = [&](const std::string& name) { return folder.path() / name; };
  EXPECT_EQ(error_number(at("absent.json")), ENOENT);
  EXPECT_EQ(error_number(at("absent")), ENOENT);
  EXPECT_EQ(error_number(at(std::string(300, 'n'))), ENAMETOOLONG);
  std::filesystem::create_symlink("circle", at("circle"));
  EXPECT_EQ(error_number(at("circle")), ELOOP);
  folder.file("file", "x");
  EXPECT_EQ(error_number(at("file") / "tokenizer.json"), ENOTDIR);
}

TEST(Tokenizer, SaysWhatTheSystemSaysOfAFileInAFolder) {
  for (const char* name : {"tokenizer.model", "tokenizer.json", "tokenizer_config.json", "generation_config.json",
                           "chat_template.jinja"}) {
    const TemporaryFolder folder;
    if (std::string_view(name) != "tokenizer.json")
      std::filesystem::copy_file(small("gpt2"), folder.path() / "tokenizer.json");
    std::filesystem::create_symlink(name, folder.path() / name);
    expect_error<IoError>([&] { Tokenizer::load(folder.path()); }, {name, "Too many levels"});
  }
}

TEST(Tokenizer, WaitsForNoPipe) {
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
    const TemporaryFolder folder;
    const auto pipe = folder.path() / name;
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    for (const auto& path : {pipe, folder.path()})
      expect_error<IoError>([&] { Tokenizer::load(path); }, {name, "not a regular file"});
  }
}

TEST(Tokenizer, RefusesEmptyFiles) {
  const TemporaryFolder folder;
  for (const char* name : {"tokenizer.json", "tokenizer.model", "model.gguf"})
    expect_error<FormatError>([&] { Tokenizer::load(folder.file(name, "")); }, {name, "empty"});
}

TEST(Tokenizer, NamesWhatItDoesNotSupport) {
  const Json good = parse_json_file(small("qwen2"));
  const auto refused = [&](const char* pointer, const Json& value, const char* named) {
    Json changed = good;
    changed[Json::json_pointer(pointer)] = value;
    write_file(temporary("changed.json"), changed.dump());
    try {
      Tokenizer::load(temporary("changed.json"));
      ADD_FAILURE() << pointer;
    } catch (const FormatError& error) {
      EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
    }
  };
  refused("/normalizer", {{"type", "Lowercase"}}, "Lowercase");
  refused("/pre_tokenizer", {{"type", "Whitespace"}}, "Whitespace");
  refused("/pre_tokenizer/pretokenizers/0/behavior", "Removed", "Removed");
  refused("/pre_tokenizer/pretokenizers/0/pattern/Regex", "\\w+", "\\w");
  refused("/pre_tokenizer/pretokenizers/1/add_prefix_space", true, "add_prefix_space");
  refused("/post_processor", {{"type", "BertProcessing"}}, "BertProcessing");
  refused("/decoder", {{"type", "Metaspace"}}, "Metaspace");
  refused("/model/type", "Unigram", "Unigram");
  refused("/model/byte_fallback", true, "byte_fallback");
  refused("/model/end_of_word_suffix", "</w>", "end_of_word_suffix");
  refused("/model/dropout", 0.1, "dropout");
  refused("/model/merges/0", "nospace", "nospace");
  refused("/model/merges/0", {"Ġ", "never seen"}, "never seen");
  refused("/model/merges/0", {"a", "b", "c"}, "3 parts");
  refused("/model/vocab/a", 5'000'000, "5000000");
  refused("/model/vocab/a", "x", "\"a\"");
  refused("/model/vocab/a", 3, "belongs");
  refused("/model", nullptr, "model.vocab");
  refused("/added_tokens/0/single_word", true, "single_word");
  refused("/added_tokens/0/id", -1, "id -1");
}

TEST(Tokenizer, RefusesBadGguf) {
  const TokenizerData good = Tokenizer::load(small("gpt2")).data();
  const auto refused = [&](auto change) {
    TokenizerData data = good;
    change(data);
    write_gguf(data, temporary("bad.gguf"));
    EXPECT_THROW(Tokenizer::load(temporary("bad.gguf")), FormatError);
  };
  refused([](TokenizerData& data) { data.pre = "unheard-of"; });
  refused([](TokenizerData& data) { data.model = "bert"; });
  refused([](TokenizerData& data) { data.types.pop_back(); });
  refused([](TokenizerData& data) { data.types[0] = static_cast<TokenType>(7); });
  refused([](TokenizerData& data) { data.merges[0] = "one"; });
  refused([](TokenizerData& data) { data.merges[0] = "never seen"; });
  refused([](TokenizerData& data) { data.eos_id = 1 << 20; });
}

/// 12,000 files with one to three bytes changed, dropped, doubled or cut off: each loads or throws slm::Error.
TEST(Tokenizer, SurvivesMutatedJson) {
  Json few = parse_json_file(small("qwen2"));  // with few tokens: a changed merge has no token, and that is an error
  Json& vocabulary = few["model"]["vocab"];
  Json& merges = few["model"]["merges"];
  while (merges.size() > 16) {
    const auto last = merges.back().get<std::vector<std::string>>();
    vocabulary.erase(last[0] + last[1]);
    merges.erase(merges.size() - 1);
  }
  const std::string good = few.dump();
  const TemporaryFolder folder("mutated", memory_backed_folder());
  uint64_t state = 99;
  const auto draw = [&] { return test::splitmix64(state += 0x9E3779B97F4A7C15ULL); };
  const std::string alphabet = "\"{}[],:0123456789\\ntrue-+.eE ab\xFF";
  int loaded = 0, refused = 0;
  for (int i = 0; i < 12'000; ++i) {
    std::string bytes = good;
    for (uint64_t n = draw() % 3 + 1; n > 0; --n) {
      const size_t at = draw() % bytes.size();
      switch (draw() % 5) {
        case 0:
          bytes[at] = alphabet[draw() % alphabet.size()];
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << draw() % 8));
          break;
        case 2:
          bytes.erase(at, draw() % 8 + 1);
          break;
        case 3:
          bytes.insert(at, bytes.substr(draw() % bytes.size(), draw() % 24));
          break;
        default:
          draw() % 50 == 0 ? bytes.resize(at + 1) : void(bytes[at] = static_cast<char>('0' + draw() % 10));
      }
    }
    try {
      const Tokenizer tokenizer = Tokenizer::load(folder.file("mutated.json", bytes));
      const auto ids = tokenizer.encode("Hello <|im_start|> 12 \u00E9\u0301 河  <strip> \n", {.control_tokens = true});
      tokenizer.decode(ids);
      ++loaded;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(loaded, 900);  // the mutations reach past the parser
  EXPECT_GT(refused, 3000);
}

}  // namespace
}  // namespace slm
