// SPDX-License-Identifier: Apache-2.0
#include "slm/text/tokenizer.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <ctime>

#include "slm/core/error.h"
#include "slm/io/atomic_file.h"
#include "slm/io/gguf.h"
#include "slm/io/json.h"
#include "slm/text/stream_decoder.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_paths.h"
#include "tests/support/temporary_folder.h"
#include "tests/text/golden_support.h"

namespace slm {
namespace {

std::filesystem::path small(const std::string& name) { return test::text_golden("small_" + name + ".tokenizer.json"); }
std::filesystem::path temporary(const std::string& name) { return std::filesystem::path(testing::TempDir()) / name; }

void write_gguf(const TokenizerData& data, const std::filesystem::path& path) {
  GgufWriter writer;
  writer.set_string("tokenizer.ggml.model", data.model);
  writer.set_string("tokenizer.ggml.pre", data.pre);
  writer.set_strings("tokenizer.ggml.tokens", {data.tokens.begin(), data.tokens.end()});
  writer.set_strings("tokenizer.ggml.merges", {data.merges.begin(), data.merges.end()});
  std::vector<int32_t> types;
  for (const TokenType type : data.types) types.push_back(static_cast<int32_t>(type));
  writer.set_i32s("tokenizer.ggml.token_type", types);
  if (data.bos_id) writer.set_u32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(*data.bos_id));
  if (data.eos_id) writer.set_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(*data.eos_id));
  writer.set_bool("tokenizer.ggml.add_bos_token", data.add_bos);
  writer.set_string("tokenizer.chat_template", data.chat_template);
  writer.write(path, [](size_t, const GgufWriter::Sink&) {});
}

class SmallTokenizers : public testing::TestWithParam<const char*> {};

TEST_P(SmallTokenizers, GiveTheIdsAndTextsOfTheOfficialOnes) {
  const Tokenizer tokenizer = Tokenizer::load(small(GetParam()));
  for (const Json& row : parse_json_file(test::text_golden(std::string("small_") + GetParam() + ".cases.json"))) {
    const auto text = row.at("text").get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), row.at("ids").get<std::vector<int32_t>>()) << text;
    EXPECT_EQ(tokenizer.encode(text, {.control_tokens = true}), row.at("control_ids").get<std::vector<int32_t>>())
        << text;
    EXPECT_EQ(tokenizer.decode(row.at("ids").get<std::vector<int32_t>>()), row.at("decoded").get<std::string>())
        << text;
  }
}

TEST_P(SmallTokenizers, SurviveTheRoadThroughGguf) {
  const Tokenizer tokenizer = Tokenizer::load(small(GetParam()));
  const TokenizerData data = tokenizer.data();
  EXPECT_EQ(data.model, "gpt2");
  EXPECT_EQ(data.pre, std::string(GetParam()) == "gpt2"     ? "gpt-2"
                      : std::string(GetParam()) == "llama3" ? "llama-bpe"
                                                            : GetParam());
  const auto path = temporary(std::string(GetParam()) + ".gguf");
  write_gguf(data, path);
  const Tokenizer read = Tokenizer::load(path);
  for (const Json& row : parse_json_file(test::text_golden(std::string("small_") + GetParam() + ".cases.json"))) {
    const auto text = row.at("text").get<std::string>();
    if (text.find("uraw") != std::string::npos || text.find("    ") != std::string::npos ||
        text.find("<strip>") != std::string::npos)
      continue;  // GGUF cannot say "after normalization" or "with the white space around it"
    EXPECT_EQ(read.encode(text), tokenizer.encode(text)) << text;
    EXPECT_EQ(read.encode(text, {.control_tokens = true}), tokenizer.encode(text, {.control_tokens = true})) << text;
  }
  const TokenizerData again = read.data();
  EXPECT_EQ(again.tokens, data.tokens);
  EXPECT_EQ(again.types, data.types);
  EXPECT_EQ(again.merges, data.merges);
  EXPECT_EQ(again.add_bos, data.add_bos);
  EXPECT_EQ(again.eos_id, data.eos_id);
}

