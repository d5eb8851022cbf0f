// SPDX-License-Identifier: Apache-2.0
// Linear on float weights, as they are or through their quantizer, and its gradients: the three layouts of a matrix
// product in training, which pack what they need a stretch at a time. All run on the float GEMM of kernels/, but the
// product of quantized inputs with quantized weights, which is that of the integer kernels the exported model will run
// on, bit for bit: what was trained is what is shipped, to the last rounding.
//   y  = x·Ŵᵀ + b          (m,k)·(k,n)
//   dx = dy·Ŵ              (m,n)·(n,k)
//   dW = dyᵀ·x, db = Σ dy  (n,m)·(m,k);  through the quantizer by the straight-through estimator (WeightView)
// Each output is one chain of fused multiply-adds in the order of the depth, of dx a sum of such chains of 512 (a head
// has 150,000 rows: in one chain their roundings would show); in bfloat16 all are sums of chains of 256. The same bits
// for any number of threads.
// In: rows of float.  Out: rows of float.  The loops: kernels/gemm_f32, kernels/gemm_bf16.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "slm/core/aligned_buffer.h"
#include "slm/core/matrix_view.h"
#include "slm/kernels/packed_gemm.h"
#include "slm/ops/linear.h"
#include "slm/quant/weight_view.h"

namespace slm {

/// What the float products of linears are made in. Bf16: operands rounded to bfloat16, sums in float32
/// (mixed precision, Micikevicius et al. 2018 with the range of Kalamkar et al. 2019: no loss scaling); all else
/// float32.
enum class FloatCompute { F32, Bf16 };

/// Bf16: whether the processor has AVX512-BF16 and SLM_ISA allows it, or asks for the scalar norm.
bool can_compute(FloatCompute linears);

/// The memory the products pack into, kept between calls, and the variants they use: one per executor, one call at a
/// time.
class GemmScratch {
 public:
  /// Throws ArgumentError where not can_compute(linears).
  explicit GemmScratch(FloatCompute linears = FloatCompute::F32);
  /// Of float32, and of the linears' products.
  const kernels::GemmVariant& variant() const { return variant_; }
  const kernels::GemmVariant& linear_variant() const { return linear_variant_; }
  /// At least `floats` floats for each of num_threads() threads, and `shared` for all together; valid until the next
  /// call.
  void reserve(int64_t floats, int64_t shared = 0);
  float* of_thread(int thread) { return private_.as<float>() + thread * private_floats_; }
  float* shared() { return shared_.as<float>(); }

 private:
  const kernels::GemmVariant &variant_, &linear_variant_;
  int64_t private_floats_ = 0;
  AlignedBuffer private_, shared_;
};

/// Inputs as the integer kernels of the weights' scheme read them.
struct InputCodes {
  QuantizedRows rows;
  std::optional<GridParams> grid;  ///< of static inputs
};

/// What a linear in training multiplies with: x̂ (m,k), and its codes where the integer kernels are to do it.
struct TrainInput {
  ConstMatrixView values;
  std::optional<InputCodes> codes;

  TrainInput row_range(int64_t begin, int64_t end) const;
};

/// y (m,n) = x (m,k)·Ŵᵀ + bias (n, or empty). Throws ArgumentError on shapes, codes for weights without a quantizer; as
/// WeightView. Cost: 2·m·n·k, and one reading of the weights.
void linear_into(GemmScratch& scratch, const WeightView& w, const TrainInput& x, std::span<const float> bias,
                 MatrixView y);

/// dx (m,k) += dy (m,n)·Ŵ. Cost and errors as linear_into.
void linear_grad_x(GemmScratch& scratch, const WeightView& w, ConstMatrixView dy, MatrixView dx);

/// dw (n,k) += dy (m,n)ᵀ·x (m,k). Throws ArgumentError on shapes. Cost: 2·m·n·k.
void linear_grad_w(GemmScratch& scratch, ConstMatrixView dy, ConstMatrixView x, MatrixView dw);

/// db (n) += Σ over rows of dy (m,n). Throws ArgumentError on shapes.
void linear_grad_bias(ConstMatrixView dy, std::span<float> db);

}  // namespace slm
