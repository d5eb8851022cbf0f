// SPDX-License-Identifier: Apache-2.0
#include "slm/model/initialize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace slm {
namespace {

const ModelConfig kConfig{.family = Family::Qwen2,
                          .vocab = 300,
                          .width = 32,
                          .layers = 2,
                          .heads = 2,
                          .kv_heads = 1,
                          .head_dim = 16,
                          .ffn = 48,
                          .context = 64,
                          .rope_theta = 10000.0,
                          .norm_eps = 1e-6f,
                          .qkv_bias = true,
                          .tied_head = true};

TEST(InitialValues, TellHowFarTheyAreWithEachRow) {
  uint64_t last = 0, longest = 0, total = 0;
  const auto values = initial_values(kConfig, 1, [&](const ProgressEvent& event) {
    EXPECT_GE(event.done, last);
    longest = std::max(longest, event.done - last);
    last = event.done;
    total = event.total;
  });
  uint64_t count = 0;
  for (const auto& [name, v] : values) count += v.size();
  EXPECT_EQ(total, count);
  EXPECT_LE(longest, 256u) << "a row, and the biases and norms between two matrices";
  EXPECT_EQ(initial_values(kConfig, 1), values) << "whether or not it is told";
}

TEST(InitialValues, EndWhereProgressThrows) {
  int told = 0;
  const auto stop = [&](const ProgressEvent&) {
    if (++told == 3) throw std::runtime_error("enough");
  };
  EXPECT_THROW(initial_values(kConfig, 1, stop), std::runtime_error);
  EXPECT_EQ(told, 3);
}

}  // namespace
}  // namespace slm
