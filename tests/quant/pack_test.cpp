// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/pack.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "slm/core/rng.h"
#include "slm/quant/gguf_blocks.h"
#include "slm/quant/rows.h"

namespace slm {
namespace {

Tensor random_matrix(int64_t n, int64_t k, uint64_t seed) {
  Rng rng(seed);
  Tensor t = Tensor::zeros(Dtype::F32, {n, k});
  for (float& value : t.mutable_as<float>()) value = rng.normal();
  return t;
}

/// What row r must be after packing under a scheme.
std::vector<float> quantized_row(WeightScheme scheme, std::span<const float> row) {
  std::vector<std::byte> bytes(row_bytes(scheme, std::ssize(row)));
  std::vector<float> values(row.size());
  float scale = 0;
  encode_row(scheme, row, bytes, &scale);
  decode_row(scheme, bytes, scale, values);
  return values;
}

std::vector<float> packed_row(const PackedMatrix& packed, int64_t r) {
  std::vector<float> values(static_cast<size_t>(packed.k()));
  std::vector<std::byte> scratch(row_bytes(packed.scheme(), packed.k()));
  packed.decode_row(r, scratch, values);
  return values;
}

class EveryScheme : public testing::TestWithParam<WeightSchemeInfo> {};
class StoredScheme : public EveryScheme {};

TEST_P(EveryScheme, PackedRowsAreTheQuantizedRows) {
  for (const int64_t n : {1, 15, 16, 17, 70}) {
    const Tensor w = random_matrix(n, 96, static_cast<uint64_t>(n));
    const MatrixSource source{.tensor = w};
    const PackedMatrix packed = pack(GetParam().scheme, std::span(&source, 1));
    EXPECT_EQ(packed.n(), n);
    for (int64_t r = 0; r < n; ++r)
      ASSERT_EQ(packed_row(packed, r),
                quantized_row(GetParam().scheme, w.as<float>().subspan(static_cast<size_t>(r) * 96, 96)))
          << r;
  }
}

TEST_P(EveryScheme, SourcesAreStackedInOrder) {
  const std::vector<MatrixSource> sources = {
      {.tensor = random_matrix(7, 64, 1)}, {.tensor = random_matrix(30, 64, 2)}, {.tensor = random_matrix(1, 64, 3)}};
  std::vector<std::pair<size_t, int64_t>> released;
  const PackedMatrix packed =
      pack(GetParam().scheme, sources, {.rows_done = [&](size_t source, int64_t begin, int64_t end) {
             EXPECT_EQ(begin, released.empty() || released.back().first != source ? 0 : released.back().second);
             released.emplace_back(source, end);
           }});
  int64_t packed_r = 0;
  for (const MatrixSource& source : sources)
    for (int64_t r = 0; r < source.n(); ++r, ++packed_r)
      ASSERT_EQ(packed_row(packed, packed_r),
                quantized_row(GetParam().scheme, source.tensor.as<float>().subspan(static_cast<size_t>(r) * 64, 64)));
  ASSERT_FALSE(released.empty());
  EXPECT_EQ(released.back(), (std::pair<size_t, int64_t>{2, 1}));
}

TEST_P(StoredScheme, RowsAlreadyOnTheGridKeepTheirBits) {
  // A file's block with a scale the encoder would not choose must go through untouched.
  const WeightScheme scheme = GetParam().scheme;
  const Tensor w = random_matrix(20, 64, 5);
  const std::optional<Dtype> dtype = GetParam().gguf_dtype;
  const std::vector<float> scales(dtype ? 0 : 20, 0.01f);
  Tensor stored = Tensor::zeros(dtype.value_or(Dtype::I8), {20, 64});
  if (dtype)
    encode_blocks(*dtype, w.as<float>(), {stored.mutable_data(), stored.bytes()});
  else
    for (size_t i = 0; i < stored.bytes(); ++i) stored.mutable_data()[i] = static_cast<std::byte>(i % 120);
  if (dtype && is_block_type(*dtype))
    stored.mutable_data()[1] ^= std::byte{0x80};  // the scale of the first block turns negative
  const MatrixSource source{.tensor = stored, .row_scales = scales};
  const PackedMatrix packed = pack(scheme, std::span(&source, 1));
  std::vector<std::byte> row(row_bytes(scheme, 64));
  for (int64_t r = 0; r < 20; ++r) {
    float scale = 0;
    packed.unpack_row(r, row, &scale);
    ASSERT_EQ(std::memcmp(row.data(), stored.row(r).data(), row.size()), 0) << r;
  }
}

TEST_P(EveryScheme, FakeQuantizedHoldsTheSchemesValuesInFloat) {
  const Tensor w = random_matrix(18, 64, 6);
  const MatrixSource source{.tensor = w};
  const PackedMatrix packed = pack(GetParam().scheme, std::span(&source, 1), {.fake_quantized = true});
  EXPECT_EQ(packed.scheme(), WeightScheme::F32);
  for (int64_t r = 0; r < 18; ++r)
    ASSERT_EQ(packed_row(packed, r),
              quantized_row(GetParam().scheme, w.as<float>().subspan(static_cast<size_t>(r) * 64, 64)));
}

TEST_P(StoredScheme, FakeQuantizedLeavesRowsOnTheGridAsTheyAre) {
  // Scales no encoder would choose: a second round of quantization would change the values.
  std::vector<float> scales(6, 0.01f);
  Tensor stored = Tensor::zeros(GetParam().gguf_dtype.value_or(Dtype::I8), {6, 64});
  const MatrixSource source{.tensor = stored,
                            .row_scales = GetParam().gguf_dtype ? std::span<const float>() : std::span(scales)};
  Rng rng(7);
  std::byte* bytes = stored.mutable_data();
  for (size_t i = 0; i < stored.bytes(); ++i) bytes[i] = static_cast<std::byte>(rng.below(64));  // no NaN in any type
  std::vector<float> expected(64);
  const PackedMatrix packed = pack(GetParam().scheme, std::span(&source, 1), {.fake_quantized = true});
  for (int64_t r = 0; r < 6; ++r) {
    source.decode_row(r, expected);
    ASSERT_EQ(packed_row(packed, r), expected) << r;
  }
}

TEST_P(EveryScheme, NamesSourceAndRowOfAWeightThatIsNotFinite) {
  const auto expect_named = [&](const MatrixSource& bad, WeightScheme scheme, const std::string& what) {
    const std::vector<MatrixSource> sources = {{.name = "first", .tensor = random_matrix(3, 64, 1)}, bad};
    try {
      pack(scheme, sources);
      ADD_FAILURE() << "packed";
    } catch (const FormatError& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("second: row 2: " + what)) << error.what();
    }
  };
  MatrixSource bad{.name = "second", .tensor = random_matrix(4, 64, 2)};
  for (const float value : {INFINITY, -INFINITY, NAN}) {
    bad.tensor.mutable_as<float>()[2 * 64 + 40] = value;
    expect_named(bad, GetParam().scheme, "value 40 ");
  }
  // The same in the scheme's own format, which is packed without being decoded.
  std::vector<float> scales = {1, 1, INFINITY, 1};
  if (!GetParam().gguf_dtype) {
    bad.tensor = Tensor::zeros(Dtype::I8, {4, 64});
    bad.row_scales = scales;
    return expect_named(bad, GetParam().scheme, "row scale inf ");
  }
  const Dtype dtype = *GetParam().gguf_dtype;
  const size_t block = info(dtype).block_bytes, row = 64 / info(dtype).block_elements * block;
  for (const size_t at :
       GetParam().scheme == WeightScheme::W4G32A ? std::vector<size_t>{0, 2} : std::vector<size_t>{0}) {
    bad.tensor = Tensor::zeros(dtype, {4, 64});
    const uint32_t infinite = std::bit_cast<uint32_t>(INFINITY);
    const uint16_t half = dtype == Dtype::BF16 ? 0x7f80 : 0x7c00;
    if (dtype == Dtype::F32)
      std::memcpy(bad.tensor.mutable_data() + 2 * row + block + at, &infinite, sizeof infinite);
    else
      std::memcpy(bad.tensor.mutable_data() + 2 * row + block + at, &half, sizeof half);
    expect_named(bad, GetParam().scheme, at > 0 ? "minimum of block 1 " : block > 4 ? "scale of block 1 " : "value 1 ");
  }
}

/// All but those whose fewer codes lie in blocks of another one.
std::vector<WeightSchemeInfo> stored_schemes() {
  std::vector<WeightSchemeInfo> stored;
  for (const WeightSchemeInfo& row : weight_schemes())
    if (row.nominal_bits == row.bits) stored.push_back(row);
  return stored;
}
INSTANTIATE_TEST_SUITE_P(, StoredScheme, testing::ValuesIn(stored_schemes()),
                         [](const auto& param) { return std::string(param.param.name); });
INSTANTIATE_TEST_SUITE_P(, EveryScheme, testing::ValuesIn(weight_schemes().begin(), weight_schemes().end()),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(Pack, PutsPairedRotaryRowsBackInOrder) {
  // GGUF of the llama architecture: w.reshape(heads, 2, Dh/2, k).swapaxes(1, 2). Head 0 of size 6: rows 0 3 1 4 2 5.
  Tensor stored = Tensor::zeros(Dtype::F32, {12, 32});
  const std::vector<float> logical = {0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11};
  for (size_t r = 0; r < 12; ++r) stored.mutable_as<float>()[r * 32] = logical[r];
  const MatrixSource source{.tensor = stored, .paired_head_dim = 6};
  const PackedMatrix packed = pack(WeightScheme::F32, std::span(&source, 1));
  for (int64_t r = 0; r < 12; ++r) EXPECT_EQ(packed_row(packed, r)[0], static_cast<float>(r));
}

TEST(Pack, ReadsInt8CodesWithTheirRowScales) {
  Tensor codes = Tensor::zeros(Dtype::I8, {3, 40});
  codes.mutable_as<int8_t>()[40 + 7] = -128;
  const std::vector<float> scales = {1, 0.5f, 3};
  const MatrixSource source{.tensor = codes, .row_scales = scales};
  EXPECT_EQ(packed_row(pack(WeightScheme::W8C, std::span(&source, 1)), 1)[7], -64);
  EXPECT_EQ(packed_row(pack(WeightScheme::F32, std::span(&source, 1)), 1)[7], -64);
  const MatrixSource without{.tensor = codes};
  EXPECT_THROW(pack(WeightScheme::W8C, std::span(&without, 1)), ArgumentError);
}

TEST(PackedMatrix, RefusesRowsAndRoomOutOfRange) {
  const MatrixSource source{.tensor = random_matrix(4, 64, 1)};
  const PackedMatrix packed = pack(WeightScheme::W4G32, std::span(&source, 1));
  std::vector<std::byte> row(row_bytes(WeightScheme::W4G32, 64)), shorter(row.size() - 1);
  std::vector<float> values(64), fewer(63);
  float scale = 0;
  EXPECT_THROW(packed.unpack_row(4, row, &scale), ArgumentError);
  EXPECT_THROW(packed.unpack_row(-1, row, &scale), ArgumentError);
  EXPECT_THROW(packed.unpack_row(0, shorter, &scale), ArgumentError);
  EXPECT_THROW(packed.decode_row(0, shorter, values), ArgumentError);
  EXPECT_THROW(packed.decode_row(0, row, fewer), ArgumentError);
  EXPECT_NO_THROW(packed.decode_row(3, row, values));
}

TEST(Pack, RefusesWhatDoesNotFit) {
  const MatrixSource narrow{.tensor = random_matrix(4, 48, 1)};
  EXPECT_THROW(pack(WeightScheme::W4G32, std::span(&narrow, 1)), ArgumentError);
  EXPECT_NO_THROW(pack(WeightScheme::W8C, std::span(&narrow, 1)));
  const std::vector<MatrixSource> different = {{.tensor = random_matrix(4, 32, 1)},
                                               {.tensor = random_matrix(4, 64, 1)}};
  EXPECT_THROW(pack(WeightScheme::F32, different), ArgumentError);
  EXPECT_THROW(pack(WeightScheme::F32, {}), ArgumentError);
  EXPECT_NO_THROW(PackedMatrix(WeightScheme::W8C, 1, 131072));
  EXPECT_THROW(PackedMatrix(WeightScheme::W8C, 1, 131073), ArgumentError);
}

}  // namespace
}  // namespace slm
