// SPDX-License-Identifier: Apache-2.0
// Vector kernels of training: every variant against its formula in float64.
#include <algorithm>
#include <cmath>

#include "tests/kernels/vec_tested.h"
#include "tests/support/bounds.h"

namespace slm::kernels {
namespace {

class VecGrad : public VecTest {};

double at(const std::vector<float>& x, int64_t i) { return static_cast<double>(x[static_cast<size_t>(i)]); }

/// Each value within `roundings` of its formula's terms, and the guard untouched.
template <class F>
void expect_near(const std::vector<float>& found, int64_t n, F formula, const char* what) {
  for (int64_t i = 0; i < n; ++i) {
    const auto [expected, bound] = formula(i);
    ASSERT_NEAR(at(found, i), expected, bound) << what << ' ' << i << " of " << n;
  }
  EXPECT_EQ(found[static_cast<size_t>(n)], kGuard);
}
struct Near {
  double expected, bound;
};

TEST_P(VecGrad, SumsOfExponentialsAgreeWithDouble) {
  for (const int64_t n : kSizes)
    for (const float shift : {0.0f, -200.0f}) {  // a base below −88: what lies beyond the end must not overflow
      std::vector<float> p = normals(n, 1, 4.0f), q = normals(n, 2, 4.0f);
      for (int64_t i = 0; i < n; ++i) p[static_cast<size_t>(i)] += shift, q[static_cast<size_t>(i)] += shift;
      const float base = *std::max_element(p.begin(), p.end() - 1);
      for (const float factor : {1.0f, 0.5f, 0.125f}) {
        double sum = 0, difference = 0, magnitude = 0;
        for (int64_t i = 0; i < n; ++i) {
          const double e = std::exp(static_cast<double>(factor) * (at(p, i) - static_cast<double>(base)));
          sum += e;
          difference += e * (at(p, i) - at(q, i));
          magnitude += e * std::fabs(at(p, i) - at(q, i));
        }
        // The exponent is off by two roundings of at most 16·4, the exponential by 2 ulp, the product by one.
        EXPECT_NEAR(variant().sum_exp(p.data(), n, factor, base), sum, 150 * bounds::kUnit * sum);
        EXPECT_NEAR(variant().sum_exp_difference(p.data(), q.data(), n, factor, base), difference,
                    150 * bounds::kUnit * magnitude);
      }
    }
}

TEST_P(VecGrad, AddExpAddsProbabilities) {
  for (const int64_t n : kSizes) {
    const std::vector<float> x = normals(n, 3, 4.0f), start = normals(n, 4);
    std::vector<float> y = start;
    variant().add_exp(x.data(), n, 0.5f, 3.0f, -0.75f, y.data());
    expect_near(
        y, n,
        [&](int64_t i) {
          const double e = -0.75 * std::exp(0.5 * (at(x, i) - 3.0));
          return Near{at(start, i) + e, bounds::kUnit * (40 * std::fabs(e) + 2 * std::fabs(at(start, i)))};
        },
        "y");
  }
}

TEST_P(VecGrad, RmsNormGradAgreesWithDouble) {
  for (const int64_t n : kSizes) {
    const std::vector<float> x = normals(n, 5), w = normals(n, 6), dy = normals(n, 7), start = normals(n, 8);
    std::vector<float> dx = start;
    const float inverse = variant().rms_norm_grad(x.data(), w.data(), dy.data(), 1e-6f, n, dx.data());
    double squares = 0, products = 0, magnitudes = 0;
    for (int64_t i = 0; i < n; ++i) {
      squares += at(x, i) * at(x, i);
      products += at(w, i) * at(dy, i) * at(x, i);
      magnitudes += std::fabs(at(w, i) * at(dy, i) * at(x, i));
    }
    const auto count = static_cast<double>(n);
    const double r = 1 / std::sqrt(squares / count + static_cast<double>(1e-6f));
    EXPECT_NEAR(static_cast<double>(inverse), r, bounds::relative(r, 1.1));
    expect_near(
        dx, n,
        [&](int64_t i) {
          const double push = r * at(w, i) * at(dy, i), pull = at(x, i) * r * r * r / count;
          return Near{
              at(start, i) + push - pull * products,
              bounds::kUnit * (6 * std::fabs(push) + 8 * std::fabs(pull) * magnitudes + 2 * std::fabs(at(start, i)))};
        },
        "dx");
  }
}

TEST_P(VecGrad, SwigluGradAgreesWithDouble) {
  for (const int64_t n : kSizes)
    for (const float magnitude : {1.0f, 8.0f, 40.0f}) {
      const std::vector<float> gate = normals(n, 9, magnitude), up = normals(n, 10), dy = normals(n, 11),
                               start = normals(n, 12);
      std::vector<float> dgate = start, dup = start;
      variant().swiglu_grad(gate.data(), up.data(), dy.data(), n, dgate.data(), dup.data());
      const auto near = [&](int64_t i, double slope, double other) {
        const double step = at(dy, i) * other * slope;
        return Near{at(start, i) + step,
                    bounds::kUnit * (16 * std::fabs(at(dy, i) * other) * (1 + std::fabs(at(gate, i))) +
                                     2 * std::fabs(at(start, i)))};
      };
      const auto sigmoid = [&](int64_t i) { return 1 / (1 + std::exp(-at(gate, i))); };
      expect_near(
          dgate, n, [&](int64_t i) { return near(i, sigmoid(i) * (1 + at(gate, i) * (1 - sigmoid(i))), at(up, i)); },
          "dgate");
      expect_near(
          dup, n, [&](int64_t i) { return near(i, sigmoid(i) * at(gate, i), 1.0); }, "dup");
    }
}

TEST_P(VecGrad, SumOfSquaresAndScaleAgreeWithDouble) {
  for (const int64_t n : kSizes) {
    const std::vector<float> x = normals(n, 13, 100.0f);
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += at(x, i) * at(x, i);
    EXPECT_NEAR(variant().sum_squares(x.data(), n), sum, 1e-14 * sum);
    std::vector<float> y = x;
    variant().scale_(0.3f, n, y.data());
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) ASSERT_EQ(y[i], 0.3f * x[i]);
    EXPECT_EQ(y.back(), kGuard);
  }
}

TEST_P(VecGrad, AdamwIsItsFormula) {
  constexpr double kBeta1 = 0.9;
  for (const double beta2 : {0.95, 0.999, 0.99999999})
    for (const float start : {0.0f, 1.0f})  // from 0, v is keep2·g² alone
      for (const int64_t n : kSizes) {
        const std::vector<float> w = normals(n, 14), g = normals(n, 15), m = normals(n, 16, start);
        std::vector<float> v = normals(n, 17, start);
        for (float& x : v)
          if (x != kGuard) x *= x;
        std::vector<float> w1 = w, m1 = m, v1 = v;
        variant().adamw_({.w = w1.data(),
                          .g = g.data(),
                          .m = m1.data(),
                          .v = v1.data(),
                          .n = n,
                          .decay = 0.02f,
                          .keep1 = static_cast<float>(1 - kBeta1),
                          .keep2 = static_cast<float>(1 - beta2),
                          .beta2 = static_cast<float>(beta2),
                          .eps = 1e-3f,
                          .rate = 0.3f,
                          .root_correction = 1.5f});
        const auto new_m = [&](int64_t i) { return kBeta1 * at(m, i) + (1 - kBeta1) * at(g, i); };
        const auto new_v = [&](int64_t i) { return beta2 * at(v, i) + (1 - beta2) * at(g, i) * at(g, i); };
        expect_near(
            m1, n,
            [&](int64_t i) {
              return Near{new_m(i), 8 * bounds::kUnit * (std::fabs(at(m, i)) + (1 - kBeta1) * std::fabs(at(g, i)))};
            },
            "m");
        expect_near(
            v1, n,
            [&](int64_t i) {
              return Near{new_v(i), 8 * bounds::kUnit * new_v(i)};
            },
            "v");
        expect_near(
            w1, n,
            [&](int64_t i) {
              const double root = std::sqrt(new_v(i)) * 1.5 + static_cast<double>(1e-3f);
              const double step = static_cast<double>(0.3f) * new_m(i) / root;
              const double terms = static_cast<double>(0.3f) * (std::fabs(at(m, i)) + std::fabs(at(g, i))) / root;
              return Near{at(w, i) * (1 - static_cast<double>(0.02f)) - step,
                          bounds::kUnit * (4 * std::fabs(at(w, i)) + 16 * terms + 8 * std::fabs(step))};
            },
            "w");
      }
}

INSTANTIATE_TEST_SUITE_P(AllVariants, VecGrad, testing::ValuesIn(tested_vec_variants()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace slm::kernels
