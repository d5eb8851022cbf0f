// SPDX-License-Identifier: Apache-2.0
// Event by event: a tree of 150,000 tokens and as many merges would take longer to build than everything else.
#include "text/tokenizer_json_reader.h"

#include <utility>

#include "slm/core/check.h"
#include "text/tokenizer_impl.h"

namespace slm {
namespace {

constexpr size_t kMaxDepth = 100;

/// nlohmann's SAX events → a tree without model.vocab and model.merges, which go to `table` and to the list of merges.
class Reader : public nlohmann::json_sax<Json> {
 public:
  Reader(const std::string& path, TokenTable& table) : path_(path), table_(table) {}

  TokenizerJson take() { return std::move(result_); }

  bool null() override { return scalar(nullptr); }
  bool boolean(bool value) override { return scalar(value); }
  bool number_integer(number_integer_t value) override { return scalar(value); }
  bool number_float(number_float_t value, const string_t&) override { return scalar(value); }
  bool binary(binary_t&) override { return false; }
  bool number_unsigned(number_unsigned_t value) override {
    if (zone_ != Zone::Vocab) return scalar(value);
    if (value >= static_cast<uint64_t>(TokenTable::kMaxTokens))
      fail(fmt::format("id {} of \"{}\", expected below {}", value, key_, TokenTable::kMaxTokens));
    if (!set_bpe_token(table_, static_cast<int32_t>(value), key_, /*added=*/false))
      fail(fmt::format("id {} of \"{}\" belongs to another token", value, key_));
    return true;
  }
  bool string(string_t& value) override {
    if (zone_ == Zone::Merges) {
      const size_t space = value.find(' ');
      if (space == std::string::npos || value.find(' ', space + 1) != std::string::npos)
        fail(fmt::format("merge \"{}\", expected two tokens with a space between", value));
      result_.merges.add_part(std::string_view(value).substr(0, space));
      result_.merges.add_part(std::string_view(value).substr(space + 1));
      return true;
    }
    if (zone_ == Zone::Pair) {
      ++pair_size_;
      result_.merges.add_part(value);
      return true;
    }
    return scalar(std::move(value));
  }
  bool key(string_t& value) override {
    key_ = std::move(value);
    return true;
  }
  bool start_object(std::size_t) override {
    if (zone_ == Zone::Tree && in_model() && key_ == "vocab") {
      zone_ = Zone::Vocab;
      result_.has_vocab = true;
      return true;
    }
    return open(Json::object());
  }
  bool start_array(std::size_t) override {
    if (zone_ == Zone::Tree && in_model() && key_ == "merges") {
      zone_ = Zone::Merges;
      return true;
    }
    if (zone_ == Zone::Merges) {
      zone_ = Zone::Pair;
      pair_size_ = 0;
      return true;
    }
    return open(Json::array());
  }
  bool end_object() override {
    if (zone_ == Zone::Vocab) {
      zone_ = Zone::Tree;
    } else {
      close();
    }
    return true;
  }
  bool end_array() override {
    if (zone_ == Zone::Pair) {
      if (pair_size_ != 2) fail(fmt::format("merge {} has {} parts, expected 2", result_.merges.size(), pair_size_));
      zone_ = Zone::Merges;
    } else if (zone_ == Zone::Merges) {
      zone_ = Zone::Tree;
    } else {
      close();
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw FormatError(path_, position > 0 ? position - 1 : 0, "[tokenizer.json] not JSON here");
  }

 private:
  enum class Zone { Tree, Vocab, Merges, Pair };

  [[noreturn]] void fail(const std::string& message) const { throw FormatError(path_, "[tokenizer.json] " + message); }
  /// Directly inside the root's "model" object.
  bool in_model() const { return open_.size() == 2 && open_keys_[1] == "model" && open_[1]->is_object(); }

  Json* place(Json value) {
    if (zone_ != Zone::Tree)
      fail(zone_ == Zone::Vocab ? fmt::format("\"{}\" of the vocabulary has no id", key_)
                                : "a merge is no string and no pair");
    if (open_.empty()) {
      result_.root = std::move(value);
      return &result_.root;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  template <class T>
  bool scalar(T&& value) {
    place(Json(std::forward<T>(value)));
    return true;
  }
  bool open(Json container) {
    if (open_.size() >= kMaxDepth) fail(fmt::format("nested deeper than {}", kMaxDepth));
    std::string name = key_;
    open_.push_back(place(std::move(container)));
    open_keys_.push_back(std::move(name));
    return true;
  }
  void close() {
    open_.pop_back();
    open_keys_.pop_back();
  }

  const std::string& path_;
  TokenTable& table_;
  TokenizerJson result_;
  Zone zone_ = Zone::Tree;
  int pair_size_ = 0;
  std::string key_;
  std::vector<Json*> open_;  ///< containers from the root to here; only the last one grows, so the pointers hold
  std::vector<std::string> open_keys_;
};

}  // namespace

TokenizerJson parse_tokenizer_json(std::string_view text, const std::string& path, TokenTable& table) {
  Reader reader(path, table);
  Json::sax_parse(text.begin(), text.end(), &reader);
  return reader.take();
}

}  // namespace slm
