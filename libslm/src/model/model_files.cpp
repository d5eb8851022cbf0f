// SPDX-License-Identifier: Apache-2.0
#include "slm/model/model_files.h"

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "io/path_exists.h"
#include "io/quote_text.h"
#include "slm/core/check.h"
#include "slm/io/safetensors.h"
#include "slm/quant/gguf_blocks.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

/// Tensors that a file may hold although the decoder does not read them.
bool ignorable(std::string_view name, const ModelConfig& config) {
  return name.ends_with(".rotary_emb.inv_freq") || (config.tied_head && name == "lm_head.weight");
}

using TensorsByName = std::map<std::string, StoredTensor, std::less<>>;

/// What a file holds, by Hugging Face names, before it is compared with the config.
struct StoredModel {
  std::string path;
  TensorsByName tensors;
  TensorsByName scales;  ///< of I8 matrices, by the name of the matrix

  void add(std::string name, const StoredTensor& tensor) {
    if (!tensors.emplace(std::move(name), tensor).second)
      throw FormatError(path, fmt::format("[model] tensor {} is there twice", quote_text(tensor.name)));
  }
  void add_gguf(const StoredTensor& tensor, const ModelConfig& config) {
    const bool is_scale = tensor.name.ends_with(kRowScaleSuffix);
    const std::string_view stored = tensor.name;
    const std::string name =
        hf_tensor_name(is_scale ? stored.substr(0, stored.size() - kRowScaleSuffix.size()) : stored);
    if (name.empty())
      throw FormatError(path, fmt::format("[model] tensor {} is none of a {} model", quote_text(tensor.name),
                                          slm::name(config.family)));
    if (is_scale)
      scales.emplace(name, tensor);
    else
      add(name, tensor);
  }
  /// Takes the tensor that the config asks for. Throws FormatError: missing, of another shape, no numbers.
  StoredTensor take(const ExpectedTensor& want) {
    const auto it = tensors.find(want.name);
    if (it == tensors.end())
      throw FormatError(path, fmt::format("[model] tensor {} {} is missing", want.name, want.shape.to_string()));
    const StoredTensor found = it->second;
    tensors.erase(it);
    if (found.tensor.shape() != want.shape)
      throw FormatError(path, fmt::format("[model] tensor {} is {}, the config says {}", want.name,
                                          found.tensor.shape().to_string(), want.shape.to_string()));
    const Dtype dtype = found.tensor.dtype();
    if (dtype == Dtype::I32 || (want.shape.rank() == 1 && (is_block_type(dtype) || dtype == Dtype::I8)))
      throw FormatError(path, fmt::format("[model] tensor {} is {}, expected floats", want.name, slm::name(dtype)));
    return found;
  }
  std::vector<float> take_row_scales(const ExpectedTensor& want) {
    const auto it = scales.find(want.name);
    const int64_t rows = want.shape[0];
    if (it == scales.end() || it->second.tensor.shape() != Shape{rows} || it->second.tensor.dtype() != Dtype::F32)
      throw FormatError(
          path, fmt::format("[model] tensor {} is I8, expected its F32 row scales ({}) beside it", want.name, rows));
    const Tensor& stored = it->second.tensor;
    std::vector<float> values(static_cast<size_t>(rows));
    decode_blocks(Dtype::F32, {stored.data(), stored.bytes()}, values);
    scales.erase(it);
    return values;
  }
  /// Throws FormatError where something is left that the decoder would not read.
  void check_nothing_left(const ModelConfig& config) const {
    for (const auto& [name, tensor] : tensors)
      if (!ignorable(name, config))
        throw FormatError(
            path, fmt::format("[model] tensor {} {} is none of a {} model of this config", quote_text(tensor.name),
                              tensor.tensor.shape().to_string(), slm::name(config.family)));
    if (!scales.empty())
      throw FormatError(
          path, fmt::format("[model] tensor {} has no I8 matrix beside it", quote_text(scales.begin()->second.name)));
  }
};

