// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/float_linear.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "slm/core/check.h"
#include "slm/core/parallel.h"
#include "slm/kernels/gemm_variants.h"

namespace slm {
namespace {

constexpr int64_t kColumnStep = 128;  // output columns whose weights are packed together
constexpr int64_t kDepthStep = 512;   // rows of W that dx adds at a time: a packed stretch stays in the L2 cache
constexpr int64_t kReadRows = 32;     // rows of W a quantizer makes at a time
constexpr int64_t kRowStep = 96;      // rows of dW, whose dyᵀ is made together

int64_t up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

/// Columns (or rows) of one step: at most `most`, a multiple of unit, and as many steps for each thread.
int64_t balanced_step(int64_t n, int64_t most, int64_t unit) {
  const int64_t threads = num_threads();
  const int64_t steps = up((n + most - 1) / most, threads);
  return std::clamp(up((n + steps - 1) / steps, unit), unit, up(most, unit));
}

/// Steps of `work` multiply-adds each worth a thread.
int64_t grain(int64_t work) { return std::max<int64_t>(1, (int64_t{1} << 17) / std::max<int64_t>(work, 1)); }

/// Floats of a panel of depth k.
int64_t panel_floats(const kernels::GemmVariant& v, int64_t k) {
  return static_cast<int64_t>(v.panel_bytes(k) / sizeof(float));
}
std::byte* bytes_of(float* p) { return reinterpret_cast<std::byte*>(p); }

void check_rows(const char* op, ConstMatrixView a, ConstMatrixView b) {
  SLM_CHECK(a.rows == b.rows && a.rows > 0, "[{}] {} rows against {}", op, a.rows, b.rows);
}

/// Packs Ŵ[n0 … n1) as output columns of depth k.
void pack_rows(const kernels::GemmVariant& v, const WeightView& w, int64_t n0, int64_t n1, float* values,
               float* panels) {
  const int64_t k = w.k();
  std::vector<const std::byte*> rows(static_cast<size_t>(v.panel_columns));
  for (int64_t first = n0; first < n1; first += v.panel_columns, panels += panel_floats(v, k)) {
    const int64_t count = std::min<int64_t>(v.panel_columns, n1 - first);
    const float* from = w.plain() ? w.plain() + first * k : values;
    if (!w.plain()) w.read(first, first + count, 0, k, {values, static_cast<size_t>(count * k)});
    for (int64_t i = 0; i < count; ++i) rows[static_cast<size_t>(i)] = reinterpret_cast<const std::byte*>(from + i * k);
    v.pack({.rows = rows.data(), .row_scales = nullptr, .count = count, .k = k, .panel = bytes_of(panels)});
  }
}

/// Packs Ŵ[d0 … d1)[c0 … c1) with its columns as output columns of depth d1 − d0.
void pack_transposed(const kernels::GemmVariant& v, const WeightView& w, int64_t d0, int64_t d1, int64_t c0, int64_t c1,
                     float* values, float* panels) {
  const int64_t step = w.plain() ? d1 - d0 : kReadRows, width = c1 - c0;
  for (int64_t d = d0; d < d1; d += step) {
    const int64_t rows = std::min(step, d1 - d);
    const float* from = w.plain() ? w.plain() + d * w.k() + c0 : values;
    if (!w.plain()) w.read(d, d + rows, c0, c1, {values, static_cast<size_t>(rows * width)});
    for (int64_t c = 0; c < width; c += v.panel_columns)
      v.pack_columns({.source = from + c,
                      .stride = w.plain() ? w.k() : width,
                      .count = std::min<int64_t>(v.panel_columns, width - c),
                      .begin = d - d0,
                      .rows = rows,
                      .panel = bytes_of(panels + c / v.panel_columns * panel_floats(v, d1 - d0))});
  }
}

}  // namespace

GemmScratch::GemmScratch() : variant_(kernels::select(kernels::gemm_f32_variants())) {}

void GemmScratch::reserve(int64_t floats, int64_t shared) {
  floats = up(floats, 16);
  const size_t wanted = static_cast<size_t>(floats * num_threads()) * sizeof(float);
  if (private_.size() < wanted) private_ = AlignedBuffer(wanted);
  private_floats_ = floats;
  if (shared_.size() < static_cast<size_t>(shared) * sizeof(float))
    shared_ = AlignedBuffer(static_cast<size_t>(shared) * sizeof(float));
}

void linear_into(GemmScratch& scratch, const WeightView& w, ConstMatrixView x, std::span<const float> bias,
                 MatrixView y) {
  check_rows("linear", x, y);
  SLM_CHECK(x.columns == w.k() && y.columns == w.n(), "[linear] x is ({},{}), y is ({},{}), the weight is ({},{})",
            x.rows, x.columns, y.rows, y.columns, w.n(), w.k());
  SLM_CHECK(bias.empty() || std::ssize(bias) == w.n(), "[linear] bias has {} values, expected {}", bias.size(), w.n());
  const kernels::GemmVariant& v = scratch.variant();
  const int64_t step = balanced_step(w.n(), kColumnStep, v.panel_columns);
  const int64_t packed = step / v.panel_columns * panel_floats(v, w.k());
  scratch.reserve(packed + (w.plain() ? 0 : v.panel_columns * w.k()));
  parallel_for((w.n() + step - 1) / step, grain(x.rows * step * w.k()), [&](int64_t begin, int64_t end, int thread) {
    float* panels = scratch.of_thread(thread);
    for (int64_t n0 = begin * step; n0 < std::min(end * step, w.n()); n0 += step) {
      const int64_t n1 = std::min(n0 + step, w.n());
      pack_rows(v, w, n0, n1, panels + packed, panels);
      v.gemm({.a = x.data,
              .a_stride = x.stride,
              .a_scales = nullptr,
              .a_sums = nullptr,
              .b = bytes_of(panels),
              .bias = bias.empty() ? nullptr : bias.data() + n0,
              .c = y.data + n0,
              .c_stride = y.stride,
              .m = x.rows,
              .n = n1 - n0,
              .k = w.k(),
              .accumulate = false});
    }
  });
}

void linear_grad_x(GemmScratch& scratch, const WeightView& w, ConstMatrixView dy, MatrixView dx) {
  check_rows("linear_grad_x", dy, dx);
  SLM_CHECK(dx.columns == w.k() && dy.columns == w.n(),
            "[linear_grad_x] dx is ({},{}), dy is ({},{}), the weight is ({},{})", dx.rows, dx.columns, dy.rows,
            dy.columns, w.n(), w.k());
  const kernels::GemmVariant& v = scratch.variant();
  const int64_t step = balanced_step(w.k(), kColumnStep, std::lcm<int64_t>(v.panel_columns, w.unit()));
  const int64_t packed = up(step, v.panel_columns) / v.panel_columns * panel_floats(v, kDepthStep);
  scratch.reserve(packed + kReadRows * step);
  parallel_for((w.k() + step - 1) / step, grain(dy.rows * step * w.n()), [&](int64_t begin, int64_t end, int thread) {
    float* panels = scratch.of_thread(thread);
    for (int64_t c0 = begin * step; c0 < std::min(end * step, w.k()); c0 += step) {
      const int64_t c1 = std::min(c0 + step, w.k());
      for (int64_t d0 = 0; d0 < w.n(); d0 += kDepthStep) {
        const int64_t d1 = std::min(d0 + kDepthStep, w.n());
        pack_transposed(v, w, d0, d1, c0, c1, panels + packed, panels);
        v.gemm({.a = dy.data + d0,
                .a_stride = dy.stride,
                .a_scales = nullptr,
                .a_sums = nullptr,
                .b = bytes_of(panels),
                .bias = nullptr,
                .c = dx.data + c0,
                .c_stride = dx.stride,
                .m = dy.rows,
                .n = c1 - c0,
                .k = d1 - d0,
                .accumulate = true});
      }
    }
  });
}

void linear_grad_w(GemmScratch& scratch, ConstMatrixView dy, ConstMatrixView x, MatrixView dw) {
  check_rows("linear_grad_w", dy, x);
  SLM_CHECK(dw.rows == dy.columns && dw.columns == x.columns, "[linear_grad_w] dw is ({},{}), expected ({},{})",
            dw.rows, dw.columns, dy.columns, x.columns);
  const kernels::GemmVariant& v = scratch.variant();
  const int64_t m = x.rows, panels = (x.columns + v.panel_columns - 1) / v.panel_columns, floats = panel_floats(v, m);
  const int64_t step = balanced_step(dw.rows, kRowStep, 4);
  scratch.reserve(step * m, panels * floats);
  float* packed = scratch.shared();
  parallel_for(panels, grain(m * v.panel_columns), [&](int64_t begin, int64_t end, int) {
    for (int64_t p = begin; p < end; ++p)
      v.pack_columns({.source = x.data + p * v.panel_columns,
                      .stride = x.stride,
                      .count = std::min<int64_t>(v.panel_columns, x.columns - p * v.panel_columns),
                      .begin = 0,
                      .rows = m,
                      .panel = bytes_of(packed + p * floats)});
  });
  parallel_for((dw.rows + step - 1) / step, grain(m * step * dw.columns), [&](int64_t begin, int64_t end, int thread) {
    float* transposed = scratch.of_thread(thread);
    for (int64_t r0 = begin * step; r0 < std::min(end * step, dw.rows); r0 += step) {
      const int64_t rows = std::min(step, dw.rows - r0);
      for (int64_t t = 0; t < m; ++t)
        for (int64_t r = 0; r < rows; ++r) transposed[r * m + t] = dy.row(t)[r0 + r];
      v.gemm({.a = transposed,
              .a_stride = m,
              .a_scales = nullptr,
              .a_sums = nullptr,
              .b = bytes_of(packed),
              .bias = nullptr,
              .c = dw.row(r0),
              .c_stride = dw.stride,
              .m = rows,
              .n = dw.columns,
              .k = m,
              .accumulate = true});
    }
  });
}

void linear_grad_bias(ConstMatrixView dy, std::span<float> db) {
  SLM_CHECK(std::ssize(db) == dy.columns, "[linear_grad_bias] db has {} values, dy is ({},{})", db.size(), dy.rows,
            dy.columns);
  parallel_for(dy.columns, grain(dy.rows), [&](int64_t begin, int64_t end, int) {
    for (int64_t t = 0; t < dy.rows; ++t)
      for (int64_t c = begin; c < end; ++c) db[static_cast<size_t>(c)] += dy.row(t)[c];
  });
}

}  // namespace slm
