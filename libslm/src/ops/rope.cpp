// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/rope.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "slm/core/check.h"
#include "slm/core/parallel.h"

namespace slm {
namespace {

int64_t checked_dim(int64_t rotary_dim, double theta, int64_t max_rows) {
  SLM_CHECK(rotary_dim > 0 && rotary_dim % 2 == 0 && theta > 0 && max_rows >= 0,
            "[rope] {} rotary dimensions, theta {}, {} rows, expected an even number above 0, above 0, 0 or more",
            rotary_dim, theta, max_rows);
  return rotary_dim;
}

}  // namespace

RopeAngles::RopeAngles(int64_t rotary_dim, double theta, int64_t max_rows)
    : frequencies_(static_cast<size_t>(checked_dim(rotary_dim, theta, max_rows) / 2)),
      cos_(static_cast<size_t>(max_rows * rotary_dim / 2)),
      sin_(cos_.size()) {
  // transformers: 1.0 / (theta ** (arange(0, d, 2).float() / d)) in float32
  for (size_t i = 0; i < frequencies_.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(rotary_dim);
    frequencies_[i] = 1.0f / static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
  }
}

void RopeAngles::set(std::span<const int32_t> positions) {
  SLM_CHECK(positions.size() * frequencies_.size() <= cos_.size(), "[rope] {} rows, room was made for {}",
            positions.size(), cos_.size() / frequencies_.size());
  rows_ = std::ssize(positions);
  for (size_t r = 0; r < positions.size(); ++r)
    for (size_t i = 0; i < frequencies_.size(); ++i) {
      const float angle = static_cast<float>(positions[r]) * frequencies_[i];
      cos_[r * frequencies_.size() + i] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sin_[r * frequencies_.size() + i] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
}

namespace {

void check(const RopeAngles& angles, int64_t head_dim, ConstMatrixView x) {
  SLM_CHECK(x.rows <= angles.rows(), "[rope] x has {} rows, angles were set for {}", x.rows, angles.rows());
  SLM_CHECK(head_dim > 0 && x.columns % head_dim == 0 && 2 * angles.half() <= head_dim,
            "[rope] x is ({},{}), head_dim {}, rotary dims {}", x.rows, x.columns, head_dim, 2 * angles.half());
}

}  // namespace

void rope_(const kernels::VecVariant& vec, const RopeAngles& angles, int64_t head_dim, MatrixView x) {
  check(angles, head_dim, x);
  parallel_for(x.rows, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r)
      for (int64_t h = 0; h < x.columns; h += head_dim)
        vec.rope(x.row(r) + h, angles.cos(r), angles.sin(r), angles.half());
  });
}

void rope_grad_(const kernels::VecVariant& vec, const RopeAngles& angles, int64_t head_dim, MatrixView dy) {
  check(angles, head_dim, dy);
  parallel_for(dy.rows, 8, [&](int64_t begin, int64_t end, int) {
    std::vector<float> sin(static_cast<size_t>(angles.half()));
    for (int64_t r = begin; r < end; ++r) {
      std::transform(angles.sin(r), angles.sin(r) + angles.half(), sin.begin(), std::negate<>());
      for (int64_t h = 0; h < dy.columns; h += head_dim)
        vec.rope(dy.row(r) + h, angles.cos(r), sin.data(), angles.half());
    }
  });
}

}  // namespace slm
