// SPDX-License-Identifier: Apache-2.0
// Against the gguf Python package: golden/make_golden.py.
#include "slm/quant/gguf_blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "slm/core/check.h"
#include "slm/core/rng.h"
#include "tests/quant/golden_file.h"

namespace slm {
namespace {

constexpr Dtype kEncoded[] = {Dtype::F16, Dtype::BF16, Dtype::Q8_0, Dtype::Q4_0, Dtype::Q4_1};
constexpr Dtype kDecoded[] = {Dtype::F32,  Dtype::F16,  Dtype::BF16, Dtype::Q4_0, Dtype::Q4_1, Dtype::Q5_0, Dtype::Q5_1,
                              Dtype::Q8_0, Dtype::Q2_K, Dtype::Q3_K, Dtype::Q4_K, Dtype::Q5_K, Dtype::Q6_K};

std::string label(const testing::TestParamInfo<Dtype>& param) { return std::string(name(param.param)); }

std::vector<float> decoded(Dtype dtype, std::span<const std::byte> blocks) {
  std::vector<float> values(blocks.size() / info(dtype).block_bytes * info(dtype).block_elements);
  decode_blocks(dtype, blocks, values);
  return values;
}

std::vector<std::byte> encoded(Dtype dtype, std::span<const float> values) {
  std::vector<std::byte> blocks(byte_size(dtype, values.size()));
  encode_blocks(dtype, values, blocks);
  return blocks;
}

class EncodedBlocks : public testing::TestWithParam<Dtype> {};
INSTANTIATE_TEST_SUITE_P(, EncodedBlocks, testing::ValuesIn(kEncoded), label);

TEST_P(EncodedBlocks, EqualTheGgufPackageBitForBit) {
  const std::vector<float> input = golden_floats("input.f32");
  const std::vector<std::byte> expected = golden_bytes("encode_" + std::string(name(GetParam())) + ".bin");
  const std::vector<std::byte> actual = encoded(GetParam(), input);
  ASSERT_EQ(actual.size(), expected.size());
  const size_t block_bytes = expected.size() / (input.size() / 32);
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_EQ(actual[i], expected[i]) << "byte " << i % block_bytes << " of block " << i / block_bytes;
}

TEST_P(EncodedBlocks, RefuseWhatIsNotFinite) {
  for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> values(64, 1.0f);
    values[33] = bad;
    try {
      encoded(GetParam(), values);
      FAIL() << bad;
    } catch (const ArgumentError& error) {
      EXPECT_NE(std::string(error.what()).find("value 33"), std::string::npos) << error.what();
    }
  }
}

class DecodedBlocks : public testing::TestWithParam<Dtype> {};
INSTANTIATE_TEST_SUITE_P(, DecodedBlocks, testing::ValuesIn(kDecoded), label);

TEST_P(DecodedBlocks, EqualTheGgufPackageBitForBit) {
  const std::string type(name(GetParam()));
  const std::vector<float> expected = golden_floats("decode_" + type + ".f32");
  const std::vector<float> actual = decoded(GetParam(), golden_bytes("decode_" + type + ".bin"));
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_TRUE(same_bits({&actual[i], 1}, {&expected[i], 1}))
        << i << ": " << actual[i] << ", expected " << expected[i];
}

TEST_P(DecodedBlocks, EveryFlippedBitChangesAValue) {
  const Dtype dtype = GetParam();
  const DtypeInfo& type = info(dtype);
  // A block without idle bits: no sub-block has scale 0 or only codes 0, and all values are finite.
  std::vector<std::byte> block(type.block_bytes);
  Rng rng(2);
  for (std::byte& byte : block) byte = static_cast<std::byte>(rng.next() | 0x11);  // no nibble is 0
  std::vector<size_t> halves = {0};
  if (dtype == Dtype::Q4_1 || dtype == Dtype::Q5_1 || dtype == Dtype::Q4_K || dtype == Dtype::Q5_K) halves = {0, 2};
  if (dtype == Dtype::Q2_K) halves = {80, 82};
  if (dtype == Dtype::Q3_K) halves = {108};
  if (dtype == Dtype::Q6_K) halves = {208};
  for (const size_t place : halves) block[place] = block[place + 1] = std::byte{0x35};
  const std::vector<float> before = decoded(dtype, block);
  for (size_t bit = 0; bit < 8 * block.size(); ++bit) {
    block[bit / 8] ^= std::byte(1 << (bit % 8));
    EXPECT_FALSE(same_bits(decoded(dtype, block), before)) << "bit " << bit;
    block[bit / 8] ^= std::byte(1 << (bit % 8));
  }
}

TEST_P(DecodedBlocks, RefuseWrongSizes) {
  const DtypeInfo& type = info(GetParam());
  std::vector<std::byte> blocks(2 * type.block_bytes);
  std::vector<float> values(2 * type.block_elements);
  EXPECT_NO_THROW(decode_blocks(GetParam(), blocks, values));
  EXPECT_NO_THROW(decode_blocks(GetParam(), {}, {}));
  EXPECT_THROW(decode_blocks(GetParam(), std::span(blocks).first(blocks.size() - 1), values), ArgumentError);
  EXPECT_THROW(decode_blocks(GetParam(), blocks, std::span(values).first(type.block_elements)), ArgumentError);
  EXPECT_THROW(encode_blocks(GetParam(), std::span(values).first(1), blocks), ArgumentError);
}

TEST_P(DecodedBlocks, TakeAnyAlignment) {
  const std::string type(name(GetParam()));
  const std::vector<std::byte> blocks = golden_bytes("decode_" + type + ".bin");
  std::vector<std::byte> shifted(blocks.size() + 1);
  std::copy(blocks.begin(), blocks.end(), shifted.begin() + 1);
  EXPECT_TRUE(same_bits(decoded(GetParam(), std::span(shifted).subspan(1)), golden_floats("decode_" + type + ".f32")));
}

TEST(GgufBlocks, HalvesDecodeAsTheCoreConversionForAll65536) {
  std::vector<uint16_t> halves(1 << 16);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  const std::vector<float> f16 = decoded(Dtype::F16, std::as_bytes(std::span(halves)));
  const std::vector<float> bf16 = decoded(Dtype::BF16, std::as_bytes(std::span(halves)));
  for (size_t i = 0; i < halves.size(); ++i) {
    const float expected_f16 = f16_to_f32(halves[i]), expected_bf16 = bf16_to_f32(halves[i]);
    ASSERT_TRUE(same_bits({&f16[i], 1}, {&expected_f16, 1})) << i;
    ASSERT_TRUE(same_bits({&bf16[i], 1}, {&expected_bf16, 1})) << i;
  }
}

TEST(GgufBlocks, HalvesEncodeAsTheCoreConversion) {
  std::vector<float> values;
  for (uint32_t half = 0; half < 0x7c00; ++half) {  // every half, the midpoint above it, and the floats around that
    const float low = f16_to_f32(static_cast<uint16_t>(half));
    const float high = half == 0x7bff ? 65536.0f : f16_to_f32(static_cast<uint16_t>(half + 1));
    const float middle = low + 0.5f * (high - low);
    values.insert(values.end(), {low, std::nextafter(middle, 0.0f)});
    if (half != 0x7bff) values.insert(values.end(), {-middle, std::nextafter(middle, 1e9f)});
  }
  Rng rng(9);
  while (values.size() < 200'000) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(rng.next()));
    if (std::abs(x) < 65520.0f) values.push_back(x);
  }
  const std::vector<std::byte> f16 = encoded(Dtype::F16, values), bf16 = encoded(Dtype::BF16, values);
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t half, brain;
    std::memcpy(&half, &f16[2 * i], 2);
    std::memcpy(&brain, &bf16[2 * i], 2);
    ASSERT_EQ(half, f32_to_f16(values[i])) << values[i];
    ASSERT_EQ(brain, f32_to_bf16(values[i])) << values[i];
  }
}

