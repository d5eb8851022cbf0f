// SPDX-License-Identifier: Apache-2.0
#include "slm/train/grad_clip.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "slm/core/check.h"
#include "slm/core/division.h"
#include "slm/core/parallel.h"
#include "slm/kernels/isa.h"
#include "slm/kernels/vec/variants.h"

namespace slm {
namespace {

constexpr int64_t kPiece = 1 << 16;

}  // namespace

double clip_grad_norm_(std::span<float> grads, double limit) {
  SLM_CHECK(limit >= 0, "[clip] a limit of {}, expected 0 (none) or more", limit);
  const kernels::VecVariant& vec = kernels::select(kernels::vec_variants());
  const int64_t n = std::ssize(grads), pieces = ceil_div(n, kPiece);
  std::vector<double> sums(static_cast<size_t>(pieces));
  const auto each_piece = [&](auto f) {
    parallel_for(pieces, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t p = begin; p < end; ++p) f(p, grads.data() + p * kPiece, std::min(kPiece, n - p * kPiece));
    });
  };
  each_piece(
      [&](int64_t p, float* piece, int64_t count) { sums[static_cast<size_t>(p)] = vec.sum_squares(piece, count); });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  const double norm = std::sqrt(total);
  if (limit > 0 && norm > limit && std::isfinite(norm)) {
    const auto factor = static_cast<float>(limit / norm);
    each_piece([&](int64_t, float* piece, int64_t count) { vec.scale_(factor, count, piece); });
  }
  return norm;
}

}  // namespace slm
