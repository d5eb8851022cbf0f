// SPDX-License-Identifier: Apache-2.0
// Documents: what is learned of each form of training text, and what is refused.
#include "slm/data/document.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"
#include "slm/text/chat_template.h"
#include "slm/text/stream_decoder.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"
#include "tests/text/small_sentencepiece.h"

namespace slm {
namespace {

const Tokenizer& tokenizer() {
  static const Tokenizer loaded =
      Tokenizer::load(std::filesystem::path(SLM_SOURCE_DIR) / "tests/golden/data/tiny/qwen2_tied");
  return loaded;
}
constexpr int32_t kEnd = 319;  // <|im_end|>

std::vector<Document> lines(const std::string& text) { return make_documents(text, "train.jsonl", tokenizer()); }
/// The learned ids, and the others as −1.
std::vector<int32_t> learned(const Document& document) {
  std::vector<int32_t> ids = document.ids;
  for (size_t i = 0; i < ids.size(); ++i)
    if (document.is_target[i] == 0) ids[i] = -1;
  return ids;
}
std::vector<int32_t> joined(std::initializer_list<std::vector<int32_t>> parts) {
  std::vector<int32_t> all;
  for (const std::vector<int32_t>& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
std::vector<int32_t> none(size_t count) { return std::vector<int32_t>(count, -1); }

TEST(Documents, AreLinesOfJsonByTheNameOfTheirFile) {
  for (const char* name : {"a.jsonl", "a.JSONL", "b/a.ndjson", ".jsonl"}) EXPECT_TRUE(is_json_lines(name)) << name;
  for (const char* name : {"a.json", "a.txt", "jsonl", "a.jsonl.txt", ""}) EXPECT_FALSE(is_json_lines(name)) << name;
}

TEST(Documents, PlainTextIsOneDocumentLearnedButForItsFirstToken) {
  const std::string text = "the river rose\nin the night {\"text\": 1}";
  const std::vector<Document> documents = make_documents(text, "book.txt", tokenizer());
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0].ids, tokenizer().encode(text));
  EXPECT_EQ(documents[0].targets(), std::ssize(documents[0].ids) - 1);
  EXPECT_EQ(documents[0].is_target[0], 0);
}

TEST(Documents, LinesOfTextEndWithTheEndOfText) {
  const std::vector<Document> documents = lines("{\"text\": \"the river\"}\n\n  \r\n{\"text\": \"rose\"}");
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0].ids, joined({tokenizer().encode("the river"), {tokenizer().eos_ids().front()}}));
  EXPECT_EQ(documents[1].targets(), std::ssize(documents[1].ids) - 1);
}

TEST(Documents, OfPromptAndCompletionTheCompletionIsLearned) {
  const Document document = lines(R"({"prompt": "the river", "completion": " rose"})")[0];
  const auto prompt = tokenizer().encode("the river"), completion = tokenizer().encode(" rose");
  EXPECT_EQ(learned(document), joined({none(prompt.size()), completion, {tokenizer().eos_ids().front()}}));
}

TEST(Documents, ACompletionGoesOnWithItsPromptsText) {
  const Tokenizer prefixing = small_tokenizer();
  for (const std::string completion : {"world", " world", "he"}) {
    const std::string line = fmt::format(R"({{"prompt": "hello", "completion": "{}"}})", completion);
    const Document document = make_documents(line, "train.jsonl", prefixing)[0];
    const auto prompt = prefixing.encode("hello", {.add_bos = true});
    const std::vector<int32_t> written(document.ids.begin() + std::ssize(prompt), document.ids.end() - 1);
    StreamDecoder stream(prefixing, StreamStart::Continuation);
    std::string text;
    for (const int32_t id : written) text += stream.push(id);
    EXPECT_EQ(text + stream.finish(), completion) << "nothing but what was asked for";
    EXPECT_EQ(document.targets(), std::ssize(written) + 1);
  }
}

TEST(Documents, OfTurnsEveryCompletionIsLearned) {
  const Document document = lines(
      R"({"turns": [{"prompt": "the river", "completion": " rose"}, {"prompt": "and", "completion": " fell"}]})")[0];
  const auto river = tokenizer().encode("the river"), rose = tokenizer().encode(" rose"),
             next = tokenizer().encode("and"), fell = tokenizer().encode(" fell");
  const int32_t end = tokenizer().eos_ids().front();
  EXPECT_EQ(document.ids, joined({river, rose, next, fell, {end}}));
  EXPECT_EQ(learned(document), joined({none(river.size()), rose, none(next.size()), fell, {end}}));
}

