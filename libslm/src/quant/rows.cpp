// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/rows.h"

#include "slm/core/check.h"
#include "slm/quant/gguf_blocks.h"
#include "slm/quant/grid.h"

namespace slm {
namespace {

void check_row(const char* op, WeightScheme scheme, size_t k, size_t bytes) {
  const uint64_t expected = row_bytes(scheme, static_cast<int64_t>(k));
  SLM_CHECK(bytes == expected, "[{}] row of {} bytes, {} values of {} take {}", op, bytes, k, name(scheme), expected);
}

}  // namespace

uint64_t row_bytes(WeightScheme scheme, int64_t k) {
  const WeightSchemeInfo& s = info(scheme);
  SLM_CHECK(k >= 0 && k % s.group == 0, "[row_bytes] k is {}, {} needs a multiple of {}", k, s.name, s.group);
  return byte_size(s.gguf_dtype.value_or(Dtype::I8), static_cast<uint64_t>(k));
}

void encode_row(WeightScheme scheme, std::span<const float> values, std::span<std::byte> row, float* row_scale) {
  check_row("encode_row", scheme, values.size(), row.size());
  if (scheme != WeightScheme::W8C) return encode_blocks(*info(scheme).gguf_dtype, values, row);
  SLM_CHECK(row_scale != nullptr, "[encode_row] w8c needs a place for its scale");
  *row_scale = 0.0f;
  if (values.empty()) return;
  const GridParams params = find_params(kGridW8C, values);
  encode(kGridW8C, params, values, std::span<int8_t>(reinterpret_cast<int8_t*>(row.data()), row.size()));
  *row_scale = params.scale;
}

void decode_row(WeightScheme scheme, std::span<const std::byte> row, float row_scale, std::span<float> values) {
  check_row("decode_row", scheme, values.size(), row.size());
  if (scheme != WeightScheme::W8C) return decode_blocks(*info(scheme).gguf_dtype, row, values);
  const GridParams params = {.scale = row_scale};
  decode(kGridW8C, params, std::span<const int8_t>(reinterpret_cast<const int8_t*>(row.data()), row.size()), values);
}

}  // namespace slm
