// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/float_linear.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "ops/float_panels.h"
#include "ops/grain.h"
#include "slm/core/check.h"
#include "slm/core/division.h"
#include "slm/core/parallel.h"
#include "slm/kernels/gemm_variants.h"
#include "slm/quant/rows.h"

namespace slm {
namespace {

constexpr int64_t kColumnStep = 128;      // output columns whose weights are packed together
constexpr int64_t kDepthStep = 512;       // rows of W whose sum dx adds: with a step of its columns, packed,
constexpr int64_t kPackedStep = 1 << 16;  // so many floats, which stay in the L2 cache
constexpr int64_t kReadRows = 32;         // rows of W a quantizer makes at a time
constexpr int64_t kRowStep = 96;          // rows of W, or of dW with its dyᵀ, that are worked on together
constexpr int64_t kBlockRows = 256;       // rows of x whose products with them stay in the L2 cache: whole panels

/// Columns (or rows) cut into steps of whole units, of at most `most` where a unit is no more: as many steps for each
/// thread, of sizes that differ by a unit at most.
class Steps {
 public:
  Steps(int64_t n, int64_t most, int64_t unit) : n_(n), unit_(unit), units_(ceil_div(n, unit)) {
    const int64_t steps = ceil_div(units_, std::max<int64_t>(1, most / unit));
    count_ = std::min(units_, round_up<int64_t>(steps, num_threads()));
  }
  int64_t count() const { return count_; }
  int64_t begin(int64_t step) const { return std::min(n_, step * units_ / count_ * unit_); }
  int64_t end(int64_t step) const { return begin(step + 1); }
  int64_t widest() const { return ceil_div(units_, count_) * unit_; }

 private:
  int64_t n_, unit_, units_, count_;
};

void check_rows(const char* op, ConstMatrixView a, ConstMatrixView b) {
  SLM_CHECK(a.rows == b.rows && a.rows > 0, "[{}] {} rows against {}, expected as many, at least 1", op, a.rows,
            b.rows);
}

/// Ŵ[r0 … r1)[c0 … c1): where the weights are, or made in `room`.
ConstMatrixView piece(const WeightView& w, int64_t r0, int64_t r1, int64_t c0, int64_t c1, float* room) {
  const int64_t rows = r1 - r0, columns = c1 - c0;
  if (w.plain()) return {w.plain() + r0 * w.k() + c0, rows, columns, w.k()};
  w.read(r0, r1, c0, c1, {room, static_cast<size_t>(rows * columns)});
  return {room, rows, columns, columns};
}

/// One thread's room for a stretch of the product by integer kernels.
struct CodesRoom {
  std::byte* panels;
  std::byte* rows;  ///< of one panel, as stored
  float* values;    ///< of one row
  float* bias;      ///< of the stretch, corrected
};

/// The product by the integer kernels of the weights' scheme (ops/linear.h), a stretch of weight rows packed at a time.
class CodesProduct {
 public:
  CodesProduct(const WeightView& w, const TrainInput& x, std::span<const float> bias, MatrixView y)
      : w_(w),
        s_(*w.scheme()),
        v_(kernels::select(kernels::gemm_variants(s_.storage))),
        codes_(*x.codes),
        bias_(bias),
        y_(y),
        row_bytes_(row_bytes(s_.scheme, w.k())),
        panel_bytes_(v_.panel_bytes(w.k())),
        steps_(w.n(), kColumnStep, v_.panel_columns) {}

  void run(GemmScratch& scratch) const {
    const int64_t panels = floats(static_cast<size_t>(steps_.widest() / v_.panel_columns) * panel_bytes_),
                  rows = floats(static_cast<size_t>(v_.panel_columns) * row_bytes_);
    scratch.reserve(panels + rows + w_.k() + steps_.widest());
    const int64_t work = grain(y_.rows * steps_.widest() * w_.k());
    parallel_for(steps_.count(), work, [&](int64_t begin, int64_t end, int thread) {
      float* room = scratch.of_thread(thread);
      const CodesRoom at{reinterpret_cast<std::byte*>(room), reinterpret_cast<std::byte*>(room + panels),
                         room + panels + rows, room + panels + rows + w_.k()};
      for (int64_t i = begin; i < end; ++i) stretch(steps_.begin(i), steps_.end(i), at);
    });
  }

 private:
  static int64_t floats(size_t bytes) { return ceil_div<int64_t>(static_cast<int64_t>(bytes), sizeof(float)); }