TEST(Documents, OfAConversationTheAnswersAreLearnedAsTheModelWouldSeeThem) {
  const Document document =
      lines(R"({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it high?"}, )"
            R"({"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Still?"}, )"
            R"({"role": "assistant", "content": "No."}]})")[0];
  const ChatTemplate chat(tokenizer());
  const std::vector<ChatMessage> first = {{ChatRole::System, "Be brief."}, {ChatRole::User, "Is it high?"}};
  const auto prompt = chat.encode(first), yes = tokenizer().encode("Yes."), next = chat.encode_next("Still?"),
             no = tokenizer().encode("No.");
  EXPECT_EQ(document.ids, joined({prompt, yes, next, no, {kEnd}}));
  EXPECT_EQ(learned(document), joined({none(prompt.size()), yes, {kEnd}, none(next.size() - 1), no, {kEnd}}));
}

TEST(Documents, RefusesWhatIsNoTrainingText) {
  const auto refuses = [](const std::string& text, std::initializer_list<std::string_view> parts) {
    expect_error<FormatError>([&] { lines(text); }, parts);
    expect_error<FormatError>([&] { lines(text); }, {"train.jsonl"});
  };
  refuses("", {"no documents"});
  refuses("\n \n", {"no documents"});
  refuses("{\"text\": \"a\"}\n{\"text\": ", {"line 2"});
  refuses("{\"text\": \"a\"}\n\n[1]", {"line 3", "object"});
  refuses(R"({"story": "a"})", {"line 1", "\"text\""});
  refuses(R"({"text": ""})", {"line 1", "nothing to learn"});
  refuses(R"({"prompt": "", "completion": ""})", {"line 1", "nothing to learn"});
  refuses(R"({"text": 5})", {"line 1", "text", "a string"});
  refuses(R"({"prompt": "a"})", {"line 1", "completion"});
  refuses(R"({"turns": [{"prompt": "a"}]})", {"line 1", "completion"});
  refuses(R"({"turns": []})", {"line 1", "nothing to learn"});
  refuses(R"({"messages": []})", {"line 1", "an answer last"});
  refuses(R"({"messages": [{"role": "user", "content": "a"}]})", {"an answer last"});
  refuses(R"({"messages": [{"role": "assistant", "content": "a"}]})", {"an answer last"});
  refuses(R"({"messages": [{"role": "tool", "content": "a"}]})", {"tool"});
  EXPECT_THROW(make_documents("", "empty.txt", tokenizer()), FormatError);
  const TemporaryFolder folder;
  EXPECT_THROW(read_documents(folder.path() / "none.txt", tokenizer()), IoError);
}

TEST(Documents, SplitOffTakesTheLastShare) {
  std::vector<Document> many = lines("{\"text\": \"a\"}\n{\"text\": \"b\"}\n{\"text\": \"c\"}\n{\"text\": \"d\"}");
  const std::vector<int32_t> last = many.back().ids;
  const std::vector<Document> off = split_off(many, 0.25);
  ASSERT_EQ(off.size(), 1u);
  EXPECT_EQ(off[0].ids, last);
  EXPECT_EQ(many.size(), 3u);
  std::vector<Document> one = make_documents(std::string(400, 'x'), "text", tokenizer());
  const std::vector<int32_t> all = one[0].ids;
  const std::vector<Document> tail = split_off(one, 0.1);
  EXPECT_EQ(joined({one[0].ids, tail[0].ids}), all);
  EXPECT_NEAR(static_cast<double>(tail[0].ids.size()), 0.1 * static_cast<double>(all.size()), 1);
  EXPECT_EQ(tail[0].is_target[0], 0);
  EXPECT_EQ(one[0].ids.size(), one[0].is_target.size());
  EXPECT_THROW(split_off(one, 1.0), ArgumentError);
  for (const double share : {1e-9, 0.8, 0.999}) {
    std::vector<Document> two = lines("{\"text\": \"a\"}\n{\"text\": \"b\"}");
    EXPECT_EQ(split_off(two, share).size(), 1u) << share;
    EXPECT_EQ(two.size(), 1u) << share;
  }
  std::vector<Document> least{{.ids = {1, 2}, .is_target = {0, 1}}}, less{{.ids = {1}, .is_target = {0}}}, no;
  EXPECT_EQ(split_off(least, 0.999)[0].ids, std::vector<int32_t>{2});
  EXPECT_EQ(least[0].ids, std::vector<int32_t>{1});
  EXPECT_THROW(split_off(less, 0.5), ArgumentError);
  EXPECT_THROW(split_off(no, 0.5), ArgumentError);
}

}  // namespace
}  // namespace slm
