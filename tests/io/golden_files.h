// SPDX-License-Identifier: Apache-2.0
// The files that other writers made (golden/make_golden.py), and the bytes of their tensors.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace slm {

inline std::filesystem::path golden(std::string_view name) {
  return std::filesystem::path(SLM_SOURCE_DIR) / "tests/io/golden" / name;
}

/// Byte j of tensor i in the golden files: see golden/make_golden.py.
inline std::byte golden_byte(size_t i, size_t j) { return static_cast<std::byte>((31 * i + 7 * j + 3) % 251); }

}  // namespace slm
