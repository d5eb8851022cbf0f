// SPDX-License-Identifier: Apache-2.0
// The files of tests/quant/golden, made by make_golden.py with the gguf Python package.
#pragma once

#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace slm {

inline std::vector<std::byte> golden_bytes(const std::string& name) {
  const std::string path = std::string(SLM_SOURCE_DIR) + "/tests/quant/golden/" + name;
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.empty()) throw std::runtime_error("cannot read " + path);
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline std::vector<float> golden_floats(const std::string& name) {
  const std::vector<std::byte> bytes = golden_bytes(name);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

/// −0 and +0 differ, equal NaN do not.
inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace slm
