// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/scheme.h"

#include <gtest/gtest.h>

#include "slm/core/error.h"

namespace slm {
namespace {

TEST(Scheme, TableIsInTheOrderOfTheEnum) {
  int index = 0;
  for (const WeightSchemeInfo& row : weight_schemes()) EXPECT_EQ(static_cast<int>(row.scheme), index++) << row.name;
  EXPECT_EQ(index, 9);
}

TEST(Scheme, EveryNameParsesToItsScheme) {
  for (const WeightSchemeInfo& row : weight_schemes()) {
    EXPECT_EQ(parse_weight_scheme(row.name), row.scheme);
    EXPECT_EQ(name(row.scheme), row.name);
    EXPECT_EQ(&info(row.scheme), &row);
  }
}

TEST(Scheme, UnknownNameListsTheKnownOnes) {
  try {
    parse_weight_scheme("w9g32");
    FAIL();
  } catch (const ArgumentError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("'w9g32'"), std::string::npos) << message;
    EXPECT_NE(message.find("f32 bf16 f16 w8c w8g32 w4g32 w4g32a w3g32 w2g32 w{2…8}"), std::string::npos) << message;
  }
  EXPECT_THROW(parse_weight_scheme(""), ArgumentError);
  EXPECT_THROW(parse_weight_scheme("W8C"), ArgumentError);
}

TEST(Scheme, BitsAndGroupsAreThoseOfTheGgufType) {
  for (const WeightSchemeInfo& row : weight_schemes()) {
    if (!row.gguf_dtype) continue;
    const DtypeInfo& type = info(*row.gguf_dtype);
    EXPECT_EQ(row.group, static_cast<int>(type.block_elements)) << row.name;
    EXPECT_EQ(row.bits, 8.0 * type.block_bytes / type.block_elements) << row.name;
  }
  EXPECT_FALSE(info(WeightScheme::W8C).gguf_dtype);
}

TEST(Scheme, NativeSchemesAreTheTypesKernelsRun) {
  EXPECT_EQ(native_scheme(Dtype::Q4_0), WeightScheme::W4G32);
  EXPECT_EQ(native_scheme(Dtype::Q4_1), WeightScheme::W4G32A);
  EXPECT_EQ(native_scheme(Dtype::Q8_0), WeightScheme::W8G32);
  EXPECT_EQ(native_scheme(Dtype::BF16), WeightScheme::BF16);
  for (const Dtype dtype : {Dtype::I8, Dtype::I32, Dtype::Q5_0, Dtype::Q4_K, Dtype::Q6_K})
    EXPECT_FALSE(native_scheme(dtype)) << name(dtype);
}

TEST(Scheme, ActivationsFollowTheWeights) {
  EXPECT_EQ(info(WeightScheme::W8C).activations, ActivationScheme::A8T);
  EXPECT_EQ(info(WeightScheme::W4G32A).activations, ActivationScheme::A8G32);
  EXPECT_EQ(info(WeightScheme::BF16).activations, ActivationScheme::F32);
  EXPECT_EQ(name(ActivationScheme::A8G32), "a8g32");
  EXPECT_EQ(name(ActivationScheme::A8T), "a8t");
}

}  // namespace
}  // namespace slm
