// SPDX-License-Identifier: Apache-2.0
#include "slm/model/load.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "slm/io/safetensors.h"
#include "slm/model/trainable_model.h"
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

TEST(LoadModel, FindsTheEnvironmentAtFaultNotATensor) {
  const char* const before = std::getenv("SLM_ISA");
  const std::string kept = before != nullptr ? before : "";
  setenv("SLM_ISA", "bogus", 1);
  std::string says;
  try {
    load_model(test::tiny_models() / "qwen2_tied");
  } catch (const ArgumentError& error) {
    says = error.what();
  }
  setenv("SLM_ISA", kept.c_str(), 1);  // empty is as none
  EXPECT_TRUE(says.starts_with("[isa] SLM_ISA=bogus is unknown")) << says;
  EXPECT_EQ(says.find("tensor"), std::string::npos) << says;
}

class LoadStaticInputs : public testing::Test {
 protected:
  ModelFiles with(float scale) const {
    return files_.with_values([this](const std::string& name) { return values_.parameter(name).value; },
                              {{name_, given_params(kGridA8S, scale, 0.0f, 100)}});
  }
  const fs::path path_ = test::tiny_models() / "qwen2_tied";
  const std::string name_ = "model.layers.1.self_attn.k_proj.weight";
  const ModelFiles files_ = ModelFiles::open(path_);
  const TrainableModel values_{files_};
};

TEST_F(LoadStaticInputs, NameTheFileWhereTheirZeroPointMakesABiasThatIsNoFloat) {
  const LoadOptions options = {.plan = {.weights = WeightScheme::W8C}};
  EXPECT_NO_THROW(load_model(with(0.1f), options));
  expect_error<FormatError>([&] { load_model(with(3e38f), options); },
                            {path_.string(), name_, "scale 3e+38", "zero point 100"});
}

TEST_F(LoadStaticInputs, AreCountedWhereTheyAreNotUsed) {
  const ModelFiles files = with(0.1f);
  EXPECT_EQ(load_model(files, {.plan = {.weights = WeightScheme::W8C}}).unused_inputs, 0);
  EXPECT_EQ(load_model(files, {.plan = {.weights = WeightScheme::BF16}}).unused_inputs, 1);
  const LoadOptions fake = {.plan = {.weights = WeightScheme::W8C}, .fake_activations = ActivationScheme::A8T};
  EXPECT_EQ(load_model(files, fake).unused_inputs, 1);
  EXPECT_EQ(load_model(files_, {.plan = {.weights = WeightScheme::BF16}}).unused_inputs, 0);
}

}  // namespace
}  // namespace slm
