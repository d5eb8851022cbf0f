// SPDX-License-Identifier: Apache-2.0
// The plain types and the blocks of 32. Blocks of 256 (K-quants): gguf_k_blocks.cpp.
#include "slm/quant/gguf_blocks.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "quant/gguf_k_blocks.h"
#include "slm/core/check.h"
#include "slm/core/finite.h"
#include "slm/quant/grid.h"

namespace slm {
namespace {

constexpr size_t kBlock = 32;

uint16_t load_u16(const uint8_t* p) { return static_cast<uint16_t>(p[0] | (p[1] << 8)); }
uint32_t load_u32(const uint8_t* p) {
  return p[0] | (static_cast<uint32_t>(p[1]) << 8) | (static_cast<uint32_t>(p[2]) << 16) |
         (static_cast<uint32_t>(p[3]) << 24);
}
void store_u16(uint8_t* p, uint16_t value) {
  p[0] = static_cast<uint8_t>(value & 0xff);
  p[1] = static_cast<uint8_t>(value >> 8);
}
float load_half(const uint8_t* p) { return f16_to_f32(load_u16(p)); }

// ---- decode

/// f16_to_f32 of core/dtype without branches, so that the loop vectorises.
void decode_f16(const uint8_t* in, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const uint32_t half = load_u16(in + 2 * i);
    const uint32_t magnitude = half & 0x7fffu;
    // Infinities and NaN keep all ones.
    const uint32_t rebias = (112u << 23) + (magnitude >= 0x7c00u ? 112u << 23 : 0u);
    const uint32_t normal = (magnitude << 13) + rebias;
    const uint32_t subnormal = std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f);
    out[i] = std::bit_cast<float>(((half & 0x8000u) << 16) | (magnitude < 0x0400u ? subnormal : normal));
  }
}

void decode_bf16(const uint8_t* in, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = std::bit_cast<float>(static_cast<uint32_t>(load_u16(in + 2 * i)) << 16);
}

// Q4_0: [d f16][16 bytes: byte j = element j low, j + 16 high]   value = d·(nibble − 8)
void decode_q4_0(const uint8_t* in, float* out) {
  const GridParams params = {.scale = load_half(in)};
  for (size_t j = 0; j < 16; ++j) out[j] = decode(kGridQ4_0, params, (in[2 + j] & 0x0f) - 8);
  for (size_t j = 0; j < 16; ++j) out[16 + j] = decode(kGridQ4_0, params, (in[2 + j] >> 4) - 8);
}

// Q4_1: [d f16][m f16][16 bytes as in Q4_0]   value = d·nibble + m
void decode_q4_1(const uint8_t* in, float* out) {
  const GridParams params = {.scale = load_half(in), .minimum = load_half(in + 2)};
  for (size_t j = 0; j < 16; ++j) out[j] = decode(kGridQ4_1, params, in[4 + j] & 0x0f);
  for (size_t j = 0; j < 16; ++j) out[16 + j] = decode(kGridQ4_1, params, in[4 + j] >> 4);
}

// Q5_0: [d f16][fifth bits, u32: bit j = element j][16 bytes as in Q4_0]   value = d·(code − 16)
void decode_q5_0(const uint8_t* in, float* out) {
  const float d = load_half(in);
  const uint32_t high = load_u32(in + 2);
  for (uint32_t j = 0; j < 16; ++j)
    out[j] = d * static_cast<float>(static_cast<int32_t>((in[6 + j] & 0x0fu) | (((high >> j) & 1u) << 4)) - 16);
  for (uint32_t j = 0; j < 16; ++j)
    out[16 + j] =
        d * static_cast<float>(static_cast<int32_t>((in[6 + j] >> 4u) | (((high >> (j + 16)) & 1u) << 4)) - 16);
}

// Q5_1: [d f16][m f16][fifth bits, u32][16 bytes]   value = d·code + m
void decode_q5_1(const uint8_t* in, float* out) {
  const float d = load_half(in), m = load_half(in + 2);
  const uint32_t high = load_u32(in + 4);
  for (uint32_t j = 0; j < 16; ++j)
    out[j] = d * static_cast<float>(static_cast<int32_t>((in[8 + j] & 0x0fu) | (((high >> j) & 1u) << 4))) + m;
  for (uint32_t j = 0; j < 16; ++j)
    out[16 + j] =
        d * static_cast<float>(static_cast<int32_t>((in[8 + j] >> 4u) | (((high >> (j + 16)) & 1u) << 4))) + m;
}

