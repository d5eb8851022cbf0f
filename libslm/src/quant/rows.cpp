// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/rows.h"

#include <array>
#include <cmath>
#include <cstring>

#include "slm/core/check.h"
#include "slm/quant/gguf_blocks.h"
#include "slm/quant/scheme_grid.h"

namespace slm {
namespace {

void check_row(const char* op, WeightScheme scheme, size_t k, size_t bytes) {
  const uint64_t expected = row_bytes(scheme, static_cast<int64_t>(k));
  SLM_CHECK(bytes == expected, "[{}] row of {} bytes, {} values of {} take {}", op, bytes, k, name(scheme), expected);
}

/// The first of `count` 16-bit floats, one every `step` bytes, whose exponent is all ones: infinite or NaN. −1: none.
int64_t first_not_finite(const std::byte* at, int64_t count, size_t step, uint16_t exponent) {
  for (int64_t i = 0; i < count; ++i, at += step) {
    uint16_t bits;
    std::memcpy(&bits, at, sizeof bits);
    if ((bits & exponent) == exponent) return i;
  }
  return -1;
}

int64_t first_not_finite(const std::byte* at, int64_t count) {
  for (int64_t i = 0; i < count; ++i, at += sizeof(float)) {
    uint32_t bits;
    std::memcpy(&bits, at, sizeof bits);
    if ((bits & 0x7f800000) == 0x7f800000) return i;
  }
  return -1;
}

/// Blocks of `dtype` with the codes of a grid of fewer.
void encode_narrow(const Grid& grid, Dtype dtype, std::span<const float> values, std::span<std::byte> row) {
  constexpr size_t kGroup = 32;
  const size_t bytes = slm::info(dtype).block_bytes;
  std::array<int32_t, kGroup> codes;
  for (size_t g = 0; g < values.size() / kGroup; ++g) {
    const std::span<const float> group = values.subspan(g * kGroup, kGroup);
    const GridParams params = find_params(grid, group);
    encode(grid, params, group, std::span<int32_t>(codes));
    store_block(dtype, params, codes, row.subspan(g * bytes, bytes));
  }
}

constexpr uint16_t kHalfExponent = 0x7c00, kBfloatExponent = 0x7f80;

}  // namespace

uint64_t row_bytes(WeightScheme scheme, int64_t k) {
  const WeightSchemeInfo& s = info(scheme);
  SLM_CHECK(k >= 0 && k % s.group == 0, "[row_bytes] k is {}, {} needs a multiple of {}", k, s.name, s.group);
  return byte_size(s.gguf_dtype.value_or(Dtype::I8), static_cast<uint64_t>(k));
}

void encode_row(WeightScheme scheme, std::span<const float> values, std::span<std::byte> row, float* row_scale) {
  check_row("encode_row", scheme, values.size(), row.size());
  const WeightSchemeInfo& s = info(scheme);
  if (s.nominal_bits < s.bits) return encode_narrow(*grid_of(scheme), *s.gguf_dtype, values, row);
  if (s.gguf_dtype) return encode_blocks(*s.gguf_dtype, values, row);
  SLM_CHECK(row_scale != nullptr, "[encode_row] w8c needs a place for its scale");
  *row_scale = 0.0f;
  if (values.empty()) return;
  const GridParams params = find_params(kGridW8C, values);
  encode(kGridW8C, params, values, std::span<int8_t>(reinterpret_cast<int8_t*>(row.data()), row.size()));
  *row_scale = params.scale;
}

void check_row_finite(WeightScheme scheme, std::span<const std::byte> row, float row_scale) {
  const auto check = [&](int64_t bad, const char* what) {
    SLM_CHECK(bad < 0, "{} {} is infinite or no number, expected a finite one", what, bad);
  };
  const Dtype dtype = info(scheme).gguf_dtype.value_or(Dtype::I8);
  const auto count = static_cast<int64_t>(row.size() / slm::info(dtype).block_bytes);
  switch (scheme) {
    case WeightScheme::F32:
      return check(first_not_finite(row.data(), count), "value");
    case WeightScheme::BF16:
      return check(first_not_finite(row.data(), count, 2, kBfloatExponent), "value");
    case WeightScheme::F16:
      return check(first_not_finite(row.data(), count, 2, kHalfExponent), "value");
    case WeightScheme::W8C:
      SLM_CHECK(std::isfinite(128.0f * row_scale),
                "row scale {} decodes to infinite values or none, expected finite ones", row_scale);
      return;
    case WeightScheme::W4G32A:  // a scale and a minimum
      check(first_not_finite(row.data() + 2, count, slm::info(dtype).block_bytes, kHalfExponent), "minimum of block");
      [[fallthrough]];
    case WeightScheme::W8G32:
    case WeightScheme::W4G32:
    case WeightScheme::W3G32:
    case WeightScheme::W2G32:
      return check(first_not_finite(row.data(), count, slm::info(dtype).block_bytes, kHalfExponent), "scale of block");
  }
}

void decode_row(WeightScheme scheme, std::span<const std::byte> row, float row_scale, std::span<float> values) {
  check_row("decode_row", scheme, values.size(), row.size());
  if (scheme != WeightScheme::W8C) return decode_blocks(*info(scheme).gguf_dtype, row, values);
  const GridParams params = {.scale = row_scale};
  decode(kGridW8C, params, std::span<const int8_t>(reinterpret_cast<const int8_t*>(row.data()), row.size()), values);
}

}  // namespace slm
