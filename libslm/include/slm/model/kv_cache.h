// SPDX-License-Identifier: Apache-2.0
// KvCache: keys and values of one or more sequences, in blocks of 32 tokens (layout: kernels/attention/attention.h).
// Memory for the whole capacity is reserved when it is made; the system gives pages as tokens come.
// K is stored after RoPE.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "slm/core/aligned_buffer.h"
#include "slm/kernels/attention/variants.h"
#include "slm/model/config.h"
#include "slm/ops/attention.h"

namespace slm {

struct KvCacheOptions {
  int64_t capacity = 2048;  ///< tokens per sequence
  int64_t sequences = 1;
  kernels::KvStorage storage = kernels::KvStorage::F16;
};

class KvCache {
 public:
  /// Throws ArgumentError (capacity or sequences < 1, size overflow), std::bad_alloc.
  KvCache(const ModelConfig& config, const KvCacheOptions& options);

  int64_t capacity() const { return capacity_; }
  int64_t sequences() const { return sequences_; }
  const kernels::AttentionVariant& variant() const { return variant_; }
  uint64_t bytes() const { return buffer_.size(); }
  /// Bytes of a cache with these options. Throws as the constructor, which allocates so many.
  static uint64_t bytes(const ModelConfig& config, const KvCacheOptions& options);

  /// Tokens of a sequence whose keys and values are there.
  int64_t length(int64_t sequence) const { return lengths_[static_cast<size_t>(sequence)]; }
  /// Forgets those from `length` on, or announces those that store() is about to write. Not checked: sequence and
  /// length are the executor's, which has checked them.
  void set_length(int64_t sequence, int64_t length) { lengths_[static_cast<size_t>(sequence)] = length; }

  /// Writes the key and value (Hkv·Dh floats each) of one token. Throws ArgumentError beyond the capacity.
  void store(int64_t layer, int64_t sequence, int64_t position, const float* k, const float* v);
  /// Keys and values of one layer and sequence, for ops/attention. Not checked, likewise.
  KvLayer layer(int64_t layer, int64_t sequence) const;

 private:
  size_t head_offset(int64_t layer, int64_t sequence, bool values) const;
  int64_t layers_, kv_heads_, head_dim_, capacity_, sequences_, blocks_;
  const kernels::AttentionVariant& variant_;
  size_t element_bytes_;
  size_t head_bytes_;  // all blocks of one head
  std::vector<int64_t> lengths_;
  AlignedBuffer buffer_;
};

}  // namespace slm