TEST_P(SmallTokenizers, DecodeInPiecesAsInOne) {
  const Tokenizer tokenizer = Tokenizer::load(small(GetParam()));
  test::RandomStrings strings;
  uint64_t state = 3;
  for (int i = 0; i < 500; ++i) {
    std::vector<int32_t> ids = tokenizer.encode(strings.next());
    if (i % 2 == 1) {  // any ids at all: mostly no valid UTF-8
      for (int32_t& id : ids)
        id = static_cast<int32_t>(test::splitmix64(++state) % static_cast<uint64_t>(tokenizer.vocab_size()));
    }
    StreamDecoder stream(tokenizer);
    std::string joined;
    for (const int32_t id : ids) {
      joined += stream.push(id);
      ASSERT_EQ(valid_utf8_prefix(joined), joined.size());
    }
    ASSERT_EQ(joined + stream.finish(), tokenizer.decode(ids));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SmallTokenizers, testing::Values("qwen2", "smollm", "gpt2", "llama3"));

TEST(Tokenizer, DecodesWhatItEncodes) {
  const Tokenizer tokenizer = Tokenizer::load(small("gpt2"));
  test::RandomStrings strings;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = strings.next();
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST(Tokenizer, ReadsInvalidUtf8AsReplacementCharacters) {
  const Tokenizer tokenizer = Tokenizer::load(small("qwen2"));
  EXPECT_EQ(tokenizer.encode("a\xFF\xE2\x82z"), tokenizer.encode("a\uFFFD\uFFFDz"));
  EXPECT_EQ(tokenizer.encode("\xC3"), tokenizer.encode("\uFFFD"));
}

TEST(Tokenizer, KnowsItsTokens) {
  const Tokenizer tokenizer = Tokenizer::load(small("qwen2"));
  const int32_t end = tokenizer.find("<|im_end|>").value();
  EXPECT_TRUE(tokenizer.is_control(end));
  EXPECT_EQ(tokenizer.type(tokenizer.find("<tool>").value()), TokenType::UserDefined);
  EXPECT_EQ(tokenizer.token_bytes(tokenizer.find("Ġ").value()), " ");
  EXPECT_EQ(tokenizer.piece(tokenizer.find("Ġ").value()), "Ġ");
  EXPECT_EQ(tokenizer.token_bytes(tokenizer.find("Żuraw").value()),
            "Żuraw");  // the added token, not the byte-level spelling
  EXPECT_FALSE(tokenizer.find("not a token"));
  EXPECT_EQ(tokenizer.decode(std::vector{end}), "");
  EXPECT_EQ(tokenizer.decode(std::vector{end}, /*skip_special=*/false), "<|im_end|>");
  EXPECT_THROW(tokenizer.decode(std::vector{-1}), ArgumentError);
  EXPECT_THROW(tokenizer.piece(tokenizer.vocab_size()), ArgumentError);
}

TEST(Tokenizer, AddsBosOnlyWhenAskedAndKnown) {
  const Tokenizer llama3 = Tokenizer::load(small("llama3"));
  EXPECT_TRUE(llama3.add_bos());
  EXPECT_EQ(llama3.piece(llama3.encode("x", {.add_bos = true}).front()), "<|begin_of_text|>");
  EXPECT_EQ(llama3.encode("x").size(), 1u);
  const Tokenizer qwen2 = Tokenizer::load(small("qwen2"));
  EXPECT_FALSE(qwen2.add_bos());
  EXPECT_EQ(qwen2.encode("x", {.add_bos = true}), qwen2.encode("x"));
}

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

/// Processor time: other programs may run beside the tests.
double seconds_to_encode(const Tokenizer& tokenizer, const std::string& text) {
  const std::clock_t start = std::clock();
  EXPECT_FALSE(tokenizer.encode(text).empty());
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

/// A quarter of a megabyte and one megabyte of the same: four times the work, n log n and noise allowed, not sixteen.
void expect_near_linear(const Tokenizer& tokenizer, const std::vector<std::string>& units) {
  for (const std::string& unit : units) {
    std::string quarter, whole;
    while (quarter.size() < size_t{256} << 10) quarter += unit;
    for (int i = 0; i < 4; ++i) whole += quarter;
    const double quarter_seconds = seconds_to_encode(tokenizer, quarter),
                 whole_seconds = seconds_to_encode(tokenizer, whole);
    EXPECT_TRUE(whole_seconds < 10 * quarter_seconds || whole_seconds < 1.0)
        << "\"" << unit << "\": " << quarter_seconds << " s, then " << whole_seconds << " s";
  }
}

TEST(Tokenizer, OneMegabyteOfTheSameStaysNearLinear) {
  const std::vector<std::string> units = {"a",   " ",  "🌊",          "\n",           "1", "!", "ab ", "e\u0301", "河",
                                          "\t ", "'s", "<|im_end|>", "a\u0301\u0323"};
  expect_near_linear(Tokenizer::load(small("qwen2")), units);
  expect_near_linear(Tokenizer::load(small("smollm")), units);
}

TEST(Tokenizer, OneMegabyteOfTheSameStaysNearLinearWithRealVocabularies) {
  const auto llama2 = test::shared_data() / "tokenizers/llama2/tokenizer.model";
  SLM_REQUIRE_PATH(llama2);
  expect_near_linear(Tokenizer::load(llama2), {"a", " ", "🌊"});
  expect_near_linear(Tokenizer::load(test::shared_data() / "tokenizers/qwen2.5/tokenizer.reconstructed.json"),
                     {"a", " ", "🌊"});
}

}  // namespace
}  // namespace slm