// Q8_0: [d f16][32 int8]   value = d·code
void decode_q8_0(const uint8_t* in, float* out) {
  const GridParams params = {.scale = load_half(in)};
  for (size_t j = 0; j < kBlock; ++j) out[j] = decode(kGridQ8_0, params, static_cast<int8_t>(in[2 + j]));
}

template <auto decode_block>
void decode_all(Dtype dtype, const uint8_t* in, std::span<float> values) {
  const size_t elements = info(dtype).block_elements, bytes = info(dtype).block_bytes;
  for (size_t i = 0; i < values.size(); i += elements, in += bytes) decode_block(in, values.data() + i);
}

// ---- encode

void check_finite(Dtype dtype, std::span<const float> values) {
  uint32_t largest = 0;
  for (const float x : values) {
    const uint32_t magnitude = std::bit_cast<uint32_t>(x) & 0x7fffffffu;
    largest = magnitude > largest ? magnitude : largest;
  }
  if (largest < 0x7f800000u) [[likely]]
    return;
  size_t bad = 0;
  while (std::isfinite(values[bad])) ++bad;
  SLM_CHECK_FINITE(values[bad], "[encode_blocks] value {} for {} is {}, expected a finite one", bad, name(dtype),
                   values[bad]);
}

/// f32_to_f16 of core/dtype for finite values without branches, so that the loop vectorises. A subnormal half is the
/// last bits of |x| + ½, which the FPU has rounded half to even.
void encode_f16(std::span<const float> values, uint8_t* out) {
  uint32_t largest = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(values[i]), magnitude = bits & 0x7fffffffu;
    const uint32_t normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    const uint32_t subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - (126u << 23);
    store_u16(out + 2 * i,
              static_cast<uint16_t>(((bits >> 16) & 0x8000u) | (magnitude < (113u << 23) ? subnormal : normal)));
    largest = magnitude > largest ? magnitude : largest;
  }
  const float x = std::bit_cast<float>(largest);
  SLM_CHECK_FINITE(f16_to_f32(f32_to_f16(x)), "[encode_blocks] value {} overflows a half (largest 65504)", x);
}

void encode_bf16(std::span<const float> values, uint8_t* out) {
  uint32_t largest = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(values[i]), magnitude = bits & 0x7fffffffu;
    store_u16(out + 2 * i, static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16));
    largest = magnitude > largest ? magnitude : largest;
  }
  const float x = std::bit_cast<float>(largest);
  SLM_CHECK_FINITE(bf16_to_f32(f32_to_bf16(x)), "[encode_blocks] value {} overflows a bfloat16", x);
}

using Codes = std::span<const int32_t, kBlock>;

void store_nibbles(Codes codes, int32_t qmin, uint8_t* out) {
  for (size_t j = 0; j < 16; ++j) out[j] = static_cast<uint8_t>((codes[j] - qmin) | ((codes[j + 16] - qmin) << 4));
}

void store_q4_0(const GridParams& params, Codes codes, uint8_t* out) {
  store_u16(out, f32_to_f16(params.scale));
  store_nibbles(codes, kGridQ4_0.qmin, out + 2);
}

void store_q4_1(const GridParams& params, Codes codes, uint8_t* out) {
  store_u16(out, f32_to_f16(params.scale));
  store_u16(out + 2, f32_to_f16(params.minimum));
  store_nibbles(codes, kGridQ4_1.qmin, out + 4);
}

void store_q8_0(const GridParams& params, Codes codes, uint8_t* out) {
  store_u16(out, f32_to_f16(params.scale));
  for (size_t j = 0; j < kBlock; ++j) out[2 + j] = static_cast<uint8_t>(static_cast<int8_t>(codes[j]));
}

template <Grid grid, auto store_block>
void encode_all(Dtype dtype, std::span<const float> values, uint8_t* out) {
  int32_t codes[kBlock];
  for (size_t i = 0; i < values.size(); i += kBlock, out += info(dtype).block_bytes) {
    const std::span<const float> block = values.subspan(i, kBlock);
    const GridParams params = find_params(grid, block);
    for (size_t j = 0; j < kBlock; ++j) codes[j] = encode(grid, params, block[j]);
    store_block(params, Codes(codes), out);
  }
}

void check_sizes(const char* op, Dtype dtype, size_t bytes, size_t elements) {
  const uint64_t expected = byte_size(dtype, elements);
  SLM_CHECK(bytes == expected, "[{}] {} bytes, {} values of {} take {}", op, bytes, elements, name(dtype), expected);
}

}  // namespace

