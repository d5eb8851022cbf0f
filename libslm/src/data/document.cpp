// SPDX-License-Identifier: Apache-2.0
#include "slm/data/document.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "slm/core/check.h"
#include "slm/io/json.h"
#include "slm/text/chat_template.h"

namespace slm {
namespace {

void append(Document& document, const std::vector<int32_t>& ids, bool is_target) {
  document.ids.insert(document.ids.end(), ids.begin(), ids.end());
  document.is_target.insert(document.is_target.end(), ids.size(), is_target ? 1 : 0);
}

/// Makes documents of one file's lines.
class LineReader {
 public:
  explicit LineReader(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  Document read(const Json& json, const std::string& where) {
    if (!json.is_object()) throw FormatError(where, "[data] expected a JSON object");
    Document document;
    if (tokenizer_.add_bos() && !json.contains("messages"))
      append(document, tokenizer_.encode("", {.add_bos = true}), false);
    if (json.contains("text")) {
      append(document, tokenizer_.encode(json_require<std::string>(json, "text", where)), true);
      end(document);
    } else if (json.contains("prompt")) {
      turn(document, json, where);
      end(document);
    } else if (json.contains("turns")) {
      for (const Json& item : json_require<std::vector<Json>>(json, "turns", where)) turn(document, item, where);
      end(document);
    } else if (json.contains("messages")) {
      chat(document, json_require<std::vector<Json>>(json, "messages", where), where);
    } else {
      throw FormatError(where,
                        "[data] expected \"text\", \"prompt\" and \"completion\", \"turns\" of these, or \"messages\"");
    }
    if (!document.is_target.empty()) document.is_target.front() = 0;
    if (document.targets() == 0) throw FormatError(where, "[data] nothing to learn, expected text of at least a token");
    return document;
  }

 private:
  void turn(Document& document, const Json& json, const std::string& where) const {
    append(document, tokenizer_.encode(json_require<std::string>(json, "prompt", where)), false);
    append(document, tokenizer_.encode(json_require<std::string>(json, "completion", where), {.continues = true}),
           true);
  }
  void end(Document& document) const {
    if (!tokenizer_.eos_ids().empty()) append(document, {tokenizer_.eos_ids().front()}, true);
  }

  /// Ids as Conversation gives them to a model: what it reads, then what it should write, up to the end of its turn.
  void chat(Document& document, const std::vector<Json>& list, const std::string& where) {
    try {
      if (!template_) template_.emplace(tokenizer_);
    } catch (const ArgumentError& error) {
      throw FormatError(where, error.what());
    }
    std::vector<ChatMessage> messages;
    for (const Json& item : list) {
      const auto role = json_require<std::string>(item, "role", where);
      messages.push_back({.content = json_require<std::string>(item, "content", where)});
      if (role == "system" && messages.size() == 1)
        messages.back().role = ChatRole::System;
      else if (role == "assistant")
        messages.back().role = ChatRole::Assistant;
      else if (role != "user")
        throw FormatError(where,
                          fmt::format("[data] role \"{}\", expected a system message first, user and assistant", role));
    }
    const size_t first = !messages.empty() && messages[0].role == ChatRole::System ? 2 : 1;
    const auto fits = [&](size_t i) {
      return messages[i].role == ((i - first) % 2 == 0 ? ChatRole::Assistant : ChatRole::User);
    };
    bool alternate = messages.size() > first && messages.back().role == ChatRole::Assistant &&
                     messages[first - 1].role == ChatRole::User;
    for (size_t i = first; alternate && i < messages.size(); ++i) alternate = fits(i);
    if (!alternate)
      throw FormatError(where,
                        "[data] expected an optional system message, then user and assistant in turn, an answer last");

    try {
      append(document, template_->encode(std::span(messages).first(first)), false);
    } catch (const ArgumentError& error) {
      throw FormatError(where, error.what());
    }
    for (size_t i = first; i < messages.size(); i += 2) {
      append(document, template_->encode_reply(messages[i].content), true);
      if (i + 1 == messages.size()) break;
      const std::vector<int32_t> next = template_->encode_next(messages[i + 1].content);
      const auto written = std::ranges::find(next, template_->stop_ids().front());  // by the model, up to there
      append(document, {written + 1, next.end()}, false);
    }
  }

  const Tokenizer& tokenizer_;
  std::optional<ChatTemplate> template_;
};

}  // namespace

int64_t Document::targets() const { return std::accumulate(is_target.begin(), is_target.end(), int64_t{0}); }

bool is_json_lines(std::string_view name) {
  std::string lower(name.substr(name.size() - std::min<size_t>(name.size(), 7)));
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
  return lower.ends_with(".jsonl") || lower.ends_with(".ndjson");
}

std::vector<Document> make_documents(std::string_view text, const std::string& name, const Tokenizer& tokenizer) {
  std::vector<Document> documents;
  if (!is_json_lines(name)) {
    Document document;
    append(document, tokenizer.encode(text, {.add_bos = tokenizer.add_bos()}), true);
    if (text.empty() || document.ids.empty()) throw FormatError(name, "[data] the text is empty");
    document.is_target.front() = 0;
    documents.push_back(std::move(document));
    return documents;
  }
  LineReader reader(tokenizer);
  for_json_lines(text, name,
                 [&](const Json& json, const std::string& where) { documents.push_back(reader.read(json, where)); });
  if (documents.empty()) throw FormatError(name, "[data] the file has no documents");
  return documents;
}

std::vector<Document> read_documents(const std::filesystem::path& file, const Tokenizer& tokenizer) {
  return make_documents(read_file(file), file.string(), tokenizer);
}

std::vector<Document> split_off(std::vector<Document>& documents, double share) {
  SLM_CHECK(share > 0 && share < 1, "[data] a share of {} for validation, expected between 0 and 1", share);
  const auto share_of = [&](int64_t all) {  // something stays, something goes
    return std::clamp<int64_t>(std::llround(share * static_cast<double>(all)), 1, all - 1);
  };
  std::vector<Document> rest;
  if (documents.size() > 1) {
    const int64_t count = share_of(std::ssize(documents));
    rest.assign(std::make_move_iterator(documents.end() - count), std::make_move_iterator(documents.end()));
    documents.erase(documents.end() - count, documents.end());
    return rest;
  }
  SLM_CHECK(documents.size() == 1 && documents[0].ids.size() >= 2,
            "[data] {} documents, {} ids, expected at least 2 ids", documents.size(),
            documents.empty() ? 0 : documents[0].ids.size());
  Document& all = documents[0];
  const int64_t count = share_of(std::ssize(all.ids));
  Document last{.ids = {all.ids.end() - count, all.ids.end()},
                .is_target = {all.is_target.end() - count, all.is_target.end()}};
  all.ids.resize(all.ids.size() - static_cast<size_t>(count));
  all.is_target.resize(all.ids.size());
  last.is_target.front() = 0;
  rest.push_back(std::move(last));
  return rest;
}

}  // namespace slm
