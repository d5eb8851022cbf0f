// SPDX-License-Identifier: Apache-2.0
// AdamW against its formula in float64, with the betas it was given and not their nearest floats.
#include "slm/train/adamw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "slm/core/rng.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

class AdamwBeta2 : public testing::TestWithParam<double> {};

TEST_P(AdamwBeta2, StepsAreThoseOfDouble) {
  constexpr double kRate = 1e-3;
  const AdamwOptions o = {.beta2 = GetParam()};
  TrainableModel model(ModelFiles::open(test::tiny_models() / "qwen2_tied"));
  Adamw optimizer(model, o);
  const Parameter& p = model.parameter("model.layers.0.self_attn.q_proj.weight");
  std::vector<double> w(p.value.begin(), p.value.end()), m(w.size()), v(w.size());
  Rng rng(1);
  for (int t = 1; t <= 3; ++t) {
    model.zero_grads();
    for (float& g : p.grad) g = rng.normal();
    optimizer.step(kRate);
    for (size_t i = 0; i < w.size(); ++i) {
      const auto g = static_cast<double>(p.grad[i]);
      m[i] = o.beta1 * m[i] + (1 - o.beta1) * g;
      v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g;
      const double root = std::sqrt(v[i] / (1 - std::pow(o.beta2, t))) + o.eps;
      w[i] -= kRate * (o.weight_decay * w[i] + m[i] / (1 - std::pow(o.beta1, t)) / root);
      // 1 − float(0.999) is off by 1.3e-5, of 0.99999999 nothing is left.
      ASSERT_NEAR(static_cast<double>(optimizer.second_moment(p)[i]), v[i], 1e-6 * v[i]) << t << ", " << i;
      ASSERT_NEAR(static_cast<double>(optimizer.first_moment(p)[i]), m[i], 1e-6) << t << ", " << i;
      ASSERT_NEAR(static_cast<double>(p.value[i]), w[i], 1e-5 * kRate + 1e-6 * std::fabs(w[i])) << t << ", " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, AdamwBeta2, testing::Values(0.0, 0.95, 0.999, 0.99999999));

}  // namespace
}  // namespace slm
