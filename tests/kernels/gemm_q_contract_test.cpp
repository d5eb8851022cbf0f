// SPDX-License-Identifier: Apache-2.0
// The contract of packed_gemm.h for the integer families: every variant of every table, bit for bit, on awkward shapes.
#include <algorithm>
#include <iostream>
#include <numeric>
#include <set>
#include <string>

#include "tests/kernels/gemm_q_problem.h"

namespace slm::emulated {  // gemm_q[48]_emulated.cpp, gemm_q[48]_avxvnni_emulated.cpp
void gemm_q8c_avxvnni(const kernels::GemmArgs& args);
void gemm_q8_0_avxvnni(const kernels::GemmArgs& args);
void gemm_q4_0_avxvnni(const kernels::GemmArgs& args);
void gemm_q4_1_avxvnni(const kernels::GemmArgs& args);
void gemm_q8c_avx512vnni(const kernels::GemmArgs& args);
void gemm_q8_0_avx512vnni(const kernels::GemmArgs& args);
void gemm_q4_0_avx512vnni(const kernels::GemmArgs& args);
void gemm_q4_1_avx512vnni(const kernels::GemmArgs& args);
}  // namespace slm::emulated

namespace slm::kernels {
namespace {

constexpr GemmStorage kStorages[] = {GemmStorage::Q8C, GemmStorage::Q8_0, GemmStorage::Q4_0, GemmStorage::Q4_1};

/// More than any tile has: a variant may take another path for many rows than for few.
constexpr int64_t kManyRows = 16;
constexpr int64_t kTallestTile = 8;  // rows, of any variant: the walk takes as many at once

/// A variant, and the instruction set its code really needs.
struct Case {
  GemmVariant variant;
  Isa needs;
  bool emulated;
};

struct Emulated {
  Isa isa;
  GemmStorage storage;
  void (*gemm)(const GemmArgs&);
};

std::vector<Case> all_cases() {
  const std::vector<Emulated> all_emulated = {
#if defined(SLM_EMULATED_AVXVNNI)
    {Isa::AvxVnni, GemmStorage::Q8C, emulated::gemm_q8c_avxvnni},
    {Isa::AvxVnni, GemmStorage::Q8_0, emulated::gemm_q8_0_avxvnni},
    {Isa::AvxVnni, GemmStorage::Q4_0, emulated::gemm_q4_0_avxvnni},
    {Isa::AvxVnni, GemmStorage::Q4_1, emulated::gemm_q4_1_avxvnni},
#endif
#if defined(SLM_EMULATED_AVX512)
    {Isa::Avx512Vnni, GemmStorage::Q8C, emulated::gemm_q8c_avx512vnni},
    {Isa::Avx512Vnni, GemmStorage::Q8_0, emulated::gemm_q8_0_avx512vnni},
    {Isa::Avx512Vnni, GemmStorage::Q4_0, emulated::gemm_q4_0_avx512vnni},
    {Isa::Avx512Vnni, GemmStorage::Q4_1, emulated::gemm_q4_1_avx512vnni},
#endif
  };
  std::vector<Case> cases;
  for (GemmStorage storage : kStorages)
    for (const GemmVariant& variant : gemm_variants(storage)) {
      cases.push_back({variant, variant.isa, false});
      for (const Emulated& emulated : all_emulated) {
        if (emulated.isa != variant.isa || emulated.storage != storage) continue;
        cases.push_back({variant, Isa::Avx2, true});
        cases.back().variant.gemm = emulated.gemm;
      }
    }
  return cases;
}

class GemmQ : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!supported(GetParam().needs))
      GTEST_SKIP() << variant().name << ": this processor has no " << name(GetParam().needs);
  }
  const GemmVariant& variant() const { return GetParam().variant; }
  GemmProblem problem(int64_t m, int64_t n, int64_t k, Fill fill = Fill::Random, bool bias = true) const {
    return make_problem(variant().storage, m, n, k, fill, bias, static_cast<unsigned>(m * 10007 + n * 101 + k));
  }
  std::vector<int64_t> depths() const {
    if (variant().storage == GemmStorage::Q8C) return {1, 2, 3, 4, 5, 31, 33, 64, 127};
    return {32, 64, 96};
  }
};

TEST_P(GemmQ, EqualsTheReferenceBitForBitOnAwkwardShapes) {
  const int64_t panel = variant().panel_columns;
  std::vector<int64_t> heights = {kManyRows, kManyRows + 3};
  for (int64_t m = 1; m <= 2 * kTallestTile + 1; ++m) heights.push_back(m);
  for (int64_t m : heights)
    for (int64_t n : {int64_t{1}, int64_t{7}, panel - 1, panel, panel + 1, 2 * panel + 5})
      for (int64_t k : depths()) {
        const GemmProblem p = problem(m, n, k, Fill::Random, (m + n) % 2 == 0);
        ASSERT_EQ(first_difference(run(variant(), p), reference(p)), -1) << "m " << m << " n " << n << " k " << k;
      }
}

