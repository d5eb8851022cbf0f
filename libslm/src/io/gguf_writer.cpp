// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <utility>

#include "io/ggml_types.h"
#include "io/gguf_tensor_info.h"
#include "io/tensor_sink.h"
#include "slm/core/check.h"
#include "slm/core/division.h"
#include "slm/io/atomic_file.h"
#include "slm/io/gguf.h"

namespace slm {
namespace {

constexpr size_t kMaxTensorName = 63;  ///< GGML_MAX_NAME less the terminating zero
constexpr uint32_t kVersion = 3;

template <class T>
void put(const GgufWriter::Sink& sink, T value) {
  sink(std::as_bytes(std::span<const T>(&value, 1)));
}

void put_string(const GgufWriter::Sink& sink, std::string_view text) {
  put(sink, uint64_t{text.size()});
  sink(std::as_bytes(std::span<const char>(text)));
}

void put_number(const GgufWriter::Sink& sink, GgufType type, uint64_t value) {
  switch (type) {
    case GgufType::U8:
    case GgufType::Bool:
      return put(sink, static_cast<uint8_t>(value));
    case GgufType::U16:
      return put(sink, static_cast<uint16_t>(value));
    case GgufType::U32:
      return put(sink, static_cast<uint32_t>(value));
    default:
      return put(sink, value);
  }
}

void put_number(const GgufWriter::Sink& sink, GgufType type, int64_t value) {
  switch (type) {
    case GgufType::I8:
      return put(sink, static_cast<int8_t>(value));
    case GgufType::I16:
      return put(sink, static_cast<int16_t>(value));
    case GgufType::I32:
      return put(sink, static_cast<int32_t>(value));
    default:
      return put(sink, value);
  }
}

void put_number(const GgufWriter::Sink& sink, GgufType type, double value) {
  return type == GgufType::F32 ? put(sink, static_cast<float>(value)) : put(sink, value);
}

bool fits(GgufType type, uint64_t value) {
  switch (type) {
    case GgufType::U8:
      return std::in_range<uint8_t>(value);
    case GgufType::U16:
      return std::in_range<uint16_t>(value);
    case GgufType::U32:
      return std::in_range<uint32_t>(value);
    case GgufType::U64:
      return true;
    default:
      return false;
  }
}

bool fits(GgufType type, int64_t value) {
  switch (type) {
    case GgufType::I8:
      return std::in_range<int8_t>(value);
    case GgufType::I16:
      return std::in_range<int16_t>(value);
    case GgufType::I32:
      return std::in_range<int32_t>(value);
    case GgufType::I64:
      return true;
    default:
      return false;
  }
}

bool fits(GgufType type, double) { return type == GgufType::F32 || type == GgufType::F64; }

struct Fits {
  GgufType type;
  bool operator()(bool) const { return type == GgufType::Bool; }
  bool operator()(const std::string&) const { return type == GgufType::String; }
  template <class T>
  bool operator()(T value) const {
    return fits(type, value);
  }
  bool operator()(const GgufArray& array) const {
    return type == GgufType::Array &&
           std::visit([&](const auto& v) { return elements_fit(array.type, v); }, array.values);
  }
  static bool elements_fit(GgufType element, const std::vector<std::string_view>&) {
    return element == GgufType::String;
  }
  template <class T>
  static bool elements_fit(GgufType element, const std::vector<T>& values) {
    if constexpr (std::is_same_v<T, uint64_t>) {
      if (element == GgufType::Bool) return std::ranges::all_of(values, [](uint64_t value) { return value <= 1; });
    }
    return fits(element, T{}) && std::ranges::all_of(values, [&](T value) { return fits(element, value); });
  }
};

struct Put {
  const GgufWriter::Sink& sink;
  GgufType type;
  void operator()(bool value) const { put(sink, static_cast<uint8_t>(value)); }
  void operator()(const std::string& text) const { put_string(sink, text); }
  template <class T>
  void operator()(T value) const {
    put_number(sink, type, value);
  }
  void operator()(const GgufArray& array) const {
    put(sink, static_cast<uint32_t>(array.type));
    put(sink, uint64_t{array.size()});
    std::visit(
        [&](const auto& values) {
          for (const auto& value : values) element(array.type, value);
        },
        array.values);
  }
  void element(GgufType, std::string_view text) const { put_string(sink, text); }
  template <class T>
  void element(GgufType element_type, T value) const {
    put_number(sink, element_type, value);
  }
};

}  // namespace

void GgufWriter::set(std::string key, GgufValue value) {
  SLM_CHECK(!key.empty() && key.size() <= 65535, "[gguf] a key of {} bytes, expected 1 to 65535", key.size());
  SLM_CHECK(std::visit(Fits{value.type}, value.value), "[gguf] key \"{}\": the value does not fit its type {}", key,
            name(value.type));
  if (key == "general.alignment")
    SLM_CHECK(value.type == GgufType::U32 && std::has_single_bit(std::get<uint64_t>(value.value)),
              "[gguf] general.alignment must be a u32 power of two");
  const auto [known, is_new] = key_index_.emplace(key, metadata_.size());
  if (is_new) {
    metadata_.emplace_back(std::move(key), std::move(value));
  } else {
    metadata_[known->second].second = std::move(value);
  }
}

void GgufWriter::set_u32(std::string key, uint32_t value) { set(std::move(key), {GgufType::U32, uint64_t{value}}); }
void GgufWriter::set_f32(std::string key, float value) { set(std::move(key), {GgufType::F32, double{value}}); }
void GgufWriter::set_bool(std::string key, bool value) { set(std::move(key), {GgufType::Bool, value}); }
void GgufWriter::set_string(std::string key, std::string value) {
  set(std::move(key), {GgufType::String, std::move(value)});
}

void GgufWriter::set_strings(std::string key, std::vector<std::string_view> values) {
  set(std::move(key), {GgufType::Array, GgufArray{GgufType::String, std::move(values)}});
}

void GgufWriter::set_i32s(std::string key, std::vector<int32_t> values) {
  set(std::move(key), {GgufType::Array, GgufArray{GgufType::I32, std::vector<int64_t>(values.begin(), values.end())}});
}

void GgufWriter::set_f32s(std::string key, std::vector<float> values) {
  set(std::move(key), {GgufType::Array, GgufArray{GgufType::F32, std::vector<double>(values.begin(), values.end())}});
}

void GgufWriter::declare_tensor(std::string name, Dtype dtype, Shape shape) {
  SLM_CHECK(!name.empty() && name.size() <= kMaxTensorName, "[gguf] tensor name \"{}\" has {} bytes, expected 1 to {}",
            name, name.size(), kMaxTensorName);
  SLM_CHECK(std::ranges::find(tensors_, name, &Declared::name) == tensors_.end(),
            "[gguf] tensor \"{}\" was declared before", name);
  SLM_CHECK(shape.rank() > 0 && shape.elements() > 0, "[gguf] tensor \"{}\" has shape {}, expected rank ≥ 1 and no 0",
            name, shape.to_string());
  SLM_CHECK(shape.row_elements() % info(dtype).block_elements == 0,
            "[gguf] tensor \"{}\" {} has rows of {} elements, no whole number of {} blocks of {}", name,
            shape.to_string(), shape.row_elements(), slm::name(dtype), info(dtype).block_elements);
  tensors_.push_back({std::move(name), dtype, shape});
}

uint64_t GgufWriter::alignment() const {
  const auto known = key_index_.find("general.alignment");
  return known == key_index_.end() ? kGgufDefaultAlignment : std::get<uint64_t>(metadata_[known->second].second.value);
}

void GgufWriter::write_header(const Sink& sink) const {
  sink(std::as_bytes(std::span<const char>("GGUF", 4)));
  put(sink, kVersion);
  put(sink, uint64_t{tensors_.size()});
  put(sink, uint64_t{metadata_.size()});
  for (const auto& [key, value] : metadata_) {
    put_string(sink, key);
    put(sink, static_cast<uint32_t>(value.type));
    std::visit(Put{sink, value.type}, value.value);
  }
  uint64_t offset = 0;
  for (const Declared& tensor : tensors_) {
    put_string(sink, tensor.name);
    put(sink, static_cast<uint32_t>(tensor.shape.rank()));
    for (int i = tensor.shape.rank() - 1; i >= 0; --i) put(sink, static_cast<uint64_t>(tensor.shape[i]));
    put(sink, ggml_type_of(tensor.dtype));
    put(sink, offset);
    offset += round_up<uint64_t>(byte_size(tensor.dtype, static_cast<uint64_t>(tensor.shape.elements())), alignment());
  }
}

uint64_t GgufWriter::file_bytes() const {
  uint64_t size = 0;
  write_header([&](std::span<const std::byte> bytes) { size += bytes.size(); });
  size = round_up<uint64_t>(size, alignment());
  for (const Declared& tensor : tensors_)
    size += round_up<uint64_t>(byte_size(tensor.dtype, static_cast<uint64_t>(tensor.shape.elements())), alignment());
  return size;
}

void GgufWriter::write(const std::filesystem::path& path, const std::function<void(size_t, const Sink&)>& fill) const {
  AtomicFile out(path);
  write_header([&](std::span<const std::byte> bytes) { out.write(bytes); });
  out.pad_to(alignment());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const Declared& tensor = tensors_[i];
    const uint64_t bytes = byte_size(tensor.dtype, static_cast<uint64_t>(tensor.shape.elements()));
    write_tensor_data(out, "gguf", tensor.name, bytes, i, fill);
    out.pad_to(alignment());
  }
  out.commit();
}

}  // namespace slm
