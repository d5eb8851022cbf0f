// SPDX-License-Identifier: Apache-2.0
// Rng: xoshiro256** (Blackman & Vigna 2018), seeded by splitmix64. The same seed gives the same
// whole and uniform numbers everywhere; normal() goes through the C library's log and cos.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <utility>

namespace slm {

class Rng {
 public:
  explicit Rng(uint64_t seed);
  uint64_t next();             ///< 64 uniform bits
  uint64_t below(uint64_t n);  ///< uniform in [0, n), without bias; n > 0
  float uniform();             ///< uniform in [0, 1), 24 bits
  double uniform_double();     ///< uniform in [0, 1), 53 bits
  float normal();              ///< N(0, 1), Box-Muller; draws two numbers a call
  /// Every order is as likely (Fisher and Yates).
  template <class Items>
  void shuffle(Items& items) {
    for (size_t i = std::size(items); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

  const std::array<uint64_t, 4>& state() const { return state_; }
  void set_state(const std::array<uint64_t, 4>& state) { state_ = state; }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace slm
