// SPDX-License-Identifier: Apache-2.0
// Attention, plain: one query row and head at a time, one key after another, with the running softmax
//   m' = max(m, s),  l' = l·e^(m−m') + e^(s−m'),  o' = o·e^(m−m') + e^(s−m')·v   (Milakov & Gimelshein 2018, alg. 3)
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/attention/attention_isas.h"
#include "slm/core/dtype.h"

namespace slm::kernels {
namespace {

struct HalfBits {
  uint16_t bits;
};
float value(float element) { return element; }
float value(HalfBits element) { return f16_to_f32(element.bits); }
void assign(float& element, float x) { element = x; }
void assign(HalfBits& element, float x) { element.bits = f32_to_f16(held_by_f16(x)); }

template <class Element>
void store_k(const KvStoreArgs& args) {
  auto* block = static_cast<Element*>(args.block);
  for (int64_t d = 0; d < args.head_dim; ++d) assign(block[d * kKvBlockTokens + args.slot], args.row[d]);
}

template <class Element>
void store_v(const KvStoreArgs& args) {
  auto* block = static_cast<Element*>(args.block);
  for (int64_t d = 0; d < args.head_dim; ++d) assign(block[args.slot * args.head_dim + d], args.row[d]);
}

template <class Element>
void attend(const AttentionArgs& args) {
  const auto* k_blocks = static_cast<const Element*>(args.k_blocks);
  const auto* v_blocks = static_cast<const Element*>(args.v_blocks);
  const int64_t block_elements = kKvBlockTokens * args.head_dim;
  for (int64_t r = 0; r < args.rows; ++r)
    for (int64_t h = 0; h < args.heads; ++h) {
      const float* q = args.q + r * args.q_stride + h * args.head_dim;
      float* out = args.out + r * args.out_stride + h * args.head_dim;
      float maximum = -std::numeric_limits<float>::infinity(), sum = 0.0f;
      std::fill_n(out, args.head_dim, 0.0f);
      for (int64_t key = args.key_begin[r]; key < args.key_end[r]; ++key) {
        const Element* k = k_blocks + key / kKvBlockTokens * block_elements + key % kKvBlockTokens;
        const Element* v = v_blocks + key / kKvBlockTokens * block_elements + key % kKvBlockTokens * args.head_dim;
        float score = 0.0f;
        for (int64_t d = 0; d < args.head_dim; ++d) score += q[d] * args.scale * value(k[d * kKvBlockTokens]);
        const float next = std::max(maximum, score);
        const float base = std::isinf(next) ? 0.0f : next;  // no −∞ − −∞
        const float shrink = std::exp(maximum - base), weight = std::exp(score - base);
        sum = sum * shrink + weight;
        for (int64_t d = 0; d < args.head_dim; ++d) out[d] = out[d] * shrink + weight * value(v[d]);
        maximum = next;
      }
      for (int64_t d = 0; d < args.head_dim; ++d) out[d] = sum == 0.0f ? 0.0f : out[d] / sum;
    }
}

}  // namespace

AttentionVariant attention_scalar(Isa isa, KvStorage storage) {
  if (storage == KvStorage::F16)
    return {isa, storage, "f16_scalar", store_k<HalfBits>, store_v<HalfBits>, attend<HalfBits>};
  return {isa, storage, "f32_scalar", store_k<float>, store_v<float>, attend<float>};
}

}  // namespace slm::kernels
