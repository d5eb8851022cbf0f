// SPDX-License-Identifier: Apache-2.0
#include "slm/io/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>

#include "io/ggml_types.h"
#include "io/quote_text.h"
#include "slm/core/check.h"

namespace slm {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place: little-endian machines only");

constexpr size_t kTypeCount = 13;
constexpr std::array<std::string_view, kTypeCount> kTypeNames = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                                 "bool", "string", "array", "u64", "i64", "f64"};
/// Bytes of one value in the file; of a string or an array, the smallest.
constexpr std::array<uint64_t, kTypeCount> kTypeBytes = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

constexpr uint64_t kMaxNameBytes = 65535;  ///< of keys, by the specification; of tensor names, ours
constexpr uint64_t kDefaultAlignment = 32;
constexpr uint32_t kMaxRank = 4;                         ///< GGML_MAX_DIMS, and Shape's
constexpr uint64_t kMinEntryBytes = 8 + 4 + 1;           ///< of metadata: key length, type, value
constexpr uint64_t kMinTensorBytes = 8 + 4 + 0 + 4 + 8;  ///< of an info: name length, n_dims, dims, type, offset

/// Reads forward through the mapped bytes; every size is compared with what is left before it is used.
class Cursor {
 public:
  Cursor(const std::string& path, std::span<const std::byte> bytes) : path_(path), bytes_(bytes) {}

  uint64_t position() const { return position_; }
  uint64_t left() const { return bytes_.size() - position_; }
  [[noreturn]] void fail(const std::string& message) const { fail_at(position_, message); }
  [[noreturn]] void fail_at(uint64_t position, const std::string& message) const {
    throw FormatError(path_, position, "[gguf] " + message);
  }

  template <class T>
  T read(std::string_view what) {
    if (left() < sizeof(T)) fail(fmt::format("truncated in {}: {} bytes left, expected {}", what, left(), sizeof(T)));
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  std::string_view string(std::string_view what) {
    const uint64_t begin = position_;
    const uint64_t size = read<uint64_t>(what);
    if (size > left())
      fail_at(begin, fmt::format("{} is {} bytes long, but only {} are left in the file", what, size, left()));
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data() + position_), size);
    position_ += size;
    return text;
  }

  /// A count of things that take at least `smallest` bytes each.
  uint64_t count(std::string_view what, uint64_t smallest) {
    const uint64_t begin = position_;
    const uint64_t n = read<uint64_t>(what);
    if (n > left() / smallest) fail_at(begin, fmt::format("{} {} do not fit into the {} bytes left", n, what, left()));
    return n;
  }

  /// A key or a tensor's name.
  std::string_view name(std::string_view what) {
    const uint64_t begin = position_;
    const std::string_view text = string(what);
    if (text.empty() || text.size() > kMaxNameBytes)
      fail_at(begin, fmt::format("{} is {} bytes long, expected 1 to {}", what, text.size(), kMaxNameBytes));
    return text;
  }

  bool boolean(std::string_view what) {
    const uint8_t byte = read<uint8_t>(what);
    if (byte > 1) fail_at(position_ - 1, fmt::format("{} is {}, expected a bool: 0 or 1", what, byte));
    return byte != 0;
  }

  GgufType type(std::string_view what) {
    const uint64_t begin = position_;
    const uint32_t number = read<uint32_t>(what);
    if (number >= kTypeCount)
      fail_at(begin, fmt::format("{} has value type {}, expected 0 to {}", what, number, kTypeCount - 1));
    return static_cast<GgufType>(number);
  }

 private:
  const std::string& path_;
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
};

template <class Stored, class Wide>
std::vector<Wide> read_numbers(Cursor& in, uint64_t n, std::string_view what) {
  std::vector<Wide> values(n);  // n is bounded by the bytes left
  for (Wide& value : values) value = static_cast<Wide>(in.read<Stored>(what));
  return values;
}

