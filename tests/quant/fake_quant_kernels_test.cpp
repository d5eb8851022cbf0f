// SPDX-License-Identifier: Apache-2.0
// Every variant of the fake quantization kernels against quant/grid, bit for bit, on values of every kind: ties,
// clipped ones, zeros of both signs, subnormals, scales that vanish or overflow in a half.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "slm/core/rng.h"
#include "slm/kernels/fake_quant/variants.h"
#include "slm/quant/gguf_blocks.h"
#include "slm/quant/grid.h"
#include "slm/quant/scheme.h"

namespace slm::emulated {
kernels::FakeQuantVariant fake_quant_avx512vnni(kernels::Isa isa);
}

namespace slm {
namespace {

using kernels::FakeQuantVariant;

struct Tested {
  FakeQuantVariant variant;
  kernels::Isa needs;
  std::string name;
  friend std::ostream& operator<<(std::ostream& out, const Tested& tested) { return out << tested.name; }
};

std::vector<Tested> tested_variants() {
  std::vector<Tested> all;
  for (const FakeQuantVariant& v : kernels::fake_quant_variants()) all.push_back({v, v.isa, v.name});
#if defined(SLM_EMULATED_AVX512)
  const FakeQuantVariant emulated = emulated::fake_quant_avx512vnni(kernels::Isa::Avx512Vnni);
  all.push_back({emulated, kernels::Isa::Avx2, "avx512vnni_emulated"});
#endif
  return all;
}

/// Groups of 32, each of its own kind.
std::vector<float> values() {
  Rng rng(1);
  std::vector<float> all;
  const auto group = [&](auto value) {
    for (int i = 0; i < 32; ++i) all.push_back(value(i));
  };
  for (const float magnitude : {1.0f, 1e-3f, 300.0f, 1e-8f, 1e-30f, 1e-38f, 4e5f})
    for (int i = 0; i < 40; ++i) group([&](int) { return magnitude * rng.normal(); });
  group([](int) { return 0.0f; });
  group([](int) { return -0.0f; });
  group([](int i) { return i % 2 == 0 ? 0.0f : -0.0f; });
  group([](int) { return -0.125f; });
  group([](int i) { return i % 2 == 0 ? 4.0f : -4.0f; });                        // both signs of the largest, + first
  group([](int i) { return i % 2 == 1 ? 4.0f : -4.0f; });                        // − first
  group([](int i) { return static_cast<float>(i - 16) * 0.5f; });                // ties of Q4_0
  group([](int i) { return static_cast<float>(i) * 0.5f; });                     // ties of Q4_1, minimum 0
  group([](int i) { return i == 0 ? -0.0f : static_cast<float>(i); });           // minimum −0
  group([](int i) { return i == 0 ? 127.0f : static_cast<float>(i) - 15.5f; });  // ties of Q8_0 and a8
  group([](int i) { return std::ldexp(1.0f, i - 149); });                        // subnormals
  group([](int i) { return std::ldexp(i % 2 == 0 ? 1.0f : -1.0f, -i); });
  return all;
}

using Kernel = std::function<bool(const float* x, int64_t n, float* y)>;

const Grid& grid_of(const char* scheme) { return *info(parse_weight_scheme(scheme)).grid; }
Kernel with_largest(const char* scheme, bool (*kernel)(const float*, int64_t, int32_t, float*)) {
  return [=, qmax = grid_of(scheme).qmax](const float* x, int64_t n, float* y) { return kernel(x, n, qmax, y); };
}

class FakeQuantKernels : public testing::TestWithParam<Tested> {
 protected:
  void SetUp() override {
    if (!supported(GetParam().needs)) GTEST_SKIP() << name(GetParam().needs) << " cannot run on this processor";
  }
  const FakeQuantVariant& variant() const { return GetParam().variant; }

