// SPDX-License-Identifier: Apache-2.0
// Tensors of real model files, decoded here, hash as gguf.quants.dequantize decodes them
// (tests/quant/golden/models.txt).
#include <gtest/gtest.h>

#include <bit>
#include <cctype>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "slm/io/gguf.h"
#include "slm/quant/gguf_blocks.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

/// FNV-1a 64 over the 32-bit words.
uint64_t hash_of(std::span<const float> values) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const float value : values) hash = (hash ^ std::bit_cast<uint32_t>(value)) * 0x100000001b3u;
  return hash;
}

struct Expected {
  std::string tensor, type;
  uint64_t values, hash;
};

/// By file.
std::map<std::string, std::vector<Expected>> expected_hashes() {
  std::ifstream file(std::string(SLM_SOURCE_DIR) + "/tests/quant/golden/models.txt");
  std::map<std::string, std::vector<Expected>> result;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::string name;
    Expected row;
    fields >> name >> row.tensor >> row.type >> row.values >> std::hex >> row.hash;
    EXPECT_TRUE(fields) << line;
    result[name].push_back(row);
  }
  return result;
}

class GgufDequantize : public testing::TestWithParam<std::string> {};

TEST_P(GgufDequantize, RealTensorsHashAsTheGgufPackageDecodesThem) {
  const std::string& file = GetParam();
  const std::filesystem::path path = test::real_models() / file;
  SLM_REQUIRE_PATH(path);
  const std::vector<Expected> rows = expected_hashes().at(file);
  ASSERT_FALSE(rows.empty());
  const GgufFile gguf = GgufFile::open(path);
  for (const Expected& row : rows) {
    const StoredTensor* stored = gguf.find_tensor(row.tensor);
    ASSERT_NE(stored, nullptr) << row.tensor;
    const Dtype dtype = stored->tensor.dtype();
    ASSERT_EQ(name(dtype), row.type) << row.tensor;
    std::vector<float> values(row.values);
    decode_blocks(dtype, {stored->tensor.data(), byte_size(dtype, row.values)}, values);
    EXPECT_EQ(hash_of(values), row.hash) << row.tensor << " " << row.type;
    values[values.size() / 2] = std::bit_cast<float>(std::bit_cast<uint32_t>(values[values.size() / 2]) ^ 1u);
    EXPECT_NE(hash_of(values), row.hash);
  }
}

std::vector<std::string> files() {
  std::vector<std::string> names;
  for (const auto& [file, rows] : expected_hashes()) names.push_back(file);
  return names;
}
INSTANTIATE_TEST_SUITE_P(, GgufDequantize, testing::ValuesIn(files()), [](const auto& case_info) {
  std::string label = case_info.param;
  for (char& c : label)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return label;
});

/// Needs no model: the list says which types are compared where the models are.
TEST(GgufDequantizeGolden, HoldsEveryTypeThatTheModelsUse) {
  std::set<std::string> types;
  for (const auto& [file, rows] : expected_hashes())
    for (const Expected& row : rows) types.insert(row.type);
  EXPECT_EQ(types, (std::set<std::string>{"F32", "Q4_1", "Q4_K", "Q5_0", "Q6_K", "Q8_0"}));
}

}  // namespace
}  // namespace slm
