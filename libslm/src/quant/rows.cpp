// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/rows.h"

#include <array>
#include <cmath>
#include <cstring>

#include "quant/group_kernel.h"
#include "slm/core/check.h"
#include "slm/kernels/fake_quant/variants.h"
#include "slm/quant/gguf_blocks.h"

namespace slm {
namespace {

using kernels::GemmStorage;

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

/// Blocks that hold the codes of another grid: one of fewer codes, of wider groups, with a zero point.
void encode_in_blocks(const WeightSchemeInfo& s, std::span<const float> values, std::span<std::byte> row) {
  constexpr size_t kBlock = 32;
  const auto group = static_cast<size_t>(s.group);
  const size_t bytes = slm::info(*s.gguf_dtype).block_bytes;
  std::array<int32_t, kBlock> codes;
  for (size_t g = 0; g < values.size(); g += group) {
    const GridParams params = find_params(*s.grid, values.subspan(g, group));
    GridParams stored = params;
    stored.zero = 0;  // it is in the codes
    for (size_t i = g; i < g + group; i += kBlock) {
      for (size_t j = 0; j < kBlock; ++j) codes[j] = encode(*s.grid, params, values[i + j]) - params.zero;
      store_block(*s.gguf_dtype, stored, codes, row.subspan(i / kBlock * bytes, bytes));
    }
  }
}

constexpr uint16_t kHalfExponent = 0x7c00, kBfloatExponent = 0x7f80;

}  // namespace

uint64_t row_bytes(WeightScheme scheme, int64_t k) {
  const WeightSchemeInfo& s = info(scheme);
  SLM_CHECK(k >= 0 && k % s.group == 0, "[row_bytes] k is {}, {} needs a multiple of {}", k, s.name, s.group);
  return byte_size(s.gguf_dtype.value_or(Dtype::I8), static_cast<uint64_t>(k));
}

void encode_row(WeightScheme scheme, std::span<const float> values, std::span<std::byte> row, float* row_scale,
                const std::optional<GridParams>& known) {
  encode_row(kernels::select(kernels::fake_quant_variants()), scheme, values, row, row_scale, known);
}

void encode_row(const kernels::FakeQuantVariant& kernels, WeightScheme scheme, std::span<const float> values,
                std::span<std::byte> row, float* row_scale, const std::optional<GridParams>& known) {
  check_row("encode_row", scheme, values.size(), row.size());
  const WeightSchemeInfo& s = info(scheme);
  SLM_CHECK(known ? s.grid && s.granularity != Granularity::Group : s.granularity != Granularity::Tensor,
            "[encode_row] {} with parameters, {}", s.name, known ? "expected none" : "expected those of the tensor");
  if (encode_groups_by_kernel(kernels, s, values, row)) return;  // what a kernel refuses, the blocks and the grid name
  if (s.gguf_dtype && native_scheme(*s.gguf_dtype) == scheme) return encode_blocks(*s.gguf_dtype, values, row);
  if (s.gguf_dtype) return encode_in_blocks(s, values, row);
  SLM_CHECK(row_scale != nullptr, "[encode_row] {} needs a place for its scale", s.name);
  *row_scale = 0.0f;
  if (values.empty()) return;
  const GridParams params = known ? *known : find_params(*s.grid, values);
  *row_scale = params.scale;
  if (s.grid->kind == GridKind::Symmetric)
    return kernels.encode_symmetric(values.data(), std::ssize(values), params.inverse,
                                    reinterpret_cast<int8_t*>(row.data()));
  for (size_t i = 0; i < values.size(); ++i)
    row[i] = static_cast<std::byte>(encode(*s.grid, params, values[i]) - params.zero);
}

GridParams tensor_params(WeightScheme scheme, MinMax extremes) {
  const WeightSchemeInfo& s = info(scheme);
  SLM_CHECK(s.granularity == Granularity::Tensor, "[tensor_params] {} has no scale of a whole tensor", s.name);
  return find_params(*s.grid, std::array{extremes.min, extremes.max});
}

void check_row_finite(WeightScheme scheme, std::span<const std::byte> row, float row_scale) {
  const auto check = [&](int64_t bad, const char* what) {
    SLM_CHECK(bad < 0, "{} {} is infinite or no number, expected a finite one", what, bad);
  };
  const Dtype dtype = info(scheme).gguf_dtype.value_or(Dtype::I8);
  const auto count = static_cast<int64_t>(row.size() / slm::info(dtype).block_bytes);
  switch (info(scheme).storage) {
    case GemmStorage::F32:
      return check(first_not_finite(row.data(), count), "value");
    case GemmStorage::BF16:
      return check(first_not_finite(row.data(), count, 2, kBfloatExponent), "value");
    case GemmStorage::F16:
      return check(first_not_finite(row.data(), count, 2, kHalfExponent), "value");
    case GemmStorage::Q8C:
      SLM_CHECK(std::isfinite(128.0f * row_scale),
                "row scale {} decodes to infinite values or none, expected finite ones", row_scale);
      return;
    case GemmStorage::Q4_1:  // a scale and a minimum
      check(first_not_finite(row.data() + 2, count, slm::info(dtype).block_bytes, kHalfExponent), "minimum of block");
      [[fallthrough]];
    case GemmStorage::Q8_0:
    case GemmStorage::Q4_0:
      return check(first_not_finite(row.data(), count, slm::info(dtype).block_bytes, kHalfExponent), "scale of block");
  }
}

void decode_row(WeightScheme scheme, std::span<const std::byte> row, float row_scale, std::span<float> values) {
  check_row("decode_row", scheme, values.size(), row.size());
  if (!has_row_scales(scheme)) return decode_blocks(*info(scheme).gguf_dtype, row, values);
  const GridParams params = {.scale = row_scale};
  decode(kGridW8C, params, std::span<const int8_t>(reinterpret_cast<const int8_t*>(row.data()), row.size()), values);
}

}  // namespace slm
