// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/kl_div.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

/// Calls f(begin, count) for the runs of [0, n) between the entries of `top`, which rise.
template <class F>
void for_rest(std::span<const int32_t> top, int64_t n, F f) {
  int64_t begin = 0;
  for (const int32_t i : top) {
    f(begin, i - begin);
    begin = i + 1;
  }
  f(begin, n - begin);
}

/// What `top` leaves of the probabilities, added up itself: of a small share 1 − Σ top would leave roundings only.
double rest_share(const kernels::VecVariant& vec, std::span<const float> logits, std::span<const int32_t> top,
                  const Softmax& s) {
  double sum = 0.0;
  for_rest(top, std::ssize(logits),
           [&](int64_t begin, int64_t count) { sum += vec.sum_exp(logits.data() + begin, count, s.factor, s.max); });
  return sum / s.sum;
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

double kl_div_top_k_grad(const kernels::VecVariant& vec, std::span<const float> teacher, std::span<const float> student,
                         int64_t k, double temperature, double scale, std::vector<int32_t>& order,
                         std::span<float> dstudent) {
  check(teacher, student, temperature);
  SLM_CHECK(dstudent.size() == student.size(), "[kl_div_grad] {} gradients for {} logits", dstudent.size(),
            student.size());
  SLM_CHECK(k >= 1 && k <= std::ssize(teacher), "[kl_div_grad] the {} likeliest of {} tokens, expected 1 to all", k,
            teacher.size());
  order.resize(teacher.size());
  std::iota(order.begin(), order.end(), 0);
  const auto at = [](std::span<const float> z, int32_t i) { return static_cast<double>(z[static_cast<size_t>(i)]); };
  const auto likelier = [&](int32_t a, int32_t b) {
    const double x = at(teacher, a), y = at(teacher, b);
    return x > y || (x == y && a < b);
  };
  std::nth_element(order.begin(), order.begin() + (k - 1), order.end(), likelier);
  const std::span<int32_t> top = std::span(order).first(static_cast<size_t>(k));
  std::ranges::sort(top);

  const Softmax p = softmax(vec, teacher, temperature), q = softmax(vec, student, temperature);
  const double factor = static_cast<double>(p.factor), p_log = std::log(p.sum), q_log = std::log(q.sum);
  const double pull = scale * temperature;
  double divergence = 0.0;
  for (const int32_t i : top) {
    const double log_p = factor * (at(teacher, i) - static_cast<double>(p.max)) - p_log;
    const double log_q = factor * (at(student, i) - static_cast<double>(q.max)) - q_log;
    divergence += std::exp(log_p) * (log_p - log_q);
    dstudent[static_cast<size_t>(i)] += static_cast<float>(pull * (std::exp(log_q) - std::exp(log_p)));
  }
  if (k == std::ssize(teacher)) return divergence;
  constexpr double kLeast = 1e-30;  // exponentials of this size, and 1 over them, are normal floats
  const double p_rest = std::max(rest_share(vec, teacher, top, p), kLeast),
               q_rest = std::max(rest_share(vec, student, top, q), kLeast), ratio = p_rest / q_rest;
  const auto rest_pull = static_cast<float>(pull * (1.0 - ratio) / q.sum);
  for_rest(top, std::ssize(student), [&](int64_t begin, int64_t count) {
    vec.add_exp(student.data() + begin, count, q.factor, q.max, rest_pull, dstudent.data() + begin);
  });
  return divergence + p_rest * std::log(ratio);
}

}  // namespace slm
