// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/cross_entropy.h"

#include <cmath>

#include "slm/core/check.h"

namespace slm {
namespace {

struct Normalizer {
  float max;
  double sum;
};

Normalizer normalizer(const kernels::VecVariant& vec, std::span<const float> logits, int32_t label) {
  SLM_CHECK(label >= 0 && label < std::ssize(logits), "[cross_entropy] label {}, there are {} logits", label,
            logits.size());
  Normalizer n{};
  vec.max_sum_exp(logits.data(), std::ssize(logits), &n.max, &n.sum);
  return n;
}

double loss(const Normalizer& n, float logit) {
  return static_cast<double>(n.max) + std::log(n.sum) - static_cast<double>(logit);
}

}  // namespace

double cross_entropy(const kernels::VecVariant& vec, std::span<const float> logits, int32_t label) {
  const Normalizer n = normalizer(vec, logits, label);  // and looks at the label first
  return loss(n, logits[static_cast<size_t>(label)]);
}

double cross_entropy_grad(const kernels::VecVariant& vec, std::span<const float> logits, int32_t label, double scale,
                          std::span<float> dlogits) {
  SLM_CHECK(dlogits.size() == logits.size(), "[cross_entropy_grad] {} gradients for {} logits", dlogits.size(),
            logits.size());
  const Normalizer n = normalizer(vec, logits, label);
  vec.add_exp(logits.data(), std::ssize(logits), 1.0f, n.max, static_cast<float>(scale / n.sum), dlogits.data());
  dlogits[static_cast<size_t>(label)] -= static_cast<float>(scale);
  return loss(n, logits[static_cast<size_t>(label)]);
}

}  // namespace slm