  void stretch(int64_t n0, int64_t n1, const CodesRoom& room) const {
    std::byte* panel = room.panels;
    for (int64_t r0 = n0; r0 < n1; r0 += v_.panel_columns, panel += panel_bytes_)
      pack(r0, std::min<int64_t>(r0 + v_.panel_columns, n1), n0, room, panel);
    const float* bias = bias_.empty() ? nullptr : bias_.data() + n0;
    v_.gemm({.a = codes_.rows.codes,
             .a_stride = w_.k(),
             .a_scales = codes_.rows.scales,
             .a_offsets = codes_.rows.offsets,
             .b = room.panels,
             .bias = codes_.grid ? room.bias : bias,
             .c = y_.data + n0,
             .c_stride = y_.stride,
             .m = y_.rows,
             .n = n1 - n0,
             .k = w_.k()});
  }

  /// Rows [r0, r1) → a panel; their biases, corrected for a zero point of the inputs, to where those of n0 on are.
  void pack(int64_t r0, int64_t r1, int64_t n0, const CodesRoom& room, std::byte* panel) const {
    std::array<const std::byte*, kernels::kMaxPanelColumns> rows;
    std::array<float, kernels::kMaxPanelColumns> scales{};
    for (int64_t r = r0; r < r1; ++r) {
      const auto i = static_cast<size_t>(r - r0);
      const std::span<std::byte> row(room.rows + i * row_bytes_, row_bytes_);
      w_.encode_row(r, row, &scales[i]);
      rows[i] = row.data();
      if (!codes_.grid) continue;
      const std::span<float> values(room.values, static_cast<size_t>(w_.k()));
      decode_row(s_.scheme, row, scales[i], values);
      room.bias[r - n0] = zero_corrected(bias_.empty() ? 0.0f : bias_[static_cast<size_t>(r)], values, *codes_.grid);
    }
    v_.pack({.rows = rows.data(), .row_scales = scales.data(), .count = r1 - r0, .k = w_.k(), .panel = panel});
  }

  const WeightView& w_;
  const WeightSchemeInfo& s_;
  const kernels::GemmVariant& v_;
  const InputCodes& codes_;
  const std::span<const float> bias_;
  const MatrixView y_;
  const size_t row_bytes_, panel_bytes_;
  const Steps steps_;
};

}  // namespace

TrainInput TrainInput::row_range(int64_t begin, int64_t end) const {
  TrainInput part{values.row_range(begin, end), codes};
  if (part.codes) part.codes->rows = codes->rows.from_row(begin);
  return part;
}

bool can_compute(FloatCompute linears) {
  return linears == FloatCompute::F32 || kernels::selectable(kernels::Isa::Avx512Bf16) ||
         kernels::forced_isa() == kernels::Isa::Scalar;
}

GemmScratch::GemmScratch(FloatCompute linears)
    : variant_(kernels::select(kernels::gemm_f32_variants())),
      linear_variant_(linears == FloatCompute::F32 ? variant_
                                                   : kernels::select(kernels::gemm_bf16_compute_variants())) {
  SLM_CHECK(can_compute(linears),
            "[linear] products in bf16 need a processor with avx512bf16, and SLM_ISA not below it");
}

void GemmScratch::reserve(int64_t floats, int64_t shared) {
  floats = round_up<int64_t>(floats, 16);
  const size_t wanted = static_cast<size_t>(floats * num_threads()) * sizeof(float);
  if (private_.size() < wanted) private_ = AlignedBuffer(wanted);
  private_floats_ = floats;
  if (shared_.size() < static_cast<size_t>(shared) * sizeof(float))
    shared_ = AlignedBuffer(static_cast<size_t>(shared) * sizeof(float));
}

void linear_into(GemmScratch& scratch, const WeightView& w, const TrainInput& input, std::span<const float> bias,
                 MatrixView y) {
  const ConstMatrixView x = input.values;
  check_rows("linear", x, y);
  SLM_CHECK(x.columns == w.k() && y.columns == w.n(), "[linear] x is ({},{}), y is ({},{}), the weight is ({},{})",
            x.rows, x.columns, y.rows, y.columns, w.n(), w.k());
  SLM_CHECK(bias.empty() || std::ssize(bias) == w.n(), "[linear] bias has {} values, expected {}", bias.size(), w.n());
  if (input.codes) {
    SLM_CHECK(w.scheme() != nullptr && w.scheme()->activations != ActivationScheme::F32,
              "[linear] quantized inputs for float weights");
    return CodesProduct(w, input, bias, y).run(scratch);
  }
  // yᵀ = Ŵ·xᵀ: the weights are read where they lie, and the few rows of x are packed; the same chains of products.
  const FloatPanels panels(scratch.linear_variant());
  const Steps steps(w.n(), kRowStep, 4);
  const int64_t block = std::min(x.rows, kBlockRows), read = w.plain() ? 0 : steps.widest() * w.k();
  scratch.reserve(read + steps.widest() * block, panels.floats(x.rows, w.k()));
  float* packed = scratch.shared();
  parallel_for(ceil_div(x.rows, panels.columns()), grain(panels.columns() * w.k()),
               [&](int64_t begin, int64_t end, int) {
                 const int64_t t0 = begin * panels.columns(), t1 = std::min(end * panels.columns(), x.rows);
                 panels.pack_rows(x.row_range(t0, t1), packed + begin * panels.floats(w.k()));
               });
  parallel_for(steps.count(), grain(x.rows * steps.widest() * w.k()), [&](int64_t begin, int64_t end, int thread) {
    float* room = scratch.of_thread(thread);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n0 = steps.begin(i), n1 = steps.end(i);
      const ConstMatrixView rows = piece(w, n0, n1, 0, w.k(), room);
      for (int64_t t0 = 0; t0 < x.rows; t0 += block) {
        const int64_t t1 = std::min(t0 + block, x.rows);
        const MatrixView sums{room + read, n1 - n0, t1 - t0, t1 - t0};
        panels.multiply(rows, packed + panels.floats(t0, w.k()), sums);
        if (!bias.empty())
          for (int64_t r = 0; r < sums.rows; ++r)
            for (int64_t t = 0; t < sums.columns; ++t) sums.row(r)[t] += bias[static_cast<size_t>(n0 + r)];
        transpose_into(sums, y.row_range(t0, t1).column_range(n0, n1));
      }
    }
  });
}

