// SPDX-License-Identifier: Apache-2.0
// How both writers take a tensor's bytes: from a callback, counted against the size that the header has promised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "slm/core/check.h"
#include "slm/io/atomic_file.h"

namespace slm {

/// Calls fill(i, sink) and appends what it sinks to `out`. Throws ArgumentError unless that is `expected` bytes.
inline void write_tensor_data(
    AtomicFile& out, std::string_view op, std::string_view name, uint64_t expected, size_t i,
    const std::function<void(size_t, const std::function<void(std::span<const std::byte>)>&)>& fill) {
  uint64_t left = expected;
  fill(i, [&](std::span<const std::byte> bytes) {
    SLM_CHECK(bytes.size() <= left, "[{}] tensor \"{}\" was given {} bytes or more, expected {}", op, name,
              expected - left + bytes.size(), expected);
    out.write(bytes);
    left -= bytes.size();
  });
  SLM_CHECK(left == 0, "[{}] tensor \"{}\" was given {} bytes, expected {}", op, name, expected - left, expected);
}

}  // namespace slm