  void expect_grid(const Grid& grid, const Kernel& kernel) {
    const std::vector<float> x = values();
    for (size_t g = 0; g < x.size(); g += 32) {
      const std::span<const float> group(x.data() + g, 32);
      std::vector<float> y(32, NAN);
      try {
        const GridParams params = find_params(grid, group);
        ASSERT_TRUE(kernel(group.data(), 32, y.data())) << "group " << g / 32;
        for (size_t i = 0; i < 32; ++i) {
          const float expected = decode(grid, params, encode(grid, params, group[i]));
          ASSERT_EQ(std::bit_cast<uint32_t>(y[i]), std::bit_cast<uint32_t>(expected))
              << "group " << g / 32 << " value " << i << ": " << group[i] << " → " << y[i] << " for " << expected;
        }
      } catch (const ArgumentError&) {  // overflows its half
        EXPECT_FALSE(kernel(group.data(), 32, y.data())) << "group " << g / 32;
      }
    }
    for (const float bad : {INFINITY, -INFINITY, NAN}) {
      std::vector<float> broken(64, 1.0f);
      broken[40] = bad;
      EXPECT_FALSE(kernel(broken.data(), 64, broken.data())) << bad;
    }
  }
};

TEST_P(FakeQuantKernels, EqualTheGridsBitForBit) {
  for (const char* scheme : {"w4g32", "w3g32", "w2g32"})
    expect_grid(grid_of(scheme), with_largest(scheme, variant().q4_0));
  for (const char* scheme : {"w4g32a", "w3g32a", "w2g32a"})
    expect_grid(grid_of(scheme), with_largest(scheme, variant().q4_1));
  for (const char* scheme : {"w8g32", "w7g32", "w6g32", "w5g32"})
    expect_grid(grid_of(scheme), with_largest(scheme, variant().q8_0));
  expect_grid(kGridA8G32, variant().a8g32);
}

TEST_P(FakeQuantKernels, EncodeTheBlocksOfTheGrids) {
  const auto expect_blocks = [&](const char* scheme, auto encode_all) {
    const WeightSchemeInfo& s = info(parse_weight_scheme(scheme));
    const size_t bytes = slm::info(*s.gguf_dtype).block_bytes;
    const std::vector<float> x = values();
    int blocks = 0;
    for (size_t g = 0; g < x.size(); g += 32) {
      const std::span<const float> group(x.data() + g, 32);
      std::vector<std::byte> expected(bytes);
      std::vector<uint8_t> found(bytes + 1, 0xa5);
      try {
        const GridParams params = find_params(*s.grid, group);
        std::array<int32_t, 32> codes;
        for (size_t i = 0; i < 32; ++i) codes[i] = encode(*s.grid, params, group[i]);
        store_block(*s.gguf_dtype, params, codes, expected);
      } catch (const ArgumentError&) {  // overflows its half
        EXPECT_FALSE(encode_all(group.data(), 32, s.grid->qmax, found.data())) << scheme << " group " << g / 32;
        continue;
      }
      ASSERT_TRUE(encode_all(group.data(), 32, s.grid->qmax, found.data())) << scheme << " group " << g / 32;
      for (size_t i = 0; i < bytes; ++i)
        ASSERT_EQ(found[i], std::to_integer<uint8_t>(expected[i])) << scheme << " group " << g / 32 << " byte " << i;
      ASSERT_EQ(found.back(), 0xa5);
      ++blocks;
    }
    EXPECT_GT(blocks, 200) << scheme;
    std::vector<float> broken(64, 1.0f);
    broken[40] = NAN;
    std::vector<uint8_t> ignored(2 * bytes);
    EXPECT_FALSE(encode_all(broken.data(), 64, s.grid->qmax, ignored.data()));
  };
  for (const char* scheme : {"w4g32", "w3g32", "w2g32"}) expect_blocks(scheme, variant().encode_q4_0);
  for (const char* scheme : {"w4g32a", "w3g32a", "w2g32a"}) expect_blocks(scheme, variant().encode_q4_1);
  for (const char* scheme : {"w8g32", "w7g32", "w6g32", "w5g32"}) expect_blocks(scheme, variant().encode_q8_0);
}

TEST_P(FakeQuantKernels, SymmetricRowsEqualTheGridForEveryLength) {
  const std::vector<float> x = values();
  for (int64_t n = 1; n < 100; ++n)
    for (const Grid& grid : {kGridW8C, kGridA8T}) {
      const std::span<const float> row(x.data() + 32 * (n % 7), static_cast<size_t>(n));
      const GridParams params = find_params(grid, row);
      std::vector<float> y(static_cast<size_t>(n + 1), 7.0f);
      variant().symmetric(row.data(), n, params.inverse, params.scale, y.data());
      for (size_t i = 0; i < row.size(); ++i)
        ASSERT_EQ(std::bit_cast<uint32_t>(y[i]),
                  std::bit_cast<uint32_t>(decode(grid, params, encode(grid, params, row[i]))));
      ASSERT_EQ(y.back(), 7.0f);
      std::vector<int8_t> codes(static_cast<size_t>(n + 1), 99);
      variant().encode_symmetric(row.data(), n, params.inverse, codes.data());
      for (size_t i = 0; i < row.size(); ++i) ASSERT_EQ(codes[i], encode(grid, params, row[i]));
      ASSERT_EQ(codes.back(), 99);
    }
}

TEST_P(FakeQuantKernels, MaskIsWhereTheGridClips) {
  const std::vector<float> x = values();
  for (const char* scheme : {"w4g32", "w3g32", "w2g32"}) {
    const Grid& grid = grid_of(scheme);
    std::vector<float> gradient(x.size(), 3.0f);
    variant().mask_q4_0_(x.data(), std::ssize(x), grid.qmax, gradient.data());
    int64_t clipped = 0;
    for (size_t g = 0; g < x.size(); g += 32) {
      GridParams params;
      try {
        params = find_params(grid, {x.data() + g, 32});
      } catch (const ArgumentError&) {
        continue;
      }
      for (size_t i = g; i < g + 32; ++i) {
        const bool inside = in_range(grid, unclamped_code(grid, params, x[i]));
        clipped += inside ? 0 : 1;
        ASSERT_EQ(gradient[i], inside ? 3.0f : 0.0f) << scheme << " " << x[i];
      }
    }
    EXPECT_GT(clipped, 20) << scheme;
  }
}

INSTANTIATE_TEST_SUITE_P(AllVariants, FakeQuantKernels, testing::ValuesIn(tested_variants()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace slm
