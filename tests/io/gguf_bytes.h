// SPDX-License-Identifier: Apache-2.0
// GgufBytes: a GGUF file put together field by field, right or wrong, for the tests of the reader.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "slm/io/gguf.h"

namespace slm {

struct GgufBytes {
  std::string bytes;

  explicit GgufBytes(uint64_t tensors, uint64_t entries, uint32_t version = 3) {
    bytes = "GGUF";
    number(version).number(tensors).number(entries);
  }
  template <class T>
  GgufBytes& number(T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  GgufBytes& text(std::string_view value) {
    number(uint64_t{value.size()});
    bytes += value;
    return *this;
  }
  /// The key and the type of an entry; its value follows.
  GgufBytes& key(std::string_view name, GgufType type) { return text(name).number(static_cast<uint32_t>(type)); }
  GgufBytes& array(GgufType element, uint64_t count) { return number(static_cast<uint32_t>(element)).number(count); }
  /// A tensor info; `type` is ggml's number and `dims` are in the file's order.
  GgufBytes& tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset) {
    text(name).number(static_cast<uint32_t>(dims.size()));
    for (uint64_t dim : dims) number(dim);
    return number(type).number(offset);
  }
  GgufBytes& data(size_t count, size_t alignment = 32) {
    while (bytes.size() % alignment != 0) bytes += '\0';
    bytes.append(count, '\1');
    return *this;
  }
};

}  // namespace slm
