// SPDX-License-Identifier: Apache-2.0
// Config and weights are checked against each other before anything is packed: each mistake is named.
#include "slm/model/model_files.h"

#include <gtest/gtest.h>

#include <fstream>

#include "slm/io/atomic_file.h"
#include "slm/io/json.h"
#include "slm/io/safetensors.h"
#include "slm/model/load.h"
#include "slm/model/scheme_plan.h"
#include "tests/support/model_paths.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

class ModelFolder : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    for (const char* name : {"config.json", "model.safetensors"})
      fs::copy_file(test::tiny_models() / "qwen2_tied" / name, folder_ / name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void edit_config(const std::function<void(Json&)>& edit) {
    Json config = parse_json_file(folder_ / "config.json");
    edit(config);
    write_file(folder_ / "config.json", config.dump());
  }
  /// Writes the tensors again after `edit`; a tensor renamed to "" is left out.
  void edit_tensors(const std::function<void(StoredTensor&)>& edit) {
    std::vector<StoredTensor> tensors = read_safetensors(folder_ / "model.safetensors");
    for (StoredTensor& t : tensors) t.tensor = t.tensor.clone(), edit(t);
    std::erase_if(tensors, [](const StoredTensor& t) { return t.name.empty(); });
    std::vector<SafetensorsEntry> entries;
    for (const StoredTensor& t : tensors) entries.push_back({t.name, t.tensor.dtype(), t.tensor.shape()});
    write_safetensors(folder_ / "model.safetensors", entries, {}, [&](size_t i, const ByteSink& sink) {
      sink({tensors[i].tensor.data(), tensors[i].tensor.bytes()});
    });
  }
  void expect_error(const std::string& part) {
    try {
      ModelFiles::open(folder_);
      ADD_FAILURE() << "opened; expected an error with: " << part;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }

  fs::path folder_ = fs::temp_directory_path() / ("slm_model_files_" + std::to_string(getpid()));
};

TEST_F(ModelFolder, OpensAsItIs) {
  const ModelFiles files = ModelFiles::open(folder_);
  EXPECT_EQ(files.config().family, Family::Qwen2);
  EXPECT_TRUE(files.config().tied_head);
  EXPECT_EQ(files.tensors().size(), expected_tensors(files.config()).size());
  EXPECT_THROW(files.tensor("lm_head.weight"), ArgumentError);
}

TEST_F(ModelFolder, NamesWhatIsNotThere) {
  fs::remove(folder_ / "model.safetensors");
  expect_error("model.safetensors");
  fs::remove(folder_ / "config.json");
  expect_error("no config.json");
  fs::create_symlink("config.json", folder_ / "config.json");
  EXPECT_THROW(ModelFiles::open(folder_), IoError) << "links in a circle";
  fs::remove_all(folder_);
  expect_error("cannot open the model");
}

TEST_F(ModelFolder, NamesAMissingTensor) {
  edit_tensors([](StoredTensor& t) {
    if (t.name == "model.layers.1.mlp.up_proj.weight") t.name.clear();
  });
  expect_error("tensor model.layers.1.mlp.up_proj.weight (64,64) is missing");
}

TEST_F(ModelFolder, NamesATensorTooMany) {
  edit_tensors([](StoredTensor& t) {
    if (t.name == "model.norm.weight") t.name = "model.layers.2.self_attn.q_norm.weight";
  });
  expect_error("model.norm.weight");
  edit_config([](Json& c) { c["num_hidden_layers"] = 2; });
  expect_error("model.norm.weight");
}

TEST_F(ModelFolder, NamesALayerTooMany) {
  edit_config([](Json& c) { c["num_hidden_layers"] = 2; });
  expect_error("is none of a qwen2 model of this config");
}

TEST_F(ModelFolder, NamesAWrongShape) {
  edit_config([](Json& c) { c["intermediate_size"] = 96; });
  expect_error("(64,64), the config says (96,64)");
}

TEST_F(ModelFolder, NamesWhatTheConfigAsksInVain) {
  const auto with = [&](const char* key, Json value, const std::string& part) {
    SetUp();
    edit_config([&](Json& c) { c[key] = std::move(value); });
    expect_error(part);
  };
  with("model_type", "mamba", "\"mamba\", expected one of: qwen2, llama");
  with("hidden_act", "gelu", "hidden_act is \"gelu\", expected \"silu\"");
  with("rope_scaling", {{"rope_type", "yarn"}}, "rope type is \"yarn\"");
  with("rope_parameters", {{"rope_type", "llama3"}, {"rope_theta", 1e4}}, "rope type is \"llama3\"");
  with("use_sliding_window", true, "use_sliding_window");
  with("num_attention_heads", 0, "is 0, expected 1 to");
  with("num_key_value_heads", 3, "no multiple of 3");
  with("hidden_size", "wide", "hidden_size");
  with("vocab_size", int64_t{1000000000000}, "vocabulary size");
  with("rms_norm_eps", -1, "norm epsilon");
  with("head_dim", 12, "head size is 12, expected a multiple of 8");
}

TEST_F(ModelFolder, ReadsRopeThetaFromBothPlaces) {
  EXPECT_EQ(ModelFiles::open(folder_).config().rope_theta, 1e6);
  edit_config([](Json& c) { c.erase("rope_parameters"), c["rope_theta"] = 5e5; });
  EXPECT_EQ(ModelFiles::open(folder_).config().rope_theta, 5e5);
}

TEST(TensorNames, TranslateBothWays) {
  for (const ExpectedTensor& tensor : expected_tensors({.vocab = 9,
                                      .width = 8,
                                      .layers = 12,
                                      .heads = 1,
                                      .kv_heads = 1,
                                      .head_dim = 8,
                                      .ffn = 4,
                                      .qkv_bias = true,
                                      .output_bias = true})) {
    const std::string gguf = gguf_tensor_name(tensor.name);
    EXPECT_NE(gguf, "") << tensor.name;
    EXPECT_EQ(hf_tensor_name(gguf), tensor.name);
  }
  EXPECT_EQ(gguf_tensor_name("model.layers.11.self_attn.o_proj.weight"), "blk.11.attn_output.weight");
  EXPECT_EQ(hf_tensor_name("blk.x.attn_q.weight"), "");
  EXPECT_EQ(hf_tensor_name("blk.1.ssm_in.weight"), "");
}

TEST(SchemePlan, KeepsPatternsInFloatAndTheTiedPairTogether) {
  const SchemePlan plan{.weights = WeightScheme::W4G32, .keep_fp = {"lm_head.*", "model.layers.0.*"}};
  EXPECT_EQ(plan.scheme_of("model.layers.0.mlp.up_proj.weight", Dtype::F32, true), WeightScheme::BF16);
  EXPECT_EQ(plan.scheme_of("model.layers.10.mlp.up_proj.weight", Dtype::F32, true), WeightScheme::W4G32);
  EXPECT_EQ(plan.scheme_of("model.embed_tokens.weight", Dtype::F32, true), WeightScheme::BF16);
  EXPECT_EQ(plan.scheme_of("model.embed_tokens.weight", Dtype::F32, false), WeightScheme::W4G32);
  EXPECT_EQ(plan.scheme_of("lm_head.weight", Dtype::F32, false), WeightScheme::BF16);
}

TEST(SchemePlan, AsStoredRunsWhatKernelsKnow) {
  const SchemePlan plan;
  EXPECT_EQ(plan.scheme_of("x", Dtype::Q4_0, false), WeightScheme::W4G32);
  EXPECT_EQ(plan.scheme_of("x", Dtype::F16, false), WeightScheme::F16);
  EXPECT_EQ(plan.scheme_of("x", Dtype::Q6_K, false), WeightScheme::W8G32);
  EXPECT_EQ(plan.scheme_of("x", Dtype::I8, false), WeightScheme::W8C);
}

TEST_F(ModelFolder, RefusesAPatternThatMatchesNothing) {
  EXPECT_THROW(load_model(folder_, {.plan = {.weights = WeightScheme::W8G32, .keep_fp = {"model.layers.7.*"}}}),
               ArgumentError);
  const Model model = load_model(folder_, {.plan = {.weights = WeightScheme::W8G32, .keep_fp = {"*.k_proj.weight"}}});
  EXPECT_EQ(model.weights.blocks[0].qkv.matrices.size(), 3u);  // q | k in BF16 | v
  EXPECT_EQ(model.weights.blocks[0].gate_up.matrices.size(), 1u);
}

}  // namespace
}  // namespace slm