void decode_blocks(Dtype dtype, std::span<const std::byte> blocks, std::span<float> values) {
  check_sizes("decode_blocks", dtype, blocks.size(), values.size());
  if (values.empty()) return;
  const uint8_t* in = reinterpret_cast<const uint8_t*>(blocks.data());
  switch (dtype) {
    case Dtype::F32:
      std::memcpy(values.data(), in, blocks.size());
      return;
    case Dtype::F16:
      return decode_f16(in, values.data(), values.size());
    case Dtype::BF16:
      return decode_bf16(in, values.data(), values.size());
    case Dtype::Q4_0:
      return decode_all<decode_q4_0>(dtype, in, values);
    case Dtype::Q4_1:
      return decode_all<decode_q4_1>(dtype, in, values);
    case Dtype::Q5_0:
      return decode_all<decode_q5_0>(dtype, in, values);
    case Dtype::Q5_1:
      return decode_all<decode_q5_1>(dtype, in, values);
    case Dtype::Q8_0:
      return decode_all<decode_q8_0>(dtype, in, values);
    case Dtype::Q2_K:
      return decode_all<decode_q2_k>(dtype, in, values);
    case Dtype::Q3_K:
      return decode_all<decode_q3_k>(dtype, in, values);
    case Dtype::Q4_K:
      return decode_all<decode_q4_k>(dtype, in, values);
    case Dtype::Q5_K:
      return decode_all<decode_q5_k>(dtype, in, values);
    case Dtype::Q6_K:
      return decode_all<decode_q6_k>(dtype, in, values);
    case Dtype::I8:
    case Dtype::I32:
      break;
  }
  SLM_CHECK(false, "[decode_blocks] {} holds codes, not values", name(dtype));
}

void encode_blocks(Dtype dtype, std::span<const float> values, std::span<std::byte> blocks) {
  check_sizes("encode_blocks", dtype, blocks.size(), values.size());
  check_finite(dtype, values);
  if (values.empty()) return;
  uint8_t* out = reinterpret_cast<uint8_t*>(blocks.data());
  switch (dtype) {
    case Dtype::F32:
      std::memcpy(out, values.data(), blocks.size());
      return;
    case Dtype::F16:
      return encode_f16(values, out);
    case Dtype::BF16:
      return encode_bf16(values, out);
    case Dtype::Q4_0:
      return encode_all<kGridQ4_0, store_q4_0>(dtype, values, out);
    case Dtype::Q4_1:
      return encode_all<kGridQ4_1, store_q4_1>(dtype, values, out);
    case Dtype::Q8_0:
      return encode_all<kGridQ8_0, store_q8_0>(dtype, values, out);
    default:
      SLM_CHECK(false, "[encode_blocks] {} is read only; F32 F16 BF16 Q8_0 Q4_0 Q4_1 are written", name(dtype));
  }
}

void store_block(Dtype dtype, const GridParams& params, std::span<const int32_t> codes, std::span<std::byte> block) {
  const bool q4_0 = dtype == Dtype::Q4_0, q4_1 = dtype == Dtype::Q4_1;
  SLM_CHECK(q4_0 || q4_1 || dtype == Dtype::Q8_0, "[store_block] {}, expected Q8_0, Q4_0 or Q4_1", name(dtype));
  const Grid grid = q4_0 ? kGridQ4_0 : q4_1 ? kGridQ4_1 : kGridQ8_0;
  SLM_CHECK(codes.size() == kBlock && block.size() == info(dtype).block_bytes,
            "[store_block] {} codes to {} bytes, a block of {} is 32 to {}", codes.size(), block.size(), name(dtype),
            info(dtype).block_bytes);
  for (const int32_t code : codes)
    SLM_CHECK(in_range(grid, code), "[store_block] code {} of {}, expected {} to {}", code, name(dtype), grid.qmin,
              grid.qmax);
  SLM_CHECK(params.zero == 0, "[store_block] zero point {}, {} has none", params.zero, name(dtype));
  given_params(grid, params.scale, params.minimum);  // throws on what a half cannot hold
  const Codes all = codes.first<kBlock>();
  uint8_t* out = reinterpret_cast<uint8_t*>(block.data());
  if (q4_0) return store_q4_0(params, all, out);
  if (q4_1) return store_q4_1(params, all, out);
  store_q8_0(params, all, out);
}

}  // namespace slm