TEST(GgufBlocks, RefuseOverflowOfTheStorage) {
  EXPECT_NO_THROW(encoded(Dtype::F16, std::vector<float>{65519.996f}));
  EXPECT_THROW(encoded(Dtype::F16, std::vector<float>{65520.0f}), ArgumentError);
  EXPECT_THROW(encoded(Dtype::F16, std::vector<float>{-1e30f}), ArgumentError);
  EXPECT_THROW(encoded(Dtype::BF16, std::vector<float>{std::numeric_limits<float>::max()}), ArgumentError);
  EXPECT_THROW(encoded(Dtype::Q8_0, std::vector<float>(32, 127.0f * 65520.0f)), ArgumentError);
  EXPECT_THROW(encoded(Dtype::Q4_0, std::vector<float>(32, -8.0f * 65520.0f)), ArgumentError);
  EXPECT_THROW(encoded(Dtype::Q4_1, std::vector<float>(32, 65520.0f)), ArgumentError);
}

TEST(GgufBlocks, ReadOnlyTypesAreNotWritten) {
  for (const Dtype dtype : {Dtype::Q5_0, Dtype::Q5_1, Dtype::Q2_K, Dtype::Q3_K, Dtype::Q4_K, Dtype::Q5_K, Dtype::Q6_K,
                            Dtype::I8, Dtype::I32})
    EXPECT_THROW(encoded(dtype, std::vector<float>(256, 1.0f)), ArgumentError) << name(dtype);
  std::vector<float> value(1);
  EXPECT_THROW(decode_blocks(Dtype::I8, std::vector<std::byte>(1), value), ArgumentError);
  EXPECT_THROW(decode_blocks(Dtype::I32, std::vector<std::byte>(4), value), ArgumentError);
}