void linear_grad_x(GemmScratch& scratch, const WeightView& w, ConstMatrixView dy, MatrixView dx) {
  check_rows("linear_grad_x", dy, dx);
  SLM_CHECK(dx.columns == w.k() && dy.columns == w.n(),
            "[linear_grad_x] dx is ({},{}), dy is ({},{}), the weight is ({},{})", dx.rows, dx.columns, dy.rows,
            dy.columns, w.n(), w.k());
  const FloatPanels panels(scratch.linear_variant());
  const int64_t most = kPackedStep / panels.floats(kDepthStep) * panels.columns();
  const Steps steps(w.k(), most, std::lcm(panels.columns(), w.unit()));
  const int64_t packed = panels.floats(steps.widest(), kDepthStep), read_rows = w.plain() ? kDepthStep : kReadRows;
  const int64_t read = w.plain() ? 0 : kReadRows * steps.widest();
  scratch.reserve(packed + read + dy.rows * steps.widest());
  parallel_for(steps.count(), grain(dy.rows * steps.widest() * w.n()), [&](int64_t begin, int64_t end, int thread) {
    float* room = scratch.of_thread(thread);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t c0 = steps.begin(i), c1 = steps.end(i);
      for (int64_t d0 = 0; d0 < w.n(); d0 += kDepthStep) {
        const int64_t d1 = std::min(d0 + kDepthStep, w.n());
        for (int64_t r0 = d0; r0 < d1; r0 += read_rows)
          panels.pack_columns(piece(w, r0, std::min(r0 + read_rows, d1), c0, c1, room + packed), room, r0 - d0,
                              d1 - d0);
        const MatrixView sums{room + packed + read, dy.rows, c1 - c0, c1 - c0};
        panels.multiply(dy.column_range(d0, d1), room, sums);
        for (int64_t t = 0; t < dy.rows; ++t)
          for (int64_t c = 0; c < sums.columns; ++c) dx.row(t)[c0 + c] += sums.row(t)[c];
      }
    }
  });
}

void linear_grad_w(GemmScratch& scratch, ConstMatrixView dy, ConstMatrixView x, MatrixView dw) {
  check_rows("linear_grad_w", dy, x);
  SLM_CHECK(dw.rows == dy.columns && dw.columns == x.columns, "[linear_grad_w] dw is ({},{}), expected ({},{})",
            dw.rows, dw.columns, dy.columns, x.columns);
  const FloatPanels panels(scratch.linear_variant());
  const Steps steps(dw.rows, kRowStep, 4);
  const int64_t m = x.rows;
  scratch.reserve(steps.widest() * m, panels.floats(x.columns, m));
  float* packed = scratch.shared();
  parallel_for(ceil_div(x.columns, panels.columns()), grain(m * panels.columns()),
               [&](int64_t begin, int64_t end, int) {
                 const int64_t c0 = begin * panels.columns(), c1 = std::min(end * panels.columns(), x.columns);
                 panels.pack_columns(x.column_range(c0, c1), packed + begin * panels.floats(m));
               });
  parallel_for(steps.count(), grain(m * steps.widest() * dw.columns), [&](int64_t begin, int64_t end, int thread) {
    float* transposed = scratch.of_thread(thread);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r0 = steps.begin(i), r1 = steps.end(i);
      transpose_into(dy.column_range(r0, r1), {transposed, r1 - r0, m, m});
      panels.multiply_add({transposed, r1 - r0, m, m}, packed, dw.row_range(r0, r1));
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
