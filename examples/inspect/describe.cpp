// SPDX-License-Identifier: Apache-2.0
#include "inspect/describe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "cli/terminal.h"
#include "slm/text/chat_template.h"

namespace slm {
namespace {

JsonDocument describe_config(const ModelConfig& c) {
  return {{"family", name(c.family)},
          {"vocab", c.vocab},
          {"width", c.width},
          {"layers", c.layers},
          {"heads", c.heads},
          {"kv_heads", c.kv_heads},
          {"head_dim", c.head_dim},
          {"ffn", c.ffn},
          {"context", c.context},
          {"rope_theta", c.rope_theta},
          {"norm_eps", c.norm_eps},
          {"qkv_bias", c.qkv_bias},
          {"output_bias", c.output_bias},
          {"tied_head", c.tied_head}};
}

void describe_tensors(const ModelFiles& model, JsonDocument& out) {
  struct Sum {
    uint64_t tensors = 0, parameters = 0, bytes = 0;
  };
  std::map<Dtype, Sum> of_type;
  JsonDocument tensors = JsonDocument::array(), types = JsonDocument::array();
  uint64_t parameters = 0;
  for (const ModelTensor& tensor : model.tensors()) {
    const Tensor& stored = tensor.stored.tensor;
    tensors.push_back({{"name", tensor.name},
                       {"stored_name", tensor.stored.name},
                       {"shape", stored.shape().dims()},
                       {"type", name(stored.dtype())},
                       {"bytes", stored.bytes()}});
    Sum& sum = of_type[stored.dtype()];
    sum.tensors += 1;
    sum.parameters += static_cast<uint64_t>(stored.shape().elements());
    sum.bytes += stored.bytes();
    parameters += static_cast<uint64_t>(stored.shape().elements());
  }
  for (const auto& [dtype, sum] : of_type)
    types.push_back(
        {{"type", name(dtype)}, {"tensors", sum.tensors}, {"parameters", sum.parameters}, {"bytes", sum.bytes}});
  out["static_inputs"] = model.inputs().size();
  out["parameters"] = parameters;
  out["bytes"] = model.stored_bytes();
  out["types"] = types;
  out["tensors"] = tensors;
}

JsonDocument describe_tokenizer(const Tokenizer& tokenizer) {
  const TokenizerData data = tokenizer.data();
  std::map<TokenType, uint64_t> kinds;
  for (const TokenType type : data.types) ++kinds[type];
  const auto special = [&](const std::optional<int32_t>& id) -> JsonDocument {
    if (!id) return nullptr;
    return {{"id", *id}, {"piece", tokenizer.piece(*id)}};
  };
  JsonDocument eos = JsonDocument::array();
  for (const int32_t id : tokenizer.eos_ids()) eos.push_back(special(id));
  return {{"model", data.model},
          {"pre", data.pre},
          {"vocab", data.tokens.size()},
          {"merges", data.merges.size()},
          {"control_tokens", kinds[TokenType::Control]},
          {"user_defined_tokens", kinds[TokenType::UserDefined]},
          {"unused_tokens", kinds[TokenType::Unused]},
          {"bos", special(tokenizer.bos_id())},
          {"eos", eos},
          {"unk", special(data.unk_id)},
          {"pad", special(data.pad_id)},
          {"add_bos", tokenizer.add_bos()}};
}

JsonDocument describe_chat(const Tokenizer& tokenizer) {
  if (tokenizer.chat_template().empty()) return nullptr;
  try {
    const ChatStyle style = recognise_chat_template(tokenizer.chat_template());
    return {{"format", name(style.format)}, {"default_system", style.default_system}};
  } catch (const ArgumentError&) {
    return {{"format", "unknown"}, {"template", tokenizer.chat_template()}};
  }
}

/// A value of GGUF metadata; of an array only type and length.
JsonDocument describe_value(const GgufValue& value) {
  if (const GgufArray* array = std::get_if<GgufArray>(&value.value))
    return fmt::format("{} × {}", array->size(), name(array->type));
  return std::visit(
      [](const auto& v) -> JsonDocument {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, GgufArray>)
          return nullptr;
        else
          return v;
      },
      value.value);
}

/// One line, cut where it is long.
std::string short_text(const JsonDocument& value) {
  std::string text = one_line(value.dump(-1, ' ', false, JsonDocument::error_handler_t::replace));
  constexpr size_t kLongest = 90;
  if (text.size() <= kLongest) return text;
  size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // between two characters
  return fmt::format("{}… ({} bytes)", text.substr(0, end), text.size());
}

void print_section(const char* title, const JsonDocument& fields) {
  fmt::print("\n{}\n", title);
  if (!fields.is_object()) fmt::print("  {}\n", fields.is_null() ? "none" : short_text(fields));
  if (!fields.is_object()) return;
  size_t width = 0;
  for (const auto& [key, value] : fields.items()) width = std::max(width, one_line(key).size());
  for (const auto& [key, value] : fields.items()) fmt::print("  {:<{}}  {}\n", one_line(key), width, short_text(value));
}

/// (rows,columns), as everywhere.
std::string as_shape(const JsonDocument& dims) {
  return fmt::format("({})", fmt::join(dims.get<std::vector<int64_t>>(), ","));
}

void print_rows(const JsonDocument& rows, const std::vector<std::string>& columns) {
  Table table(columns);
  for (const JsonDocument& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& column : columns)
      cells.push_back(row[column].is_string()  ? one_line(row[column].get<std::string>())
                      : row[column].is_array() ? as_shape(row[column])
                                               : row[column].dump());
    table.add(cells);
  }
  fmt::print("\n{}", table.text());
}

}  // namespace

JsonDocument describe(const ModelFiles& model, const Tokenizer& tokenizer) {
  JsonDocument out = {
      {"model", model.path()},
      {"format", model.gguf() ? fmt::format("GGUF v{}", model.gguf()->version()) : "Hugging Face folder"},
      {"config", describe_config(model.config())}};
  describe_tensors(model, out);
  out["tokenizer"] = describe_tokenizer(tokenizer);
  out["chat"] = describe_chat(tokenizer);
  if (model.gguf()) {
    JsonDocument metadata = JsonDocument::object();
    auto& fields = metadata.get_ref<JsonDocument::object_t&>();  // a vector: its operator[] compares with every key
    fields.reserve(model.gguf()->metadata().size());
    for (const auto& [key, value] : model.gguf()->metadata()) fields.emplace_back(key, describe_value(value));
    out["metadata"] = std::move(metadata);
  }
  return out;
}

void print_description(const JsonDocument& d, bool tensors) {
  fmt::print("{}: {}, {}, {}\n", d["model"].get<std::string>(), d["format"].get<std::string>(),
             counted(d["parameters"].get<int64_t>(), "parameter"), megabytes(d["bytes"].get<uint64_t>()));
  print_section("config", d["config"]);
  print_section("tokenizer", d["tokenizer"]);
  print_section("chat", d["chat"]);
  if (d.contains("metadata")) print_section("metadata", d["metadata"]);
  print_rows(d["types"], {"type", "tensors", "parameters", "bytes"});
  if (tensors) print_rows(d["tensors"], {"name", "stored_name", "shape", "type", "bytes"});
}

}  // namespace slm
