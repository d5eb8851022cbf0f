// SPDX-License-Identifier: Apache-2.0
// Float GEMM problems of every storage, which a variant packs and runs, for the tests of gemm_f32.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "slm/core/aligned_buffer.h"
#include "slm/core/dtype.h"
#include "slm/core/rng.h"
#include "slm/kernels/gemm_variants.h"

namespace slm::kernels::gemm_f32_test {

inline int64_t element_bytes(GemmStorage storage) { return storage == GemmStorage::F32 ? 4 : 2; }

inline float element_value(GemmStorage storage, const std::byte* p) {
  if (storage == GemmStorage::F32) {
    float x;
    std::memcpy(&x, p, 4);
    return x;
  }
  uint16_t bits;
  std::memcpy(&bits, p, 2);
  return storage == GemmStorage::BF16 ? bf16_to_f32(bits) : f16_to_f32(bits);
}

inline void set_element(GemmStorage storage, std::byte* p, float x) {
  const uint16_t bits = storage == GemmStorage::BF16 ? f32_to_bf16(x) : f32_to_f16(x);
  if (storage == GemmStorage::F32) {
    std::memcpy(p, &x, 4);
  } else {
    std::memcpy(p, &bits, 2);
  }
}

struct Shape {
  int64_t m, n, k;
};

/// Rows of B, activations and bias of one problem; b starts at an odd address for the 16-bit storages.
struct Problem {
  GemmStorage storage;
  Shape shape;
  int64_t a_stride;
  std::vector<float> a, bias;
  std::vector<std::byte> rows;

  Problem(GemmStorage storage_, Shape shape_, uint64_t seed = 1)
      : storage(storage_),
        shape(shape_),
        a_stride(shape.k + 3),
        a(static_cast<size_t>(shape.m * a_stride)),
        bias(static_cast<size_t>(shape.n)),
        rows(static_cast<size_t>(1 + shape.n * shape.k * element_bytes(storage))) {
    Rng rng(seed);
    for (float& x : a) x = rng.normal();
    for (float& x : bias) x = rng.normal();
    for (int64_t i = 0; i < shape.n * shape.k; ++i) set_element(storage, element(i), rng.normal());
  }
  std::byte* element(int64_t i) { return rows.data() + 1 + i * element_bytes(storage); }
  const std::byte* element(int64_t i) const { return rows.data() + 1 + i * element_bytes(storage); }

  AlignedBuffer pack(const GemmVariant& v) const {
    const int64_t panels = (shape.n + v.panel_columns - 1) / v.panel_columns;
    AlignedBuffer buffer(static_cast<size_t>(panels) * v.panel_bytes(shape.k));
    std::memset(buffer.data(), 0xff, buffer.size());
    for (int64_t p = 0; p < panels; ++p) {
      const int64_t first = p * v.panel_columns, count = std::min<int64_t>(v.panel_columns, shape.n - first);
      std::vector<const std::byte*> pointers;
      for (int64_t i = 0; i < count; ++i) pointers.push_back(element((first + i) * shape.k));
      v.pack({.rows = pointers.data(),
              .count = count,
              .k = shape.k,
              .panel = buffer.data() + static_cast<size_t>(p) * v.panel_bytes(shape.k)});
    }
    return buffer;
  }

  GemmArgs args(const std::byte* panels, const float* bias_or_null, float* c, int64_t c_stride) const {
    return {.a = a.data(),
            .a_stride = a_stride,
            .b = panels,
            .bias = bias_or_null,
            .c = c,
            .c_stride = c_stride,
            .m = shape.m,
            .n = shape.n,
            .k = shape.k};
  }

  std::vector<float> run(const GemmVariant& v, bool with_bias) const {
    const AlignedBuffer panels = pack(v);
    std::vector<float> c(static_cast<size_t>(shape.m * shape.n), std::numeric_limits<float>::quiet_NaN());
    v.gemm(args(panels.data(), with_bias ? bias.data() : nullptr, c.data(), shape.n));
    return c;
  }
};

}  // namespace slm::kernels::gemm_f32_test
