// SPDX-License-Identifier: Apache-2.0
// GgufCursor: a place in the bytes of a GGUF file, and the parts of it that metadata and tensor infos are made of.
// In: the mapped bytes.  Out: numbers, strings, counts, names.  Next: gguf_value.h, gguf_tensor_info.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "slm/core/check.h"
#include "slm/io/gguf.h"

namespace slm {

constexpr size_t kGgufTypes = 13;              ///< value types, numbered from 0
constexpr uint64_t kGgufMaxNameBytes = 65535;  ///< of keys, by the specification; of tensor names, ours

/// Reads forward through the mapped bytes; every size is compared with what is left before it is used.
class GgufCursor {
 public:
  GgufCursor(const std::string& path, std::span<const std::byte> bytes) : path_(path), bytes_(bytes) {}

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
    if (text.empty() || text.size() > kGgufMaxNameBytes)
      fail_at(begin, fmt::format("{} is {} bytes long, expected 1 to {}", what, text.size(), kGgufMaxNameBytes));
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
    if (number >= kGgufTypes)
      fail_at(begin, fmt::format("{} has value type {}, expected 0 to {}", what, number, kGgufTypes - 1));
    return static_cast<GgufType>(number);
  }

 private:
  const std::string& path_;
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
};

}  // namespace slm
