// SPDX-License-Identifier: Apache-2.0
// Integer GEMM problems for the tests of gemm_q4 and gemm_q8: random or extreme operands, an obvious reference that
// reads the weights in their own storage (never a panel), and a runner that packs,
// calls a variant and watches the bytes around its output.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "slm/core/dtype.h"
#include "slm/kernels/gemm_variants.h"
#include "tests/support/guarded_bytes.h"

namespace slm::kernels {

/// What the operands are made of.
enum class Fill {
  Random,     ///< all codes, scales of either sign
  Largest,    ///< every code at the end of its range, so that sums reach their bounds, positive or negative
  OddScales,  ///< scales that are zero, negative, subnormal, the largest half
  Vanishing   ///< scales so small that terms are zeros of either sign
};

struct GemmProblem {
  GemmStorage storage;
  int64_t m, n, k;
  std::vector<std::vector<std::byte>> rows;  ///< n rows of B in the storage's format
  std::vector<float> row_scales;             ///< Q8C
  std::vector<int8_t> a;                     ///< (m,k)
  std::vector<float> a_scales;
  std::vector<int32_t> a_sums;
  std::vector<float> bias;  ///< (n), or empty

  bool grouped() const { return storage != GemmStorage::Q8C; }
  int64_t groups() const { return k / 32; }
  int64_t block_bytes() const {
    switch (storage) {
      case GemmStorage::Q8_0:
        return 34;
      case GemmStorage::Q4_0:
        return 18;
      case GemmStorage::Q4_1:
        return 20;
      default:
        return 0;
    }
  }
  uint16_t half(int64_t row, int64_t group, int64_t offset) const {
    uint16_t bits;
    std::memcpy(&bits, rows[row].data() + group * block_bytes() + offset, 2);
    return bits;
  }
  float d_b(int64_t row, int64_t group) const { return f16_to_f32(half(row, group, 0)); }
  float m_b(int64_t row, int64_t group) const { return f16_to_f32(half(row, group, 2)); }
  /// The integer that multiplies code_a.
  int code_b(int64_t row, int64_t j) const {
    const auto byte = [&](int64_t at) { return std::to_integer<int>(rows[row][at]); };
    const int64_t block = j / 32 * block_bytes();
    const int64_t i = j % 32;
    switch (storage) {
      case GemmStorage::Q8C:
        return static_cast<int8_t>(byte(j));
      case GemmStorage::Q8_0:
        return static_cast<int8_t>(byte(block + 2 + i));
      case GemmStorage::Q4_0:
        return (i < 16 ? byte(block + 2 + i) & 15 : byte(block + 2 + i - 16) >> 4) - 8;
      case GemmStorage::Q4_1:
        return i < 16 ? byte(block + 4 + i) & 15 : byte(block + 4 + i - 16) >> 4;
      default:
        return 0;
    }
  }
  void refresh_sums() {
    a_sums.clear();
    const int64_t step = grouped() ? 32 : k;
    for (int64_t begin = 0; begin < m * k; begin += step) {
      int32_t sum = 0;
      for (int64_t j = 0; j < step; ++j) sum += a[begin + j];
      a_sums.push_back(sum);
    }
  }
};

inline GemmProblem make_problem(GemmStorage storage, int64_t m, int64_t n, int64_t k, Fill fill, bool with_bias,
                                unsigned seed) {
  std::mt19937 rng(seed);
  std::uniform_int_distribution<int> byte(0, 255), code(-127, 127), coin(0, 1);
  std::uniform_real_distribution<float> real(0.001f, 0.1f);
  const float odd[] = {0.0f, -0.0f, -0.03f, 5.9604645e-8f, -3.0e-7f, 65504.0f, 6.1e-5f};
  const float least[] = {0.0f, -0.0f, 5.9604645e-8f, -5.9604645e-8f};
  const auto scale = [&] {
    if (fill == Fill::Vanishing) return least[rng() % std::size(least)];
    if (fill == Fill::OddScales) return odd[rng() % std::size(odd)];
    return coin(rng) != 0 ? real(rng) : -real(rng);
  };
  GemmProblem p{.storage = storage,
                .m = m,
                .n = n,
                .k = k,
                .rows = {},
                .row_scales = {},
                .a = {},
                .a_scales = {},
                .a_sums = {},
                .bias = {}};
  const int64_t row_bytes = p.grouped() ? p.groups() * p.block_bytes() : k;
  const int halfs = storage == GemmStorage::Q4_1 ? 2 : 1;
  for (int64_t row = 0; row < n; ++row) {
    const int extreme = coin(rng) != 0 ? (storage == GemmStorage::Q8C || storage == GemmStorage::Q8_0 ? 0x80 : 0x00)
                                       : (storage == GemmStorage::Q8C || storage == GemmStorage::Q8_0 ? 0x7f : 0xff);
    std::vector<std::byte> bytes(static_cast<size_t>(row_bytes));
    for (std::byte& b : bytes) b = static_cast<std::byte>(fill == Fill::Largest ? extreme : byte(rng));
    if (p.grouped()) {
      for (int64_t g = 0; g < p.groups(); ++g)
        for (int h = 0; h < halfs; ++h) {
          const uint16_t bits = f32_to_f16(scale());
          std::memcpy(bytes.data() + g * p.block_bytes() + 2 * h, &bits, 2);
        }
    } else {
      p.row_scales.push_back(scale());
    }
    p.rows.push_back(std::move(bytes));
  }
  for (int64_t row = 0; row < m; ++row) {
    const int extreme = coin(rng) != 0 ? 127 : -127;
    for (int64_t j = 0; j < k; ++j) p.a.push_back(static_cast<int8_t>(fill == Fill::Largest ? extreme : code(rng)));
  }
  for (int64_t i = 0; i < (p.grouped() ? m * p.groups() : m); ++i)
    p.a_scales.push_back(scale() * (fill == Fill::Vanishing ? 1e-37f : 1.0f));
  p.refresh_sums();
  if (with_bias)
    for (int64_t j = 0; j < n; ++j) p.bias.push_back(scale());
  return p;
}

/// C as packed_gemm.h defines it, one element at a time.
inline std::vector<float> reference(const GemmProblem& p) {
  std::vector<float> c;
  for (int64_t row = 0; row < p.m; ++row)
    for (int64_t column = 0; column < p.n; ++column) {
      const auto dot = [&](int64_t begin, int64_t end) {
        int64_t s = 0;
        for (int64_t j = begin; j < end; ++j) s += int64_t{p.a[row * p.k + j]} * p.code_b(column, j);
        EXPECT_TRUE(s >= INT32_MIN && s <= INT32_MAX);
        return static_cast<float>(static_cast<int32_t>(s));
      };
      const float bias = p.bias.empty() ? 0.0f : p.bias[column];
      if (!p.grouped()) {
        const float d = p.a_scales[row] * p.row_scales[column];
        c.push_back(std::fma(dot(0, p.k), d, bias));
        continue;
      }
      float acc = 0.0f;
      for (int64_t g = 0; g < p.groups(); ++g) {
        const float d_a = p.a_scales[row * p.groups() + g];
        acc = std::fma(dot(32 * g, 32 * g + 32) * p.d_b(column, g), d_a, acc);
        if (p.storage == GemmStorage::Q4_1)
          acc = std::fma(static_cast<float>(p.a_sums[row * p.groups() + g]) * p.m_b(column, g), d_a, acc);
      }
      c.push_back(acc + (bias + 0.0f));
    }
  return c;
}

/// B packed by a variant: guard bytes before the panels, behind them a page nobody may touch.
class PackedProblem {
 public:
  PackedProblem(const GemmVariant& variant, const GemmProblem& p)
      : panel_bytes_(variant.panel_bytes(p.k)),
        panels_((p.n + variant.panel_columns - 1) / variant.panel_columns),
        buffer_(kGuard + panel_bytes_ * static_cast<size_t>(panels_)) {
    EXPECT_EQ(panel_bytes_ % 64, 0u);
    std::memset(buffer_.data(), 0xa5, kGuard);
    for (int64_t panel = 0; panel < panels_; ++panel) {
      const int64_t first = panel * variant.panel_columns;
      const int64_t count = std::min<int64_t>(variant.panel_columns, p.n - first);
      std::vector<const std::byte*> rows;
      for (int64_t row = first; row < first + count; ++row) rows.push_back(p.rows[row].data());
      variant.pack({.rows = rows.data(),
                    .row_scales = p.row_scales.empty() ? nullptr : p.row_scales.data() + first,
                    .count = count,
                    .k = p.k,
                    .panel = data() + panel * static_cast<int64_t>(panel_bytes_)});
    }
    for (size_t i = 0; i < kGuard; ++i) EXPECT_EQ(buffer_.data()[i], std::byte{0xa5}) << "written before the panels";
  }
  std::byte* data() { return buffer_.data() + kGuard; }
  const std::byte* panel(int64_t index) const {
    return buffer_.data() + kGuard + index * static_cast<int64_t>(panel_bytes_);
  }

