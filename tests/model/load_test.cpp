// SPDX-License-Identifier: Apache-2.0
#include "slm/model/load.h"

#include <gtest/gtest.h>

#include <cmath>

#include "slm/io/safetensors.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_paths.h"
#include "tests/support/temporary_folder.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

/// A tiny model whose tensor `name` holds NaN at the beginning of row 1 (or at element 1 of a vector).
fs::path damaged_model(const fs::path& folder, const std::string& name) {
  const fs::path source = test::tiny_models() / "qwen2_tied";
  fs::copy_file(source / "config.json", folder / "config.json", fs::copy_options::overwrite_existing);
  std::vector<StoredTensor> tensors = read_safetensors(source / "model.safetensors");
  std::vector<SafetensorsEntry> entries;
  for (StoredTensor& t : tensors) {
    t.tensor = t.tensor.clone();
    entries.push_back({t.name, t.tensor.dtype(), t.tensor.shape()});
    if (t.name != name) continue;
    const bool is_matrix = t.tensor.shape().rank() == 2;
    const float nan = NAN;
    std::memcpy(t.tensor.mutable_data() + (is_matrix ? t.tensor.row(0).size() : 4), &nan, 4);
  }
  write_safetensors(folder / "model.safetensors", entries, {}, [&](size_t i, const ByteSink& sink) {
    sink({tensors[i].tensor.data(), tensors[i].tensor.bytes()});
  });
  return folder;
}

TEST(LoadModel, NamesTheTensorThatHoldsWhatIsNoNumber) {
  const TemporaryFolder folder;
  for (const std::string name :
       {"model.layers.0.self_attn.k_proj.weight", "model.layers.1.mlp.up_proj.weight", "model.embed_tokens.weight",
        "model.norm.weight", "model.layers.0.self_attn.v_proj.bias"}) {
    const fs::path path = damaged_model(folder.path(), name);
    for (const WeightScheme scheme : {WeightScheme::F32, WeightScheme::BF16, WeightScheme::W4G32}) {
      try {
        load_model(path, {.plan = {.weights = scheme}});
        ADD_FAILURE() << "loaded " << name;
      } catch (const FormatError& error) {
        const std::string message = error.what();
        EXPECT_TRUE(message.starts_with(path.string())) << message;
        EXPECT_NE(message.find(name), std::string::npos) << message;
      }
    }
  }
}

}  // namespace
}  // namespace slm