GgufArray read_array(Cursor& in, std::string_view what) {
  GgufArray array;
  array.type = in.type(what);
  if (array.type == GgufType::Array)
    in.fail_at(in.position() - 4, fmt::format("{} is an array of arrays, which is not supported", what));
  const uint64_t n = in.count(what, kTypeBytes[static_cast<size_t>(array.type)]);
  switch (array.type) {
    case GgufType::U8:
      array.values = read_numbers<uint8_t, uint64_t>(in, n, what);
      break;
    case GgufType::I8:
      array.values = read_numbers<int8_t, int64_t>(in, n, what);
      break;
    case GgufType::U16:
      array.values = read_numbers<uint16_t, uint64_t>(in, n, what);
      break;
    case GgufType::I16:
      array.values = read_numbers<int16_t, int64_t>(in, n, what);
      break;
    case GgufType::U32:
      array.values = read_numbers<uint32_t, uint64_t>(in, n, what);
      break;
    case GgufType::I32:
      array.values = read_numbers<int32_t, int64_t>(in, n, what);
      break;
    case GgufType::U64:
      array.values = read_numbers<uint64_t, uint64_t>(in, n, what);
      break;
    case GgufType::I64:
      array.values = read_numbers<int64_t, int64_t>(in, n, what);
      break;
    case GgufType::F32:
      array.values = read_numbers<float, double>(in, n, what);
      break;
    case GgufType::F64:
      array.values = read_numbers<double, double>(in, n, what);
      break;
    case GgufType::Bool: {
      std::vector<uint64_t> values(n);
      for (uint64_t& value : values) value = in.boolean(what);
      array.values = std::move(values);
      break;
    }
    case GgufType::String: {
      std::vector<std::string_view> values(n);
      for (std::string_view& value : values) value = in.string(what);
      array.values = std::move(values);
      break;
    }
    case GgufType::Array:
      break;
  }
  return array;
}

GgufValue read_value(Cursor& in, std::string_view what) {
  GgufValue value;
  value.type = in.type(what);
  switch (value.type) {
    case GgufType::U8:
      value.value = uint64_t{in.read<uint8_t>(what)};
      break;
    case GgufType::I8:
      value.value = int64_t{in.read<int8_t>(what)};
      break;
    case GgufType::U16:
      value.value = uint64_t{in.read<uint16_t>(what)};
      break;
    case GgufType::I16:
      value.value = int64_t{in.read<int16_t>(what)};
      break;
    case GgufType::U32:
      value.value = uint64_t{in.read<uint32_t>(what)};
      break;
    case GgufType::I32:
      value.value = int64_t{in.read<int32_t>(what)};
      break;
    case GgufType::U64:
      value.value = in.read<uint64_t>(what);
      break;
    case GgufType::I64:
      value.value = in.read<int64_t>(what);
      break;
    case GgufType::F32:
      value.value = double{in.read<float>(what)};
      break;
    case GgufType::F64:
      value.value = in.read<double>(what);
      break;
    case GgufType::Bool:
      value.value = in.boolean(what);
      break;
    case GgufType::String:
      value.value = std::string(in.string(what));
      break;
    case GgufType::Array:
      value.value = read_array(in, what);
      break;
  }
  return value;
}

uint32_t read_version(Cursor& in) {
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

struct TensorInfo {
  uint64_t position;  ///< of this info in the file, for messages
  std::string_view name;
  Dtype dtype;
  Shape shape;
  uint64_t offset;  ///< from the start of the data section
  uint64_t bytes;
};

TensorInfo read_tensor_info(Cursor& in) {
  TensorInfo info = {};
  info.position = in.position();
  info.name = in.name("a tensor's name");
  const auto fail = [&](const std::string& message) {
    in.fail_at(info.position, fmt::format("tensor {} {}", quote_text(info.name), message));
  };
  const uint32_t rank = in.read<uint32_t>("n_dims");
  if (rank > kMaxRank) fail(fmt::format("has {} dimensions, at most {}", rank, kMaxRank));
  std::array<int64_t, kMaxRank> dims = {};
  uint64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    const uint64_t dim = in.read<uint64_t>("a dimension");
    if (dim == 0) fail(fmt::format("has a dimension {} of 0", i));
    if (!std::in_range<int64_t>(dim) || __builtin_mul_overflow(elements, dim, &elements) ||
        !std::in_range<int64_t>(elements))
      fail(fmt::format("has more elements than 63 bits hold: dimension {} is {}", i, dim));
    dims[rank - 1 - i] = static_cast<int64_t>(dim);  // GGUF names the contiguous dimension first
  }
  info.shape = Shape(std::span<const int64_t>(dims.data(), rank));
  const uint32_t type = in.read<uint32_t>("a tensor's type");
  const std::optional<Dtype> dtype = ggml_dtype(type);
  if (!dtype)
    fail(fmt::format("is of type {} (ggml type {}), which is not supported; supported are {}", ggml_type_name(type),
                     type, supported_ggml_types()));
  info.dtype = *dtype;
  const DtypeInfo& block = slm::info(info.dtype);
  if (info.shape.row_elements() % block.block_elements != 0)
    fail(fmt::format("has rows of {} elements, no whole number of {} blocks of {}", info.shape.row_elements(),
                     block.name, block.block_elements));
  if (__builtin_mul_overflow(elements / block.block_elements, uint64_t{block.block_bytes}, &info.bytes))
    fail(fmt::format("{} overflows 64 bits in bytes", info.shape.to_string()));
  info.offset = in.read<uint64_t>("a tensor's offset");
  return info;
}

