// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/sqnr.h"

#include <cmath>
#include <limits>

#include "slm/core/check.h"

namespace slm {

void SqnrAccumulator::add(std::span<const float> reference, std::span<const float> quantized) {
  SLM_CHECK(quantized.size() == reference.size(), "[sqnr] {} quantized values for {} references", quantized.size(),
            reference.size());
  for (size_t i = 0; i < reference.size(); ++i) {
    const double r = reference[i], error = r - static_cast<double>(quantized[i]);
    signal_ += r * r;
    noise_ += error * error;
  }
}

void SqnrAccumulator::add(const SqnrAccumulator& other) {
  signal_ += other.signal_;
  noise_ += other.noise_;
}

double SqnrAccumulator::db() const {
  if (noise_ == 0.0) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(signal_ / noise_);
}

double sqnr_db(std::span<const float> reference, std::span<const float> quantized) {
  SqnrAccumulator sum;
  sum.add(reference, quantized);
  return sum.db();
}

}  // namespace slm
