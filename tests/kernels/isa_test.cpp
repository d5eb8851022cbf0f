// SPDX-License-Identifier: Apache-2.0
#include "slm/kernels/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "slm/core/error.h"
#include "slm/kernels/attention/variants.h"
#include "slm/kernels/fake_quant/variants.h"
#include "slm/kernels/gemm_variants.h"
#include "slm/kernels/vec/variants.h"

namespace slm::kernels {
namespace {

constexpr GemmStorage kStorages[] = {GemmStorage::F32,  GemmStorage::BF16, GemmStorage::F16, GemmStorage::Q8C,
                                     GemmStorage::Q8_0, GemmStorage::Q4_0, GemmStorage::Q4_1};

/// Sets SLM_ISA for one test and puts back what was there.
class IsaChoice : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* value = std::getenv("SLM_ISA")) before_ = value;
    unsetenv("SLM_ISA");
  }
  void TearDown() override { before_.empty() ? unsetenv("SLM_ISA") : setenv("SLM_ISA", before_.c_str(), 1); }
  static void force(std::string_view isa) { setenv("SLM_ISA", std::string(isa).c_str(), 1); }
  static std::string message_for(std::string_view isa) {
    force(isa);
    try {
      forced_isa();
    } catch (const ArgumentError& error) {
      return error.what();
    }
    return "";
  }

 private:
  std::string before_;
};

TEST_F(IsaChoice, NamesAreTheOnesSlmIsaTakes) {
  const std::vector<std::string> names = {"scalar",     "avx2",         "avxvnni",  "avx512vnni",
                                          "avx512bf16", "neon_dotprod", "neon_i8mm"};
  ASSERT_EQ(known_isas().size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(name(known_isas()[i]), names[i]);
}

TEST_F(IsaChoice, ScalarRunsEverywhere) { EXPECT_TRUE(supported(Isa::Scalar)); }

TEST_F(IsaChoice, NothingIsForcedWhenUnsetOrEmpty) {
  EXPECT_FALSE(forced_isa().has_value());
  force("");
  EXPECT_FALSE(forced_isa().has_value());
}

TEST_F(IsaChoice, ForcesWhatThisProcessorCanRun) {
  for (Isa isa : known_isas()) {
    if (!supported(isa)) continue;
    force(name(isa));
    EXPECT_EQ(forced_isa(), isa);
  }
}

/// "scalar avx2 …": what an error names in place of what was asked for.
std::string usable() {
  std::string names;
  for (Isa isa : known_isas())
    if (supported(isa)) names += (names.empty() ? "" : " ") + std::string(name(isa));
  return names;
}

TEST_F(IsaChoice, RefusesAnUnknownNameAndListsThoseThatRunHere) {
  EXPECT_EQ(message_for("avx1024"), "[isa] SLM_ISA=avx1024 is unknown, expected one of: " + usable());
}

TEST_F(IsaChoice, RefusesOneThisProcessorCannotRunAndListsThoseItCan) {
  for (Isa isa : known_isas()) {
    if (supported(isa)) continue;
    EXPECT_EQ(message_for(name(isa)), "[isa] SLM_ISA=" + std::string(name(isa)) +
                                          " cannot run on this processor, expected one of: " + usable());
  }
}

TEST_F(IsaChoice, ForcedIsALimit) {
  force("scalar");
  for (Isa isa : known_isas()) EXPECT_EQ(selectable(isa), isa == Isa::Scalar) << name(isa);
  EXPECT_EQ(select(vec_variants()).isa, Isa::Scalar);
  EXPECT_EQ(select(fake_quant_variants()).isa, Isa::Scalar);
  EXPECT_EQ(select(attention_variants(KvStorage::F16)).isa, Isa::Scalar);
  EXPECT_EQ(select(gemm_bf16_compute_variants()).isa, Isa::Scalar);
  for (GemmStorage storage : kStorages) EXPECT_EQ(select(gemm_variants(storage)).isa, Isa::Scalar);
}

TEST_F(IsaChoice, SelectsTheFirstRowThatCanRun) {
  const auto check = [](auto variants) {
    size_t first = 0;
    while (!supported(variants[first].isa)) ++first;
    EXPECT_EQ(&select(variants), &variants[first]);
  };
  check(vec_variants());
  check(fake_quant_variants());
  check(gemm_bf16_compute_variants());
  for (KvStorage storage : {KvStorage::F32, KvStorage::F16}) check(attention_variants(storage));
  for (GemmStorage storage : kStorages) check(gemm_variants(storage));
}

/// A table is best first, ends with scalar, and holds one storage.
template <class Variant>
void expect_ordered(std::span<const Variant> variants) {
  ASSERT_FALSE(variants.empty());
  EXPECT_EQ(variants.back().isa, Isa::Scalar);
  for (size_t i = 1; i < variants.size(); ++i) EXPECT_GE(variants[i - 1].isa, variants[i].isa);
}

TEST_F(IsaChoice, TablesRunFromBestToScalar) {
  expect_ordered(vec_variants());
  expect_ordered(fake_quant_variants());
  expect_ordered(gemm_bf16_compute_variants());
  for (const GemmVariant& variant : gemm_bf16_compute_variants()) EXPECT_EQ(variant.storage, GemmStorage::F32);
  for (KvStorage storage : {KvStorage::F32, KvStorage::F16}) {
    expect_ordered(attention_variants(storage));
    for (const AttentionVariant& variant : attention_variants(storage)) EXPECT_EQ(variant.storage, storage);
  }
  for (GemmStorage storage : kStorages) {
    expect_ordered(gemm_variants(storage));
    for (const GemmVariant& variant : gemm_variants(storage)) EXPECT_EQ(variant.storage, storage) << variant.name;
  }
}

}  // namespace
}  // namespace slm::kernels