 private:
  static constexpr size_t kGuard = 128;
  size_t panel_bytes_;
  int64_t panels_;
  test::GuardedBytes buffer_;
};

/// Rows [m0,m1) × columns [n0,n1) of the product, n0 at the start of a panel;
/// fails where a byte outside them is written.
inline std::vector<float> run_part(const GemmVariant& variant, const GemmProblem& p, const PackedProblem& packed,
                                   int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
  const int64_t m = m1 - m0, n = n1 - n0, per_row = p.grouped() ? p.groups() : 1;
  const int64_t a_stride = p.k + 5, c_stride = n + 3;
  // Exactly as large as the contract promises.
  const auto a_bytes = static_cast<size_t>((m - 1) * a_stride + p.k);
  const test::GuardedBytes a(a_bytes);
  std::memset(a.data(), -128, a_bytes);
  for (int64_t row = 0; row < m; ++row)
    std::memcpy(a.data() + row * a_stride, p.a.data() + (m0 + row) * p.k, static_cast<size_t>(p.k));
  const test::GuardedCopy<float> a_scales(std::span(p.a_scales).subspan(m0 * per_row, m * per_row));
  std::vector<int32_t> offsets;
  for (const int32_t sum : std::span(p.a_sums).subspan(m0 * per_row, m * per_row))
    offsets.push_back((p.grouped() ? kGroupOffset : 0) + kOffsetPerCode * sum);
  const test::GuardedCopy<int32_t> a_offsets{std::span<const int32_t>(offsets)};
  const test::GuardedCopy<float> bias(std::span(p.bias).subspan(p.bias.empty() ? 0 : n0, p.bias.empty() ? 0 : n));
  const float sentinel = std::bit_cast<float>(0x7fc0dead);
  std::vector<float> c(static_cast<size_t>(m * c_stride) + 32, sentinel);
  float* out = c.data() + 16;
  variant.gemm({.a = a.data(),
                .a_stride = a_stride,
                .a_scales = a_scales.data(),
                .a_offsets = a_offsets.data(),
                .b = packed.panel(n0 / variant.panel_columns),
                .bias = p.bias.empty() ? nullptr : bias.data(),
                .c = out,
                .c_stride = c_stride,
                .m = m,
                .n = n,
                .k = p.k});
  std::vector<float> result;
  for (int64_t i = -16; i < m * c_stride + 16; ++i) {
    const bool inside = i >= 0 && i < m * c_stride && i % c_stride < n;
    if (inside) {
      result.push_back(out[i]);
    } else {
      EXPECT_EQ(std::bit_cast<uint32_t>(out[i]), 0x7fc0deadu) << "written outside c, at " << i;
    }
  }
  return result;
}

inline std::vector<float> run(const GemmVariant& variant, const GemmProblem& p) {
  return run_part(variant, p, PackedProblem(variant, p), 0, p.m, 0, p.n);
}

/// Index of the first pair with unlike bits, or −1.
inline int64_t first_difference(std::span<const float> x, std::span<const float> y) {
  EXPECT_EQ(x.size(), y.size());
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i)
    if (std::bit_cast<uint32_t>(x[i]) != std::bit_cast<uint32_t>(y[i])) return static_cast<int64_t>(i);
  return -1;
}

}  // namespace slm::kernels
