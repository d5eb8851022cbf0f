// SPDX-License-Identifier: Apache-2.0
// The file as a whole: header, then metadata (gguf_value), then the table of tensors (gguf_tensor_info);
// and the typed look-ups of keys.
#include "slm/io/gguf.h"

#include <algorithm>
#include <bit>

#include "io/gguf_cursor.h"
#include "io/gguf_tensor_info.h"
#include "io/gguf_value.h"
#include "io/quote_text.h"
#include "slm/core/check.h"

namespace slm {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place: little-endian machines only");

constexpr uint64_t kMinEntryBytes = 8 + 4 + 1;  ///< of metadata: key length, type, value

uint32_t read_version(GgufCursor& in) {
  if (in.left() < 4) in.fail(fmt::format("{} bytes are no GGUF file", in.left()));
  const uint32_t magic = in.read<uint32_t>("the magic number");
  if (magic != 0x46554747u)
    in.fail_at(0, fmt::format("no GGUF file: begins with {:#010x}, expected 0x46554747 (\"GGUF\")", magic));
  const uint32_t version = in.read<uint32_t>("the version");
  if ((version & 0xffffu) == 0 && version != 0) in.fail_at(4, "a big-endian GGUF file, which is not supported");
  if (version == 1) in.fail_at(4, "GGUF version 1, expected 2 or 3: convert the file with a current llama.cpp");
  if (version != 2 && version != 3) in.fail_at(4, fmt::format("GGUF version {}, expected 2 or 3", version));
  return version;
}

}  // namespace

GgufFile GgufFile::open(const std::filesystem::path& path) {
  GgufFile gguf;
  gguf.file_ = MappedFile::open(path);
  GgufCursor in(gguf.file_->path(), gguf.file_->bytes());
  gguf.version_ = read_version(in);
  const uint64_t tensor_count = in.count("tensors", kGgufMinInfoBytes);
  const uint64_t entry_count = in.count("metadata entries", kMinEntryBytes);

  uint64_t alignment = kGgufDefaultAlignment;
  for (uint64_t i = 0; i < entry_count; ++i) {
    const uint64_t begin = in.position();
    std::string key(in.name("a metadata key"));
    const std::string what = "key " + quote_text(key);
    const uint64_t at = in.position();
    GgufValue value = read_gguf_value(in, what);
    if (key == "general.alignment") {
      const uint64_t* number = std::get_if<uint64_t>(&value.value);
      if (value.type != GgufType::U32 || !std::has_single_bit(*number))
        in.fail_at(at, fmt::format("general.alignment is {}{}, expected a u32 power of two", name(value.type),
                                   number ? fmt::format(" {}", *number) : ""));
      alignment = *number;
    }
    if (!gguf.key_index_.emplace(key, i).second) in.fail_at(begin, what + " appears twice");
    gguf.metadata_.emplace_back(std::move(key), std::move(value));
  }

  std::vector<GgufTensorInfo> infos;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    infos.push_back(read_gguf_tensor_info(in));
    if (!gguf.tensor_index_.emplace(infos.back().name, i).second)
      in.fail_at(infos.back().position, fmt::format("tensor {} appears twice", quote_text(infos.back().name)));
  }
  const std::span<const std::byte> bytes = gguf.file_->bytes();
  const uint64_t padding = (alignment - in.position() % alignment) % alignment;
  if (padding > in.left() && tensor_count > 0)
    in.fail(fmt::format("truncated: {} tensors, but no data section", tensor_count));
  gguf.data_offset_ = in.position() + std::min(padding, in.left());
  check_gguf_placement(in, infos, alignment, bytes.size() - gguf.data_offset_);

  gguf.tensors_.reserve(infos.size());
  for (const GgufTensorInfo& info : infos) {
    const std::byte* data = bytes.data() + gguf.data_offset_ + info.offset;
    gguf.tensors_.push_back({.name = std::string(info.name),
                             .tensor = Tensor::view(gguf.file_, data, info.dtype, info.shape),
                             .file = gguf.file_});
  }
  return gguf;
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto found = key_index_.find(key);
  return found == key_index_.end() ? nullptr : &metadata_[found->second].second;
}

const StoredTensor* GgufFile::find_tensor(std::string_view name) const {
  const auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
}

namespace {

[[noreturn]] void throw_type(const std::string& path, std::string_view key, std::string_view expected,
                             const GgufValue& found) {
  std::string text(name(found.type));
  if (const GgufArray* array = std::get_if<GgufArray>(&found.value))
    text = fmt::format("an array of {} {}", array->size(), name(array->type));
  if (const int64_t* number = std::get_if<int64_t>(&found.value)) text += fmt::format(" {}", *number);
  throw FormatError(path, fmt::format("[gguf] key {} is {}, expected {}", quote_text(key), text, expected));
}

template <class T>
T required(const std::string& path, std::string_view key, std::string_view expected, std::optional<T> value) {
  if (!value) throw FormatError(path, fmt::format("[gguf] key {} is missing, expected {}", quote_text(key), expected));
  return *std::move(value);
}

constexpr std::string_view kUnsigned = "an integer that is not negative";
constexpr std::string_view kFloat = "f32 or f64";
constexpr std::string_view kString = "string";

}  // namespace

std::optional<uint64_t> GgufFile::uint_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return {};
  if (const uint64_t* number = std::get_if<uint64_t>(&value->value)) return *number;
  if (const int64_t* number = std::get_if<int64_t>(&value->value); number != nullptr && *number >= 0)
    return static_cast<uint64_t>(*number);
  throw_type(path(), key, kUnsigned, *value);
}

std::optional<double> GgufFile::float_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return {};
  if (const double* number = std::get_if<double>(&value->value)) return *number;
  throw_type(path(), key, kFloat, *value);
}

std::optional<bool> GgufFile::bool_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return {};
  if (const bool* flag = std::get_if<bool>(&value->value)) return *flag;
  throw_type(path(), key, "bool", *value);
}

std::optional<std::string> GgufFile::string_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return {};
  if (const std::string* text = std::get_if<std::string>(&value->value)) return *text;
  throw_type(path(), key, kString, *value);
}

uint64_t GgufFile::get_uint(std::string_view key) const { return required(path(), key, kUnsigned, uint_value(key)); }
double GgufFile::get_float(std::string_view key) const { return required(path(), key, kFloat, float_value(key)); }
std::string GgufFile::get_string(std::string_view key) const {
  return required(path(), key, kString, string_value(key));
}

const GgufArray* GgufFile::array_value(std::string_view key, GgufType element) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return nullptr;
  const GgufArray* array = std::get_if<GgufArray>(&value->value);
  if (array == nullptr || array->type != element)
    throw_type(path(), key, fmt::format("an array of {}", name(element)), *value);
  return array;
}

}  // namespace slm