/// Throws FormatError where codes and row scales may lie otherwise than we write them.
void check_version(const GgufFile& gguf) {
  const uint64_t version = gguf.uint_value(kSlmVersionKey).value_or(kSlmVersion);
  if (version != kSlmVersion)
    throw FormatError(gguf.path(), fmt::format("[model] {} is {}, expected {}", kSlmVersionKey, version, kSlmVersion));
}

/// Whether static inputs are for this tensor: those of the head are found as they come, an embedding has none.
bool is_linear_of_block(std::string_view name, const Shape& shape) {
  return shape.rank() == 2 && name.starts_with("model.layers.");
}

/// Static inputs of a GGUF file. Throws FormatError: arrays of different length, no linear of a block, no grid.
StaticInputs read_inputs(const GgufFile& gguf, const ModelConfig& config) {
  const GgufArray* names = gguf.array_value(kInputTensorsKey, GgufType::String);
  const GgufArray* scales = gguf.array_value(kInputScalesKey, GgufType::F32);
  const GgufArray* zeros = gguf.array_value(kInputZerosKey, GgufType::I32);
  if (names == nullptr && scales == nullptr && zeros == nullptr) return {};
  const auto size = [](const GgufArray* array) { return array == nullptr ? 0 : array->size(); };
  if (size(names) != size(scales) || size(names) != size(zeros))
    throw FormatError(gguf.path(),
                      fmt::format("[model] static inputs: {} tensors, {} scales, {} zero points, expected as many",
                                  size(names), size(scales), size(zeros)));
  const std::vector<ExpectedTensor> expected = expected_tensors(config);
  StaticInputs inputs;
  for (size_t i = 0; i < size(names); ++i) {
    const std::string_view stored = std::get<std::vector<std::string_view>>(names->values)[i];
    const std::string name = hf_tensor_name(stored);
    const bool known = std::ranges::any_of(
        expected, [&](const ExpectedTensor& e) { return e.name == name && is_linear_of_block(name, e.shape); });
    if (!known || inputs.contains(name))
      throw FormatError(gguf.path(), fmt::format("[model] static inputs of {}, which is {}", quote_text(stored),
                                                 known ? "there twice" : "no linear of a block"));
    const int64_t zero = std::get<std::vector<int64_t>>(zeros->values)[i];
    const double scale = std::get<std::vector<double>>(scales->values)[i];
    if (!(scale >= 0) || !std::isfinite(scale) || zero < kGridA8S.qmin || zero > kGridA8S.qmax)
      throw FormatError(
          gguf.path(),
          fmt::format("[model] static inputs of {} have scale {} and zero point {}, expected a scale of 0 or "
                      "more and a zero point from {} to {}",
                      name, scale, zero, kGridA8S.qmin, kGridA8S.qmax));
    inputs.emplace(name, given_params(kGridA8S, static_cast<float>(scale), 0.0f, static_cast<int32_t>(zero)));
  }
  return inputs;
}

}  // namespace

ModelFiles ModelFiles::open(const fs::path& path) {
  ModelFiles files;
  files.path_ = path.string();
  StoredModel stored{.path = files.path_, .tensors = {}, .scales = {}};
  if (!path_exists(path)) throw IoError(fmt::format("{}: cannot open the model", files.path_), ENOENT);
  if (is_folder(path)) {
    if (!path_exists(path / "config.json"))
      throw IoError(fmt::format("{}: no config.json in the folder", files.path_), ENOENT);
    files.config_ = read_hf_config(path / "config.json");
    for (const StoredTensor& tensor : read_safetensors_folder(path)) stored.add(tensor.name, tensor);
  } else {
    files.gguf_ = GgufFile::open(path);
    check_version(*files.gguf_);
    files.config_ = read_gguf_config(*files.gguf_);
    for (const StoredTensor& tensor : files.gguf_->tensors()) stored.add_gguf(tensor, files.config_);
  }

  const std::vector<ExpectedTensor> expected = expected_tensors(files.config_);
  files.row_scales_.reserve(expected.size());  // tensors refer to them: they must not move
  for (const ExpectedTensor& want : expected) {
    ModelTensor tensor{want.name, stored.take(want), {}};
    tensor.source.name = want.name;
    tensor.source.tensor = tensor.stored.tensor;
    if (files.gguf_) tensor.source.paired_head_dim = gguf_paired_head_dim(files.config_, want.name);
    if (tensor.stored.tensor.dtype() == Dtype::I8)
      tensor.source.row_scales = files.row_scales_.emplace_back(stored.take_row_scales(want));
    files.index_[want.name] = files.tensors_.size();
    files.tensors_.push_back(std::move(tensor));
  }
  stored.check_nothing_left(files.config_);
  if (files.gguf_) files.inputs_ = read_inputs(*files.gguf_, files.config_);
  return files;
}

