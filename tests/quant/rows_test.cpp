// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "slm/core/check.h"
#include "slm/core/rng.h"
#include "slm/quant/gguf_blocks.h"
#include "slm/quant/grid.h"
#include "slm/quant/sqnr.h"
#include "tests/quant/golden_file.h"

namespace slm {
namespace {

std::vector<float> normals(size_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x(n);
  for (float& v : x) v = rng.normal();
  return x;
}

TEST(Rows, BytesAreThoseOfTheStorage) {
  EXPECT_EQ(row_bytes(WeightScheme::F32, 7), 28u);
  EXPECT_EQ(row_bytes(WeightScheme::BF16, 7), 14u);
  EXPECT_EQ(row_bytes(WeightScheme::W8C, 7), 7u);
  EXPECT_EQ(row_bytes(WeightScheme::W8G32, 896), 28u * 34u);
  EXPECT_EQ(row_bytes(WeightScheme::W4G32, 896), 28u * 18u);
  EXPECT_EQ(row_bytes(WeightScheme::W4G32A, 896), 28u * 20u);
  EXPECT_EQ(row_bytes(WeightScheme::W4G32, 0), 0u);
  EXPECT_THROW(row_bytes(WeightScheme::W4G32, 33), ArgumentError);
  EXPECT_THROW(row_bytes(WeightScheme::F32, -1), ArgumentError);
}

TEST(Rows, GroupSchemesAreGgufBlocks) {
  const std::vector<float> x = normals(96, 1);
  for (const WeightSchemeInfo& scheme : weight_schemes()) {
    if (!scheme.gguf_dtype || native_scheme(*scheme.gguf_dtype) != scheme.scheme) continue;  // fewer codes: below
    std::vector<std::byte> row(row_bytes(scheme.scheme, 96)), blocks(row.size());
    encode_row(scheme.scheme, x, row, nullptr);
    encode_blocks(*scheme.gguf_dtype, x, blocks);
    EXPECT_EQ(row, blocks) << scheme.name;
    std::vector<float> values(96), expected(96);
    decode_row(scheme.scheme, row, 99.0f, values);
    decode_blocks(*scheme.gguf_dtype, blocks, expected);
    EXPECT_TRUE(same_bits(values, expected)) << scheme.name;
  }
}

TEST(Rows, NarrowSchemesAreTheirGridsInQ40Blocks) {
  std::vector<float> x = normals(96, 3);
  std::fill(x.begin() + 32, x.begin() + 64, 0.0f);
  for (const WeightScheme scheme : {WeightScheme::W3G32, WeightScheme::W2G32}) {
    const Grid& grid = *info(scheme).grid;
    std::vector<std::byte> row(row_bytes(scheme, 96)), again(row.size());
    encode_row(scheme, x, row, nullptr);
    std::vector<float> values(96), as_q4_0(96);
    decode_row(scheme, row, 0.0f, values);
    decode_blocks(Dtype::Q4_0, row, as_q4_0);
    EXPECT_TRUE(same_bits(values, as_q4_0)) << "to llama.cpp it is Q4_0";
    for (size_t g = 0; g < 96; g += 32) {
      const GridParams params = find_params(grid, std::span(x).subspan(g, 32));
      for (size_t i = g; i < g + 32; ++i) {
        const int32_t code = std::clamp(
            static_cast<int32_t>(std::trunc(x[i] * params.inverse + (0.5f - static_cast<float>(grid.qmin)))) +
                grid.qmin,
            grid.qmin, grid.qmax);
        EXPECT_EQ(values[i], static_cast<float>(code) * params.scale) << name(scheme) << " " << i;
      }
    }
    encode_row(scheme, values, again, nullptr);
    decode_row(scheme, again, 0.0f, as_q4_0);
    EXPECT_EQ(as_q4_0, values) << name(scheme) << ": what lies on the grid stays";
  }
}

TEST(Rows, W8cIsRintOfTheInverseOverTheWholeRow) {
  std::vector<float> x = normals(70, 2);
  x[3] = -5.0f;
  std::vector<std::byte> row(70);
  float scale = -1.0f;
  encode_row(WeightScheme::W8C, x, row, &scale);
  EXPECT_EQ(scale, 5.0f / 127.0f);
  const float inverse = 1.0f / (5.0f / 127.0f);
  std::vector<float> values(70);
  decode_row(WeightScheme::W8C, row, scale, values);
  for (size_t i = 0; i < x.size(); ++i) {
    const int code = static_cast<int8_t>(row[i]);
    EXPECT_EQ(code, static_cast<int>(std::nearbyint(x[i] * inverse)));
    EXPECT_EQ(values[i], scale * static_cast<float>(code));
  }
  EXPECT_EQ(static_cast<int8_t>(row[3]), -127);
}

TEST(Rows, W8cMultipliesWithOneOverTheScale) {
  // Near ties, 1 / (max / 127) and 127 / max give different codes: it must be the first.
  int differences = 0;
  for (int trial = 1; trial <= 50; ++trial) {
    const float largest = 0.37f * static_cast<float>(trial), scale = largest / 127.0f;
    std::vector<float> x = {largest};
    for (int code = 0; code < 126; ++code) x.push_back((static_cast<float>(code) + 0.5f) * scale);
    std::vector<std::byte> row(x.size());
    float row_scale = 0.0f;
    encode_row(WeightScheme::W8C, x, row, &row_scale);
    ASSERT_EQ(row_scale, scale);
    for (size_t i = 0; i < x.size(); ++i) {
      const int code = static_cast<int>(std::nearbyint(x[i] * (1.0f / scale)));
      ASSERT_EQ(static_cast<int8_t>(row[i]), code);
      differences += code != static_cast<int>(std::nearbyint(x[i] * (127.0f / largest))) ? 1 : 0;
    }
  }
  EXPECT_GT(differences, 10);
}

TEST(Rows, W8cRoundsHalfToEven) {
  const std::vector<float> x = {127.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 126.5f};
  std::vector<std::byte> row(x.size());
  float scale = 0.0f;
  encode_row(WeightScheme::W8C, x, row, &scale);
  EXPECT_EQ(scale, 1.0f);
  const int expected[] = {127, 0, 2, 2, 0, -2, -2, 126};
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(static_cast<int8_t>(row[i]), expected[i]) << x[i];
}

TEST(Rows, W8cOfZerosAndOfNothing) {
  float scale = 1.0f;
  std::vector<std::byte> row(5, std::byte{1});
  encode_row(WeightScheme::W8C, std::vector<float>(5, 0.0f), row, &scale);
  EXPECT_EQ(scale, 0.0f);
  EXPECT_EQ(row, std::vector<std::byte>(5));
  scale = 1.0f;
  encode_row(WeightScheme::W8C, {}, {}, &scale);
  EXPECT_EQ(scale, 0.0f);
}

TEST(Rows, MoreBitsGiveMoreSignal) {
  const std::vector<float> x = normals(4096, 3);
  const auto db = [&](WeightScheme scheme) {
    std::vector<std::byte> row(row_bytes(scheme, 4096));
    std::vector<float> values(4096);
    float scale = 0.0f;
    encode_row(scheme, x, row, &scale);
    decode_row(scheme, row, scale, values);
    return sqnr_db(x, values);
  };
  EXPECT_GT(db(WeightScheme::F16), 70.0);
  EXPECT_GT(db(WeightScheme::BF16), 50.0);
  EXPECT_NEAR(db(WeightScheme::W8G32), 46.0, 2.0);
  EXPECT_NEAR(db(WeightScheme::W8C), 42.0, 3.0);
  EXPECT_NEAR(db(WeightScheme::W4G32), 21.5, 1.5);
  EXPECT_GT(db(WeightScheme::W4G32A), db(WeightScheme::W4G32));
}

TEST(Rows, RefuseWrongSizesAndAMissingScale) {
  const std::vector<float> x(64, 1.0f);
  std::vector<std::byte> row(36);
  std::vector<float> values(64);
  EXPECT_NO_THROW(encode_row(WeightScheme::W4G32, x, row, nullptr));
  EXPECT_THROW(encode_row(WeightScheme::W4G32, x, std::span(row).first(35), nullptr), ArgumentError);
  EXPECT_THROW(encode_row(WeightScheme::W4G32, std::span(x).first(63), row, nullptr), ArgumentError);
  EXPECT_THROW(decode_row(WeightScheme::W4G32, row, 0.0f, std::span(values).first(32)), ArgumentError);
  row.resize(64);
  EXPECT_THROW(encode_row(WeightScheme::W8C, x, row, nullptr), ArgumentError);
  EXPECT_THROW(decode_row(WeightScheme::W8C, std::span(row).first(63), 1.0f, values), ArgumentError);
  float scale;
  EXPECT_THROW(
      encode_row(WeightScheme::W8C, std::vector<float>(64, std::numeric_limits<float>::infinity()), row, &scale),
      ArgumentError);
}

}  // namespace
}  // namespace slm