TEST_P(GemmQ, EqualsTheReferenceOnModelDepths) {
  for (int64_t k : {int64_t{896}, int64_t{4864}})
    for (int64_t m : {int64_t{5}, kManyRows + 2}) {
      const GemmProblem p = problem(m, 19, k);
      EXPECT_EQ(first_difference(run(variant(), p), reference(p)), -1) << "m " << m << " k " << k;
    }
  if (variant().storage == GemmStorage::Q8C) {
    const GemmProblem p = problem(3, 17, 895);
    EXPECT_EQ(first_difference(run(variant(), p), reference(p)), -1);
  }
}

TEST_P(GemmQ, IsExactAtTheEndsOfTheCodeRanges) {
  for (int64_t m : {int64_t{1}, int64_t{5}, int64_t{9}, kManyRows + 1})
    for (int64_t k : depths()) {
      const GemmProblem p = problem(m, 40, k, Fill::Largest);
      EXPECT_EQ(first_difference(run(variant(), p), reference(p)), -1) << "m " << m << " k " << k;
    }
}

TEST_P(GemmQ, IsExactOnTheDeepestRows) {
  // Of w8c the sum comes within 0.8 % of what an int32 holds.
  for (int64_t m : {int64_t{1}, int64_t{3}, int64_t{6}}) {
    const GemmProblem p = problem(m, variant().panel_columns + 1, kMaxQ8cDepth, Fill::Largest);
    EXPECT_EQ(first_difference(run(variant(), p), reference(p)), -1) << "m " << m;
  }
}

TEST_P(GemmQ, KeepsZeroNegativeSubnormalAndHugeScales) {
  for (bool bias : {false, true}) {
    for (int64_t m : {int64_t{6}, kManyRows}) {
      const GemmProblem p = problem(m, 35, 96, Fill::OddScales, bias);
      EXPECT_EQ(first_difference(run(variant(), p), reference(p)), -1) << "m " << m;
    }
  }
}

TEST_P(GemmQ, KeepsTheSignOfZerosWhereTermsVanish) {
  for (bool bias : {false, true})
    for (int64_t m : {int64_t{1}, int64_t{6}, kManyRows}) {
      const GemmProblem p = problem(m, 35, 96, Fill::Vanishing, bias);
      const std::vector<float> c = run(variant(), p);
      EXPECT_EQ(first_difference(c, reference(p)), -1) << "m " << m;
      EXPECT_TRUE(std::ranges::any_of(c, [](float x) { return x == 0.0f; })) << "m " << m;
    }
}

TEST_P(GemmQ, GivesTheSameBitsForEverySplit) {
  const int64_t panel = variant().panel_columns;
  const GemmProblem p = problem(2 * kManyRows + 3, 3 * panel + 2, 64);
  const PackedProblem packed(variant(), p);
  const std::vector<float> whole = run_part(variant(), p, packed, 0, p.m, 0, p.n);
  for (int64_t rows : {int64_t{1}, int64_t{3}, kTallestTile, kManyRows, p.m})
    for (int64_t panels : {1, 2, 4})
      for (int64_t m0 = 0; m0 < p.m; m0 += rows)
        for (int64_t n0 = 0; n0 < p.n; n0 += panels * panel) {
          const int64_t m1 = std::min(p.m, m0 + rows), n1 = std::min(p.n, n0 + panels * panel);
          const std::vector<float> part = run_part(variant(), p, packed, m0, m1, n0, n1);
          std::vector<float> expected;
          for (int64_t row = m0; row < m1; ++row)
            expected.insert(expected.end(), whole.begin() + row * p.n + n0, whole.begin() + row * p.n + n1);
          ASSERT_EQ(first_difference(part, expected), -1) << m0 << "…" << m1 << " × " << n0 << "…" << n1;
        }
}

TEST_P(GemmQ, BlocksOfRowsBeyondTheCacheGiveTheSameBits) {
  const GemmProblem p = problem(16 * kTallestTile + 1, variant().panel_columns + 3, 4864);
  EXPECT_EQ(first_difference(run(variant(), p), reference(p)), -1);
}