const ModelTensor& ModelFiles::tensor(std::string_view hf_name) const {
  const auto it = index_.find(hf_name);
  SLM_CHECK(it != index_.end(), "[model] {} has no tensor {}", path_, hf_name);
  return tensors_[it->second];
}

std::vector<float> ModelFiles::vector(std::string_view hf_name) const {
  const ModelTensor& t = tensor(hf_name);
  std::vector<float> stored(static_cast<size_t>(t.stored.tensor.shape().elements()));
  decode_blocks(t.stored.tensor.dtype(), {t.stored.tensor.data(), t.stored.tensor.bytes()}, stored);
  const auto bad = std::find_if(stored.begin(), stored.end(), [](float x) { return !std::isfinite(x); });
  if (bad != stored.end())
    throw FormatError(path_,
                      fmt::format("{}: value {} is {}, expected a finite one", t.name, bad - stored.begin(), *bad));
  if (t.source.paired_head_dim == 0) return stored;
  std::vector<float> ordered(stored.size());
  for (size_t r = 0; r < stored.size(); ++r)
    ordered[r] = stored[static_cast<size_t>(t.source.stored_row(static_cast<int64_t>(r)))];
  return ordered;
}

const GridParams* ModelFiles::input(std::string_view hf_name) const {
  const auto it = inputs_.find(hf_name);
  return it == inputs_.end() ? nullptr : &it->second;
}

uint64_t ModelFiles::stored_bytes() const {
  uint64_t total = 0;
  for (const ModelTensor& tensor : tensors_) total += tensor.stored.tensor.bytes();
  return total;
}

ModelFiles ModelFiles::in_memory(const ModelConfig& config,
                                 const std::function<std::span<const float>(const std::string& name)>& values) {
  ModelFiles files;
  files.config_ = config;
  for (const ExpectedTensor& expected : expected_tensors(config)) {
    const std::span<const float> found = values(expected.name);
    SLM_CHECK(std::ssize(found) == expected.shape.elements(), "[model] {} values for {} {}", found.size(),
              expected.name, expected.shape.to_string());
    ModelTensor tensor{
        .name = expected.name,
        .stored = {.name = expected.name,
                   .tensor = Tensor::view(nullptr, std::as_bytes(found).data(), Dtype::F32, expected.shape),
                   .file = nullptr},
        .source = {}};
    tensor.source.name = expected.name;
    tensor.source.tensor = tensor.stored.tensor;
    files.index_[expected.name] = files.tensors_.size();
    files.tensors_.push_back(std::move(tensor));
  }
  return files;
}

ModelFiles ModelFiles::with_values(const std::function<std::span<const float>(const std::string& name)>& values,
                                   StaticInputs inputs) const {
  for (const auto& [name, params] : inputs)
    SLM_CHECK(is_linear_of_block(name, tensor(name).stored.tensor.shape()),
              "[model] static inputs of {}, which is no linear of a block", name);
  ModelFiles files = in_memory(config_, values);
  files.path_ = path_;
  files.gguf_ = gguf_;
  files.inputs_ = std::move(inputs);
  return files;
}

}  // namespace slm
