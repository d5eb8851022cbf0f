// SPDX-License-Identifier: Apache-2.0
// Scalars widen while they are read, as GgufArray says; the elements of an array are counted against the bytes left
// before anything is allocated for them.
#include "io/gguf_value.h"

#include <array>

namespace slm {
namespace {

constexpr std::array<std::string_view, kGgufTypes> kTypeNames = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                                 "bool", "string", "array", "u64", "i64", "f64"};
/// Bytes of one value in the file; of a string or an array, the smallest.
constexpr std::array<uint64_t, kGgufTypes> kTypeBytes = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

template <class Stored, class Wide>
std::vector<Wide> read_numbers(GgufCursor& in, uint64_t n, std::string_view what) {
  std::vector<Wide> values(n);  // n is bounded by the bytes left
  for (Wide& value : values) value = static_cast<Wide>(in.read<Stored>(what));
  return values;
}

GgufArray read_array(GgufCursor& in, std::string_view what) {
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

}  // namespace

std::string_view name(GgufType type) {
  const auto i = static_cast<size_t>(type);
  return i < kGgufTypes ? kTypeNames[i] : "unknown";
}

size_t GgufArray::size() const {
  return std::visit([](const auto& v) { return v.size(); }, values);
}

GgufValue read_gguf_value(GgufCursor& in, std::string_view what) {
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

}  // namespace slm
