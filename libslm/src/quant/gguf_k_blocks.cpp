// SPDX-License-Identifier: Apache-2.0
// A super-block of 256 values: one or two half scales over 8 or 16 small integer sub-block scales.
// All arithmetic is float32 in the order of gguf/quants.py: (d·sub-scale)·code − (dmin·sub-minimum).
#include "quant/gguf_k_blocks.h"

#include <cstddef>

#include "slm/core/dtype.h"

namespace slm {
namespace {

float load_half(const uint8_t* p) { return f16_to_f32(static_cast<uint16_t>(p[0] | (p[1] << 8))); }

struct ScaleMin {
  float scale, min;
};

/// The 6-bit scale and minimum of sub-block i < 8 of Q4_K and Q5_K, packed in 12 bytes:
///   bytes 0…3   EEAAAAAA  scales 0…3 (A), high bits of scales 4…7 (E)
///   bytes 4…7   eeaaaaaa  minima 0…3 (a), high bits of minima 4…7 (e)
///   bytes 8…11  eeeeEEEE  low bits of minima (e) and scales (E) 4…7
ScaleMin scale_min(const uint8_t* packed, size_t i) {
  if (i < 4) return {static_cast<float>(packed[i] & 63), static_cast<float>(packed[i + 4] & 63)};
  return {static_cast<float>((packed[i + 4] & 0x0f) | ((packed[i - 4] >> 6) << 4)),
          static_cast<float>((packed[i + 4] >> 4) | ((packed[i] >> 6) << 4))};
}

}  // namespace

// Q2_K: [16 bytes: scale low nibble, minimum high][64 bytes of 2-bit codes][d f16][dmin f16]
// Each half of 128 values has 32 bytes; bits 2s…2s+1 of byte j are value 32·s + j of the half.
void decode_q2_k(const uint8_t* block, float* values) {
  const float d = load_half(block + 80), dmin = load_half(block + 82);
  for (size_t sub = 0; sub < 16; ++sub) {
    const float scale = d * static_cast<float>(block[sub] & 0x0f), min = dmin * static_cast<float>(block[sub] >> 4);
    const uint8_t* codes = block + 16 + 32 * (sub / 8) + 16 * (sub % 2);
    const int shift = 2 * static_cast<int>((sub / 2) % 4);
    for (size_t j = 0; j < 16; ++j) values[16 * sub + j] = scale * static_cast<float>((codes[j] >> shift) & 3) - min;
  }
}

// Q3_K: [32 bytes of high bits, bit b of byte j = value 32·b + j, set: no offset][64 bytes of low 2 bits as in Q2_K]
//       [12 bytes: 16 scales of 6 bits, less 32][d f16]   value = d·scale·(code − 4)
void decode_q3_k(const uint8_t* block, float* values) {
  const float d = load_half(block + 108);
  const uint8_t* packed = block + 96;
  for (size_t sub = 0; sub < 16; ++sub) {
    const int low = (packed[sub % 8] >> (sub < 8 ? 0 : 4)) & 0x0f;
    const int high = (packed[8 + sub % 4] >> (2 * (sub / 4))) & 3;
    const float scale = d * static_cast<float>((low | (high << 4)) - 32);
    const uint8_t* codes = block + 32 + 32 * (sub / 8) + 16 * (sub % 2);
    const uint8_t* high_bits = block + 16 * (sub % 2);
    const int shift = 2 * static_cast<int>((sub / 2) % 4), bit = static_cast<int>(sub / 2);
    for (size_t j = 0; j < 16; ++j) {
      const int code = ((codes[j] >> shift) & 3) | (((high_bits[j] >> bit) & 1) << 2);
      values[16 * sub + j] = scale * static_cast<float>(code - 4);
    }
  }
}

// Q4_K: [d f16][dmin f16][12 bytes of scales and minima][128 bytes]:
// 32 bytes hold two sub-blocks of 32, low then high nibbles.
void decode_q4_k(const uint8_t* block, float* values) {
  const float d = load_half(block), dmin = load_half(block + 2);
  for (size_t pair = 0; pair < 4; ++pair) {
    const uint8_t* codes = block + 16 + 32 * pair;
    const ScaleMin a = scale_min(block + 4, 2 * pair), b = scale_min(block + 4, 2 * pair + 1);
    const float scale_a = d * a.scale, min_a = dmin * a.min, scale_b = d * b.scale, min_b = dmin * b.min;
    float* out = values + 64 * pair;
    for (size_t j = 0; j < 32; ++j) out[j] = scale_a * static_cast<float>(codes[j] & 0x0f) - min_a;
    for (size_t j = 0; j < 32; ++j) out[32 + j] = scale_b * static_cast<float>(codes[j] >> 4) - min_b;
  }
}

// Q5_K: as Q4_K, with 32 bytes of fifth bits before the nibbles: bit b of byte j belongs to value 32·b + j.
void decode_q5_k(const uint8_t* block, float* values) {
  const float d = load_half(block), dmin = load_half(block + 2);
  const uint8_t* high = block + 16;
  for (size_t sub = 0; sub < 8; ++sub) {
    const ScaleMin s = scale_min(block + 4, sub);
    const float scale = d * s.scale, min = dmin * s.min;
    const uint8_t* codes = block + 48 + 32 * (sub / 2);
    const int shift = sub % 2 == 0 ? 0 : 4, bit = static_cast<int>(sub);
    for (size_t j = 0; j < 32; ++j) {
      const int code = ((codes[j] >> shift) & 0x0f) | (((high[j] >> bit) & 1) << 4);
      values[32 * sub + j] = scale * static_cast<float>(code) - min;
    }
  }
}

// Q6_K: [128 bytes of low nibbles][64 bytes of high 2 bits][16 int8 scales][d f16]   value = d·scale·(code − 32)
// Each half of 128 values: 64 bytes of nibbles (64 low ones, then 64 high ones), 32 bytes of high bits as in Q2_K.
void decode_q6_k(const uint8_t* block, float* values) {
  const float d = load_half(block + 208);
  for (size_t sub = 0; sub < 16; ++sub) {
    const size_t half = sub / 8, in_half = sub % 8;
    const float scale = d * static_cast<float>(static_cast<int8_t>(block[192 + sub]));
    const uint8_t* low = block + 64 * half + 16 * (in_half % 4);
    const uint8_t* high = block + 128 + 32 * half + 16 * (in_half % 2);
    const int low_shift = in_half < 4 ? 0 : 4, high_shift = 2 * static_cast<int>(in_half / 2);
    for (size_t j = 0; j < 16; ++j) {
      const int code = ((low[j] >> low_shift) & 0x0f) | (((high[j] >> high_shift) & 3) << 4);
      values[16 * sub + j] = scale * static_cast<float>(code - 32);
    }
  }
}

}  // namespace slm
