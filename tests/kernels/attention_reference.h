// SPDX-License-Identifier: Apache-2.0
// One query vector of attention in float64, and how far a float kernel may be from it: a running error bound (Higham
// 2002, §3.3), certain but for terms of second order. u = 2⁻²⁴, p the softmax, o = Σ p·v the output:
//   a score s_t is off by e_t = u·(Σ_j |s_t's first j products| + 2·Σ|products|): scaling q, multiplying, adding;
//   its weight by the factor exp(η_t), η_t = e_t + u·(max − s_t) + 4u·(1 + rises): subtractions that telescope from s_t
//     to the last running maximum, and an exp of 2 ulp for itself and for every rise of the maximum behind it;
//   wrong weights move o by Σ p_t·(e^η_t − 1)·|v_t − o| / (1 − Σ p_t·(e^η_t − 1)): an error common to all cancels;
//   the sum of values rounds at each key, and at each rise: u·(Σ_t |o's first t terms| + (1 + rises)·Σ p·|v|);
//   so does the sum of weights, whose 16 lanes are added by 4 more steps; 1/sum and the product with it are two.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/support/bounds.h"

namespace slm::test {

struct AttentionReference {
  std::vector<double> out, bound;  ///< one for each channel
};

/// q (head_dim). key(t, d) and value(t, d) as stored, 0 ≤ t < keys.
template <class Key, class Value>
AttentionReference attention_reference(const float* q, float scale, int64_t head_dim, int64_t keys, const Key& key,
                                       const Value& value) {
  constexpr double kUnit = bounds::kUnit, kInfinity = INFINITY;
  std::vector<double> scores, errors;
  double largest = -kInfinity, rises = 0;
  for (int64_t t = 0; t < keys; ++t) {
    double score = 0, partial_sums = 0, magnitudes = 0;
    for (int64_t d = 0; d < head_dim; ++d) {
      const double product = static_cast<double>(q[d]) * static_cast<double>(scale) * key(t, d);
      score += product;
      partial_sums += std::fabs(score);
      magnitudes += std::fabs(product);
    }
    scores.push_back(score);
    errors.push_back(kUnit * (partial_sums + 2 * magnitudes));
    if (t > 0 && score + 2 * errors.back() > largest) ++rises;
    largest = std::max(largest, score);
  }
  std::vector<double> p;
  double sum = 0;
  for (const double score : scores) sum += p.emplace_back(std::exp(score - largest));
  double sum_of_sums = 0, partial = 0, all_off = 0;
  for (size_t t = 0; t < p.size(); ++t) {
    sum_of_sums += partial += p[t] /= sum;
    errors[t] = p[t] * std::expm1(errors[t] + kUnit * (largest - scores[t] + 4 * (1 + rises)));
    all_off += errors[t];
  }
  AttentionReference reference;
  for (int64_t d = 0; d < head_dim; ++d) {
    double out = 0, partial_sums = 0, magnitudes = 0, moved = 0;
    for (int64_t t = 0; t < keys; ++t) {
      const double term = p[static_cast<size_t>(t)] * value(t, d);
      out += term;
      partial_sums += std::fabs(out);
      magnitudes += std::fabs(term);
    }
    for (int64_t t = 0; t < keys; ++t) moved += errors[static_cast<size_t>(t)] * std::fabs(value(t, d) - out);
    const double roundings = partial_sums + (1 + rises) * magnitudes + (sum_of_sums + rises + 6) * std::fabs(out);
    reference.out.push_back(out);
    reference.bound.push_back(moved / (1 - all_off) + 1.001 * kUnit * roundings + 0x1p-126);  // subnormal weights
  }
  return reference;
}

}  // namespace slm::test
