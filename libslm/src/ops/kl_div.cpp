// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/kl_div.h"

#include <algorithm>
#include <cmath>

#include "slm/core/check.h"

namespace slm {
namespace {

/// softmax(z / T) = exp((z − max) / T) / sum
struct Softmax {
  float factor;  ///< 1/T
  float max;
  double sum;
};

Softmax softmax(const kernels::VecVariant& vec, std::span<const float> logits, double temperature) {
  Softmax s{.factor = static_cast<float>(1.0 / temperature), .max = 0.0f, .sum = 0.0};
  vec.max_sum_exp(logits.data(), std::ssize(logits), &s.max, &s.sum);
  if (s.factor != 1.0f) s.sum = vec.sum_exp(logits.data(), std::ssize(logits), s.factor, s.max);
  return s;
}

double kl(const kernels::VecVariant& vec, std::span<const float> teacher, std::span<const float> student,
          const Softmax& p, const Softmax& q) {
  // Σ p·(log p − log q), log p = factor·(z − max) − log sum
  const double mean =
      vec.sum_exp_difference(teacher.data(), student.data(), std::ssize(teacher), p.factor, p.max) / p.sum;
  const double shift = static_cast<double>(p.max) - static_cast<double>(q.max);
  return static_cast<double>(p.factor) * (mean - shift) + std::log(q.sum) - std::log(p.sum);
}

void check(std::span<const float> teacher, std::span<const float> student, double temperature) {
  SLM_CHECK(teacher.size() == student.size() && !teacher.empty(),
            "[kl_div] {} logits of the teacher, {} of the student", teacher.size(), student.size());
  SLM_CHECK(temperature > 0 && std::isfinite(temperature), "[kl_div] temperature {}, expected more than 0",
            temperature);
}

}  // namespace

double kl_div(const kernels::VecVariant& vec, std::span<const float> teacher, std::span<const float> student,
              double temperature) {
  check(teacher, student, temperature);
  return kl(vec, teacher, student, softmax(vec, teacher, temperature), softmax(vec, student, temperature));
}

double kl_div_grad(const kernels::VecVariant& vec, std::span<const float> teacher, std::span<const float> student,
                   double temperature, double scale, std::span<float> dstudent) {
  check(teacher, student, temperature);
  SLM_CHECK(dstudent.size() == student.size(), "[kl_div_grad] {} gradients for {} logits", dstudent.size(),
            student.size());
  const Softmax p = softmax(vec, teacher, temperature), q = softmax(vec, student, temperature);
  const double pull = scale * temperature;
  vec.add_exp(student.data(), std::ssize(student), q.factor, q.max, static_cast<float>(pull / q.sum), dstudent.data());
  vec.add_exp(teacher.data(), std::ssize(teacher), p.factor, p.max, static_cast<float>(-pull / p.sum), dstudent.data());
  return kl(vec, teacher, student, p, q);
}

}  // namespace slm
