// SPDX-License-Identifier: Apache-2.0
// The vector kernels under test: every row of the table, and AVX-512 emulated.
#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "slm/core/rng.h"
#include "slm/kernels/vec/variants.h"

namespace slm::emulated {
kernels::VecVariant vec_avx512vnni(kernels::Isa isa);
}

namespace slm::kernels {

inline constexpr int64_t kSizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 896, 897};
inline constexpr float kGuard = 4321.0f;
inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct TestedVec {
  VecVariant variant;
  Isa needs;
  std::string name;
  friend std::ostream& operator<<(std::ostream& out, const TestedVec& tested) { return out << tested.name; }
};

inline std::vector<TestedVec> tested_vec_variants() {
  std::vector<TestedVec> all;
  for (const VecVariant& v : vec_variants()) all.push_back({v, v.isa, v.name});
#if defined(SLM_EMULATED_AVX512)
  const VecVariant emulated = emulated::vec_avx512vnni(Isa::Avx512Vnni);
  all.push_back({emulated, Isa::Avx2, std::string(emulated.name) + "_emulated"});
#endif
  return all;
}

class VecTest : public testing::TestWithParam<TestedVec> {
 protected:
  void SetUp() override {
    if (!supported(GetParam().needs)) GTEST_SKIP() << name(GetParam().needs) << " cannot run on this processor";
  }
  const VecVariant& variant() const { return GetParam().variant; }
};

/// The tests of vec_test.cpp and vec_quantize_test.cpp; the former instantiates them for all variants.
class Vec : public VecTest {};

/// n normal numbers, then one guard.
inline std::vector<float> normals(int64_t n, uint64_t seed, float magnitude = 1.0f) {
  Rng rng(seed);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& value : x) value = rng.normal() * magnitude;
  x.push_back(kGuard);
  return x;
}

}  // namespace slm::kernels