void check_placement(const Cursor& in, const std::vector<TensorInfo>& infos, uint64_t alignment, uint64_t data_bytes) {
  for (const TensorInfo& info : infos) {
    if (info.offset % alignment != 0)
      in.fail_at(info.position, fmt::format("tensor {} lies at offset {}, no multiple of the alignment {}",
                                            quote_text(info.name), info.offset, alignment));
    if (info.offset > data_bytes || info.bytes > data_bytes - info.offset)
      in.fail_at(info.position, fmt::format("tensor {} takes {} bytes at offset {}, but the data section has {}",
                                            quote_text(info.name), info.bytes, info.offset, data_bytes));
  }
  std::vector<size_t> order(infos.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return infos[i].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const TensorInfo& before = infos[order[i - 1]];
    const TensorInfo& info = infos[order[i]];
    if (info.offset < before.offset + before.bytes)
      in.fail_at(info.position, fmt::format("tensors {} and {} overlap at offset {}", quote_text(before.name),
                                            quote_text(info.name), info.offset));
  }
}

}  // namespace

std::string_view name(GgufType type) {
  const auto i = static_cast<size_t>(type);
  return i < kTypeCount ? kTypeNames[i] : "unknown";
}

size_t GgufArray::size() const {
  return std::visit([](const auto& v) { return v.size(); }, values);
}

GgufFile GgufFile::open(const std::filesystem::path& path) {
  GgufFile gguf;
  gguf.file_ = MappedFile::open(path);
  Cursor in(gguf.file_->path(), gguf.file_->bytes());
  gguf.version_ = read_version(in);
  const uint64_t tensor_count = in.count("tensors", kMinTensorBytes);
  const uint64_t entry_count = in.count("metadata entries", kMinEntryBytes);

  uint64_t alignment = kDefaultAlignment;
  for (uint64_t i = 0; i < entry_count; ++i) {
    const uint64_t begin = in.position();
    std::string key(in.name("a metadata key"));
    const std::string what = "key " + quote_text(key);
    const uint64_t at = in.position();
    GgufValue value = read_value(in, what);
    if (key == "general.alignment") {
      const uint64_t* number = std::get_if<uint64_t>(&value.value);
      if (value.type != GgufType::U32 || !std::has_single_bit(*number))
        in.fail_at(at, fmt::format("general.alignment is {} {}, expected a u32 power of two", name(value.type),
                                   number ? std::to_string(*number) : ""));
      alignment = *number;
    }
    if (!gguf.key_index_.emplace(key, i).second) in.fail_at(begin, what + " appears twice");
    gguf.metadata_.emplace_back(std::move(key), std::move(value));
  }

  std::vector<TensorInfo> infos;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    infos.push_back(read_tensor_info(in));
    if (!gguf.tensor_index_.emplace(infos.back().name, i).second)
      in.fail_at(infos.back().position, fmt::format("tensor {} appears twice", quote_text(infos.back().name)));
  }
  const std::span<const std::byte> bytes = gguf.file_->bytes();
  const uint64_t padding = (alignment - in.position() % alignment) % alignment;
  if (padding > in.left() && tensor_count > 0)
    in.fail(fmt::format("truncated: {} tensors, but no data section", tensor_count));
  gguf.data_offset_ = in.position() + std::min(padding, in.left());
  check_placement(in, infos, alignment, bytes.size() - gguf.data_offset_);

  gguf.tensors_.reserve(infos.size());
  for (const TensorInfo& info : infos) {
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
