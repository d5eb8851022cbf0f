// SPDX-License-Identifier: Apache-2.0
// SQNR: signal to quantization noise ratio, 10·log10(Σ r² / Σ (r − q)²) in decibels; about 6 dB a bit.
// In: references and their quantized selves, a piece at a time.  Out: one number.
// Next: export/report.h.
#pragma once

#include <span>

namespace slm {

class SqnrAccumulator {
 public:
  /// Adds a piece; sums are carried in double. Throws ArgumentError where the sizes differ.
  void add(std::span<const float> reference, std::span<const float> quantized);
  void add(const SqnrAccumulator& other);

  double signal() const { return signal_; }  ///< Σ r²
  double noise() const { return noise_; }    ///< Σ (r − q)²
  /// +∞ without noise (also where nothing was added), −∞ with noise on a signal of 0.
  double db() const;

 private:
  double signal_ = 0.0, noise_ = 0.0;
};

/// The ratio of one pair. Throws ArgumentError where the sizes differ.
double sqnr_db(std::span<const float> reference, std::span<const float> quantized);

}  // namespace slm