TEST_P(GemmQ, UnpackIsTheInverseOfPackBitForBit) {
  for (int64_t k : depths())
    for (int64_t count = 1; count <= variant().panel_columns; count += 3) {
      const GemmProblem p = problem(1, count, k);
      const PackedProblem packed(variant(), p);
      for (int64_t begin = 0; begin < count; ++begin) {
        const int64_t end = std::min(count, begin + 1 + begin % 3);
        std::vector<std::vector<std::byte>> rows(end - begin,
                                                 std::vector<std::byte>(p.rows[0].size(), std::byte{0x5a}));
        std::vector<std::byte*> pointers;
        for (auto& row : rows) pointers.push_back(row.data());
        std::vector<float> scales(end - begin);
        variant().unpack({.panel = packed.panel(0),
                          .k = k,
                          .row_begin = begin,
                          .row_end = end,
                          .rows = pointers.data(),
                          .row_scales = scales.data()});
        for (int64_t row = begin; row < end; ++row) {
          ASSERT_EQ(rows[row - begin], p.rows[row]) << "row " << row << " k " << k;
          if (!p.grouped()) {
            ASSERT_EQ(scales[row - begin], p.row_scales[row]);
          }
        }
      }
    }
}

TEST_P(GemmQ, NoticesEveryFlippedBitOfAWeightRow) {
  // Of the first panel and of the second one, which a tile may take together.
  for (const auto& [m, column] : {std::pair<int64_t, int64_t>{1, 11}, {kManyRows, 11}, {kManyRows, 27}}) {
    // Activations without zeros: any other code must change the column's value in every row.
    GemmProblem p = problem(m, 2 * variant().panel_columns, 32, Fill::Random, false);
    for (int8_t& code : p.a) code = static_cast<int8_t>(code == 0 ? 1 : code);
    p.refresh_sums();
    const std::vector<float> before = run(variant(), p);
    const int64_t codes_begin = p.grouped() ? (p.storage == GemmStorage::Q4_1 ? 4 : 2) : 0;
    for (size_t at = static_cast<size_t>(codes_begin); at < p.rows[column].size(); ++at)
      for (int bit = 0; bit < 8; ++bit) {
        p.rows[column][at] ^= static_cast<std::byte>(1 << bit);
        const std::vector<float> after = run(variant(), p);
        p.rows[column][at] ^= static_cast<std::byte>(1 << bit);
        for (int64_t i = 0; i < m * p.n; ++i)
          ASSERT_EQ(before[i] != after[i], i % p.n == column) << "m " << m << " byte " << at << " bit " << bit;
      }
  }
}

TEST_P(GemmQ, NoticesEveryChangedActivation) {
  GemmProblem p = problem(3, 5, variant().storage == GemmStorage::Q8C ? 35 : 32, Fill::Random, false);
  const std::vector<float> before = run(variant(), p);
  for (size_t at = 0; at < p.a.size(); ++at) {
    const int8_t kept = p.a[at];
    p.a[at] = static_cast<int8_t>(kept > 0 ? kept - 1 : kept + 1);
    p.refresh_sums();
    const int64_t row = static_cast<int64_t>(at) / p.k;
    const int64_t changed = first_difference(before, run(variant(), p));
    ASSERT_TRUE(changed >= row * p.n && changed < (row + 1) * p.n) << "code " << at;
    p.a[at] = kept;
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, GemmQ, testing::ValuesIn(all_cases()), [](const testing::TestParamInfo<Case>& test) {
  return std::string(test.param.variant.name) + (test.param.emulated ? "_emulated" : "");
});

TEST(GemmVariants, TablesEndWithScalarAndKeepTheContract) {
  for (GemmStorage storage : kStorages) {
    const std::span<const GemmVariant> variants = gemm_variants(storage);
    ASSERT_FALSE(variants.empty());
    EXPECT_EQ(variants.back().isa, Isa::Scalar);
    for (const GemmVariant& variant : variants) {
      EXPECT_EQ(variant.storage, storage) << variant.name;
      EXPECT_EQ(variant.panel_bytes(96) % 64, 0u) << variant.name;
    }
    for (size_t i = 1; i < variants.size(); ++i) EXPECT_GT(variants[i - 1].isa, variants[i].isa) << "best first";
  }
}

TEST(GemmVariants, SayWhichInstructionSetsWereTested) {
  std::set<Isa> tested, known;
  for (const Case& c : all_cases()) {
    known.insert(c.variant.isa);
    if (supported(c.needs)) tested.insert(c.variant.isa);
    std::cout << "[ isa      ] " << c.variant.name << ": "
              << (!supported(c.needs) ? "not run on this processor"
                  : c.emulated        ? "emulated"
                                      : "native")
              << '\n';
  }
  std::string untested;
  for (const Isa isa : known)
    if (!tested.contains(isa)) untested += " " + std::string(name(isa));
  if (!untested.empty()) GTEST_SKIP() << "neither run nor emulated here:" << untested;
}

}  // namespace
}  // namespace slm::kernels
