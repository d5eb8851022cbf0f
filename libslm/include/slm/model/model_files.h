// SPDX-License-Identifier: Apache-2.0
// ModelFiles: an opened model, a Hugging Face folder or a GGUF file: its config and its tensors by their Hugging Face
// names, checked against each other. Nothing is read but headers. In: a path.
// Out: config, MatrixSource and vectors. Next: load.h, export/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slm/io/gguf.h"
#include "slm/io/tensor_file.h"
#include "slm/model/config.h"
#include "slm/quant/pack.h"

namespace slm {

struct ModelTensor {
  std::string name;  ///< Hugging Face name
  StoredTensor stored;
  MatrixSource source;  ///< for matrices: how to read rows in the model's order
};

/// Static grids (kGridA8S) of the inputs of linears, by the Hugging Face name of the weight.
using StaticInputs = std::map<std::string, GridParams, std::less<>>;

class ModelFiles {
 public:
  /// Throws IoError (no such file; a folder without config.json or weights), FormatError (missing, unknown, duplicate
  /// tensors, wrong shapes, config against weights, another version of our own keys).
  static ModelFiles open(const std::filesystem::path& path);
  ModelFiles(ModelFiles&&) = default;  // not copied: tensors refer to the row scales held here
  ModelFiles& operator=(ModelFiles&&) = default;

  const ModelConfig& config() const { return config_; }
  const std::string& path() const { return path_; }
  const std::optional<GgufFile>& gguf() const { return gguf_; }  ///< empty for a folder
  /// In the order of expected_tensors(config()).
  const std::vector<ModelTensor>& tensors() const { return tensors_; }
  /// Throws ArgumentError if the model has none of that name.
  const ModelTensor& tensor(std::string_view hf_name) const;
  /// A norm weight or bias as floats. Throws as tensor(), FormatError where a value is not finite.
  std::vector<float> vector(std::string_view hf_name) const;
  /// The static grid of the inputs of a linear (a8s), by the name of its weight; null: they are quantized as they come.
  const GridParams* input(std::string_view hf_name) const;
  const StaticInputs& inputs() const { return inputs_; }
  uint64_t stored_bytes() const;

  /// A model that is in no file: every tensor of the config as float32 in memory, values(name), which must outlive the
  /// result. path() is empty: exporters then make config and tokenizer files themselves. Throws ArgumentError where the
  /// number of values is another.
  static ModelFiles in_memory(const ModelConfig& config,
                              const std::function<std::span<const float>(const std::string& name)>& values);
  /// The same model with other values, in memory as float32 in the model's order: what was trained, to be packed and
  /// exported like any model. `values(name)` has a tensor's elements, which must outlive the result. Throws
  /// ArgumentError where their number is another, or an input belongs to no linear of a block.
  ModelFiles with_values(const std::function<std::span<const float>(const std::string& name)>& values,
                         StaticInputs inputs = {}) const;

 private:
  ModelFiles() = default;
  std::string path_;
  ModelConfig config_;
  std::optional<GgufFile> gguf_;
  std::vector<ModelTensor> tensors_;
  std::vector<std::vector<float>> row_scales_;  // of I8 matrices
  std::map<std::string, size_t, std::less<>> index_;
  StaticInputs inputs_;
};

/// Suffix of the F32 tensor that holds the row scales of an I8 tensor in our own GGUF files
/// ("blk.0.attn_q.weight" + this).
inline constexpr std::string_view kRowScaleSuffix = ".slm_row_scale";

/// Key and value in our own GGUF files: the version of the layout of codes with row scales. Another is refused.
inline constexpr std::string_view kSlmVersionKey = "slm.version";
inline constexpr uint32_t kSlmVersion = 1;

/// Keys of static inputs in our own GGUF files: names of weights, and for each the scale and the zero point of its
/// inputs.
inline constexpr std::string_view kInputTensorsKey = "slm.a8s.tensors";
inline constexpr std::string_view kInputScalesKey = "slm.a8s.scales";
inline constexpr std::string_view kInputZerosKey = "slm.a8s.zeros";

}  // namespace slm
