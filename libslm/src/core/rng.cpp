// SPDX-License-Identifier: Apache-2.0
#include "slm/core/rng.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace slm {

Rng::Rng(uint64_t seed) {
  for (uint64_t& word : state_) {  // splitmix64
    seed += 0x9e3779b97f4a7c15u;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    word = z ^ (z >> 31);
  }
}

uint64_t Rng::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Rng::below(uint64_t n) {
  const uint64_t limit = -n % n;  // 2^64 mod n: drop the short first run
  for (;;) {
    const uint64_t bits = next();
    if (bits >= limit) return bits % n;
  }
}

float Rng::uniform() { return static_cast<float>(next() >> 40) * 0x1p-24f; }
double Rng::uniform_double() { return static_cast<double>(next() >> 11) * 0x1p-53; }

float Rng::normal() {
  const double u = 1.0 - uniform_double();  // (0, 1]: the logarithm stays finite
  const double v = uniform_double();
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
}

}  // namespace slm
