// SPDX-License-Identifier: Apache-2.0
// One row of the table of vector kernels, from a struct that has them all by their names.
// Included by the translation units of the instruction sets; internal linkage.
#pragma once

#include "kernels/isa_row.h"
#include "slm/kernels/vec/vec.h"

namespace slm::kernels {
namespace {

template <class Kernels>
SLM_ISA_ROW VecVariant vec_row(Isa isa, const char* name) {
  return {.isa = isa,
          .name = name,
          .rms_norm = Kernels::rms_norm,
          .add_ = Kernels::add_,
          .swiglu = Kernels::swiglu,
          .rope = Kernels::rope,
          .quantize_a8g32 = Kernels::quantize_a8g32,
          .quantize_a8t = Kernels::quantize_a8t,
          .max_sum_exp = Kernels::max_sum_exp,
          .sum_exp = Kernels::sum_exp,
          .add_exp = Kernels::add_exp,
          .sum_exp_difference = Kernels::sum_exp_difference,
          .rms_norm_grad = Kernels::rms_norm_grad,
          .swiglu_grad = Kernels::swiglu_grad,
          .sum_squares = Kernels::sum_squares,
          .scale_ = Kernels::scale_,
          .adamw_ = Kernels::adamw_,
          .f16_to_f32 = Kernels::f16_to_f32,
          .bf16_to_f32 = Kernels::bf16_to_f32};
}

}  // namespace
}  // namespace slm::kernels
