// SPDX-License-Identifier: Apache-2.0
#include "slm/model/kv_cache.h"

#include "slm/core/division.h"

namespace slm {
namespace {

using kernels::kKvBlockTokens;

int64_t blocks_for(int64_t capacity) { return ceil_div(capacity, kKvBlockTokens); }
size_t element_size(kernels::KvStorage storage) { return storage == kernels::KvStorage::F16 ? 2 : 4; }

/// Positions are int32: a capacity beyond them is refused before a size is computed from it.
int64_t checked_capacity(int64_t capacity) {
  SLM_CHECK(capacity >= 1 && capacity < int64_t{1} << 31, "[kv_cache] room for {} tokens, expected 1 to 2^31 - 1",
            capacity);
  return capacity;
}

}  // namespace

uint64_t KvCache::bytes(const ModelConfig& config, const KvCacheOptions& options) {
  checked_capacity(options.capacity);
  SLM_CHECK(options.sequences >= 1 && options.sequences < 1 << 20, "[kv_cache] {} sequences, expected 1 to {}",
            options.sequences, (1 << 20) - 1);
  uint64_t total = element_size(options.storage) * 2;
  for (const int64_t factor : {blocks_for(options.capacity), kKvBlockTokens, config.head_dim, config.kv_heads,
                               config.layers, options.sequences})
    SLM_CHECK(!__builtin_mul_overflow(total, static_cast<uint64_t>(factor), &total) && total < uint64_t{1} << 46,
              "[kv_cache] {} sequences of {} tokens need too much memory", options.sequences, options.capacity);
  return total;
}

KvCache::KvCache(const ModelConfig& config, const KvCacheOptions& options)
    : layers_(config.layers),
      kv_heads_(config.kv_heads),
      head_dim_(config.head_dim),
      capacity_(checked_capacity(options.capacity)),
      sequences_(options.sequences),
      blocks_(blocks_for(capacity_)),
      variant_(kernels::select(kernels::attention_variants(options.storage))),
      element_bytes_(element_size(options.storage)),
      head_bytes_(static_cast<size_t>(blocks_ * kKvBlockTokens * head_dim_) * element_bytes_) {
  buffer_ = AlignedBuffer(bytes(config, options), AlignedBuffer::Pages::AsTouched);
  lengths_.resize(static_cast<size_t>(sequences_));
}

size_t KvCache::head_offset(int64_t layer, int64_t sequence, bool values) const {
  const int64_t index = ((layer * sequences_ + sequence) * 2 + (values ? 1 : 0)) * kv_heads_;
  return static_cast<size_t>(index) * head_bytes_;
}

void KvCache::store(int64_t layer, int64_t sequence, int64_t position, const float* k, const float* v) {
  SLM_CHECK(
      layer >= 0 && layer < layers_ && sequence >= 0 && sequence < sequences_ && position >= 0 && position < capacity_,
      "[kv_cache] layer {} sequence {} position {}, the cache has ({},{},{})", layer, sequence, position, layers_,
      sequences_, capacity_);
  const size_t block_bytes = static_cast<size_t>(kKvBlockTokens * head_dim_) * element_bytes_;
  const int64_t slot = position % kKvBlockTokens;
  for (const bool values : {false, true}) {
    std::byte* block = buffer_.data() + head_offset(layer, sequence, values) +
                       static_cast<size_t>(position / kKvBlockTokens) * block_bytes;
    for (int64_t h = 0; h < kv_heads_; ++h, block += head_bytes_) {
      const kernels::KvStoreArgs args{
          .row = (values ? v : k) + h * head_dim_, .head_dim = head_dim_, .block = block, .slot = slot};
      if (values)
        variant_.store_v(args);
      else
        variant_.store_k(args);
    }
  }
}

KvLayer KvCache::layer(int64_t layer, int64_t sequence) const {
  return {.k = buffer_.data() + head_offset(layer, sequence, false),
          .v = buffer_.data() + head_offset(layer, sequence, true),
          .head_stride_bytes = static_cast<int64_t>(head_bytes_)};
}

}  // namespace slm
