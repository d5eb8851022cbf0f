// SPDX-License-Identifier: Apache-2.0
#include "slm/core/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "slm/core/error.h"

namespace slm {
namespace {

/// A half's value from the definition of the format (IEEE 754-2008, binary16), in double.
double half_value(uint16_t bits) {
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa ? std::numeric_limits<double>::quiet_NaN() : sign * INFINITY;
  return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Dtype, EveryHalfHasTheValueOfItsDefinition) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = f16_to_f32(static_cast<uint16_t>(bits));
    const double expected = half_value(static_cast<uint16_t>(bits));
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(value)) << bits;
    else
      EXPECT_EQ(static_cast<double>(value), expected) << bits;
    EXPECT_EQ(std::signbit(value), (bits & 0x8000) != 0) << bits;
  }
}

TEST(Dtype, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint16_t back = f32_to_f16(f16_to_f32(static_cast<uint16_t>(bits)));
    const bool is_nan = (bits & 0x7fff) > 0x7c00;
    EXPECT_EQ(back, is_nan ? bits | 0x200 : bits);
  }
}

TEST(Dtype, HalvesRoundToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {  // between every two neighbours: below, at and above the middle
    const float low = f16_to_f32(static_cast<uint16_t>(bits)), high = f16_to_f32(static_cast<uint16_t>(bits + 1));
    const float middle = static_cast<float>((static_cast<double>(low) + static_cast<double>(high)) / 2);
    const uint16_t even = static_cast<uint16_t>(bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(f32_to_f16(middle), even) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, -1.0f)), bits) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 1e9f)), bits + 1) << bits;
    ASSERT_EQ(f32_to_f16(-middle), even | 0x8000) << bits;
  }
}

TEST(Dtype, HalvesOverflowToInfinityFrom65520) {
  EXPECT_EQ(f32_to_f16(65504.0f), 0x7bff);
  EXPECT_EQ(f32_to_f16(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(-1e30f), 0xfc00);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0);  // half of the smallest subnormal: the tie goes to even, zero
  EXPECT_EQ(f32_to_f16(std::nextafter(0x1p-25f, 1.0f)), 1);
}

TEST(Dtype, Bfloat16IsTheUpperHalfRoundedToEven) {
  for (uint32_t bits = 0; bits < 0x7f80; ++bits) {
    const float low = bf16_to_f32(static_cast<uint16_t>(bits));
    ASSERT_EQ(f32_to_bf16(low), bits);
    const float middle = std::bit_cast<float>((bits << 16) | 0x8000u);
    ASSERT_EQ(f32_to_bf16(middle), bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>((bits << 16) | 0x7fffu)), bits);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>((bits << 16) | 0x8001u)), bits + 1);
  }
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));
  EXPECT_EQ(f32_to_bf16(-INFINITY), 0xff80);
}

TEST(Dtype, SizesAreThoseOfGguf) {
  EXPECT_EQ(byte_size(Dtype::Q4_0, 64), 36u);
  EXPECT_EQ(byte_size(Dtype::Q6_K, 256), 210u);
  EXPECT_EQ(byte_size(Dtype::BF16, 3), 6u);
  EXPECT_THROW(byte_size(Dtype::Q8_0, 33), ArgumentError);
  EXPECT_THROW(byte_size(Dtype::F32, uint64_t{1} << 62), ArgumentError);
}

}  // namespace
}  // namespace slm