TEST(GgufBlocks, MinimumOfMixedZerosIsNegativeZero) {
  std::vector<float> values(32, 0.0f);
  EXPECT_EQ(encoded(Dtype::Q4_1, values)[3], std::byte{0x00});
  values[17] = -0.0f;
  EXPECT_EQ(encoded(Dtype::Q4_1, values)[3], std::byte{0x80});
}

TEST(GgufBlocks, StoreBlockWritesChosenCodesAndScales) {
  for (const Dtype dtype : {Dtype::Q8_0, Dtype::Q4_0, Dtype::Q4_1}) {
    const Grid grid = dtype == Dtype::Q8_0 ? kGridQ8_0 : dtype == Dtype::Q4_0 ? kGridQ4_0 : kGridQ4_1;
    std::vector<int32_t> codes(32);
    Rng rng(10);
    for (int32_t& code : codes)
      code = grid.qmin + static_cast<int32_t>(rng.below(static_cast<uint64_t>(grid.qmax - grid.qmin + 1)));
    const GridParams params = given_params(grid, -0.123f, 0.456f);
    std::vector<std::byte> block(info(dtype).block_bytes);
    store_block(dtype, params, codes, block);
    std::vector<float> expected(32);
    decode(grid, params, std::span<const int32_t>(codes), expected);
    EXPECT_TRUE(same_bits(decoded(dtype, block), expected)) << name(dtype);

    EXPECT_THROW(store_block(dtype, params, std::span(codes).first(31), block), ArgumentError);
    EXPECT_THROW(store_block(dtype, params, codes, std::span(block).first(17)), ArgumentError);
    EXPECT_THROW(store_block(dtype, {.scale = 1e6f}, codes, block), ArgumentError);
    codes[31] = grid.qmax + 1;
    EXPECT_THROW(store_block(dtype, params, codes, block), ArgumentError);
    codes[31] = grid.qmin - 1;
    EXPECT_THROW(store_block(dtype, params, codes, block), ArgumentError);
  }
  std::vector<std::byte> block(144);
  EXPECT_THROW(store_block(Dtype::Q4_K, {}, std::vector<int32_t>(256), block), ArgumentError);
}

}  // namespace
}  // namespace slm
