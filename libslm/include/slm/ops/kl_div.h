// SPDX-License-Identifier: Apache-2.0
// Distillation loss of one row, Hinton et al. 2015 (arXiv:1503.02531, §2): with p = softmax(teacher / T) and
// q = softmax(student / T),
//   L = T²·KL(p ‖ q) = T²·Σ p·log(p / q)        dL/dstudent = T·(q − p)
// The factor T² keeps the gradient's size when T changes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "slm/kernels/vec/vec.h"

namespace slm {

/// KL(p ‖ q) in nats, without T². Throws ArgumentError on sizes, T ≤ 0. Cost: two to four passes of exponentials.
double kl_div(const kernels::VecVariant& vec, std::span<const float> teacher, std::span<const float> student,
              double temperature);

/// dstudent += scale·dL/dstudent; returns KL(p ‖ q), without T². Cost: two passes more.
double kl_div_grad(const kernels::VecVariant& vec, std::span<const float> teacher, std::span<const float> student,
                   double temperature, double scale, std::span<float> dstudent);

/// The same with only the teacher's k likeliest tokens K told apart (the first of equals) and the rest as one event:
///   KL = Σ over K of p·log(p / q) + p_rest·log(p_rest / q_rest)
///   dL/dstudent = T·(q − p) in K, T·q·(1 − p_rest/q_rest) else
/// what remains where a teacher's probabilities are stored as their top k. Shares of the rest below 1e-30 count as
/// that. `order` is room to sort in, kept between calls. Throws ArgumentError on sizes, T ≤ 0, k outside 1 … size.
/// Cost: four passes of exponentials, two more where T ≠ 1, and finding the k likeliest.
double kl_div_top_k_grad(const kernels::VecVariant& vec, std::span<const float> teacher, std::span<const float> student,
                         int64_t k, double temperature, double scale, std::vector<int32_t>& order,
                         std::span<float> dstudent);

}  // namespace slm
