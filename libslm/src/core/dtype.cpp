// SPDX-License-Identifier: Apache-2.0
#include "slm/core/dtype.h"

#include <array>
#include <bit>
#include <limits>

#include "slm/core/check.h"

namespace slm {
namespace {

constexpr std::array<DtypeInfo, kDtypeCount> kInfo = {{
    {"F32", 1, 4},
    {"F16", 1, 2},
    {"BF16", 1, 2},
    {"I8", 1, 1},
    {"I32", 1, 4},
    {"Q4_0", 32, 18},
    {"Q4_1", 32, 20},
    {"Q5_0", 32, 22},
    {"Q5_1", 32, 24},
    {"Q8_0", 32, 34},
    {"Q2_K", 256, 84},
    {"Q3_K", 256, 110},
    {"Q4_K", 256, 144},
    {"Q5_K", 256, 176},
    {"Q6_K", 256, 210},
}};

}  // namespace

const DtypeInfo& info(Dtype dtype) { return kInfo[static_cast<size_t>(dtype)]; }

uint64_t byte_size(Dtype dtype, uint64_t elements) {
  const DtypeInfo& d = info(dtype);
  SLM_CHECK(elements % d.block_elements == 0, "[byte_size] {} elements are no whole number of {} blocks of {}",
            elements, d.name, d.block_elements);
  const uint64_t blocks = elements / d.block_elements;
  SLM_CHECK(blocks <= std::numeric_limits<uint64_t>::max() / d.block_bytes, "[byte_size] {} elements of {} overflow",
            elements, d.name);
  return blocks * d.block_bytes;
}

float f16_to_f32(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  if (mantissa == 0) return std::bit_cast<float>(sign);
  const int shift = std::countl_zero(mantissa) - 21;  // subnormal: bring the leading one to bit 10
  mantissa = (mantissa << shift) & 0x3ffu;
  return std::bit_cast<float>(sign | (static_cast<uint32_t>(113 - shift) << 23) | (mantissa << 13));
}

uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)  // NaN: keep the top payload bits, make it quiet
    return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // ≥ 65520 rounds to infinity
  uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  const int exponent = static_cast<int>(magnitude >> 23) - 112;  // biased exponent of the half
  int drop = 13;                                                 // mantissa bits to round away
  uint32_t base = 0;
  if (exponent >= 1) {
    mantissa &= 0x7fffffu;
    base = static_cast<uint32_t>(exponent) << 10;
  } else {
    drop += 1 - exponent;
    if (drop > 25) return static_cast<uint16_t>(sign);
  }
  const uint32_t half = 1u << (drop - 1);
  const uint32_t rest = mantissa & ((1u << drop) - 1);
  uint32_t result = base + (mantissa >> drop);
  if (rest > half || (rest == half && (result & 1u) != 0)) ++result;
  return static_cast<uint16_t>(sign | result);
}

float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 64u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace slm
