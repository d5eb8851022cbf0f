// SPDX-License-Identifier: Apache-2.0
#include "slm/model/model_files.h"

#include <cerrno>

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

}  // namespace

ModelFiles ModelFiles::open(const fs::path& path) {
  ModelFiles files;
  files.path_ = path.string();
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw IoError(fmt::format("{}: cannot open the model", files.path_), ENOENT);

  std::map<std::string, StoredTensor, std::less<>> stored;
  const auto add = [&](std::string name, const StoredTensor& tensor) {
    if (!stored.emplace(std::move(name), tensor).second)
      throw FormatError(files.path_, fmt::format("[model] tensor {} is there twice", quote_text(tensor.name)));
  };
  std::map<std::string, StoredTensor, std::less<>> scales;  // of I8 matrices, by Hugging Face name of the matrix
  if (fs::is_directory(status)) {
    if (!fs::exists(path / "config.json", error))
      throw IoError(fmt::format("{}: no config.json in the folder", files.path_), ENOENT);
    files.config_ = read_hf_config(path / "config.json");
    for (StoredTensor& tensor : read_safetensors_folder(path)) add(tensor.name, tensor);
  } else {
    files.gguf_ = GgufFile::open(path);
    files.config_ = read_gguf_config(*files.gguf_);
    for (const StoredTensor& tensor : files.gguf_->tensors()) {
      const bool is_scale = tensor.name.ends_with(kRowScaleSuffix);
      const std::string name =
          hf_tensor_name(is_scale ? std::string_view(tensor.name).substr(0, tensor.name.size() - kRowScaleSuffix.size())
                                  : tensor.name);
      if (name.empty())
        throw FormatError(files.path_, fmt::format("[model] tensor {} is none of a {} model", quote_text(tensor.name),
                                                   slm::name(files.config_.family)));
      if (is_scale)
        scales.emplace(name, tensor);
      else
        add(name, tensor);
    }
  }

  const std::vector<ExpectedTensor> expected = expected_tensors(files.config_);
  files.row_scales_.reserve(expected.size());
  for (const ExpectedTensor& want : expected) {
    const auto it = stored.find(want.name);
    if (it == stored.end())
      throw FormatError(files.path_, fmt::format("[model] tensor {} {} is missing", want.name, want.shape.to_string()));
    ModelTensor tensor{want.name, it->second, {}};
    const Shape& shape = tensor.stored.tensor.shape();
    if (shape != want.shape)
      throw FormatError(files.path_, fmt::format("[model] tensor {} is {}, the config says {}", want.name,
                                                 shape.to_string(), want.shape.to_string()));
    tensor.source.tensor = tensor.stored.tensor;
    if (files.gguf_) tensor.source.paired_head_dim = gguf_paired_head_dim(files.config_, want.name);
    const Dtype dtype = tensor.stored.tensor.dtype();
    if (dtype == Dtype::I32 || (want.shape.rank() == 1 && (is_block_type(dtype) || dtype == Dtype::I8)))
      throw FormatError(files.path_,
                        fmt::format("[model] tensor {} is {}, expected floats", want.name, slm::name(dtype)));
    if (dtype == Dtype::I8) {
      const auto scale = scales.find(want.name);
      if (scale == scales.end() || scale->second.tensor.shape() != Shape{shape[0]} ||
          scale->second.tensor.dtype() != Dtype::F32)
        throw FormatError(
            files.path_,
            fmt::format("[model] tensor {} is I8, expected its F32 row scales ({}) beside it", want.name, shape[0]));
      std::vector<float>& values = files.row_scales_.emplace_back(static_cast<size_t>(shape[0]));
      decode_blocks(Dtype::F32, {scale->second.tensor.data(), scale->second.tensor.bytes()}, values);
      tensor.source.row_scales = values;
      scales.erase(scale);
    }
    stored.erase(it);
    files.index_[want.name] = files.tensors_.size();
    files.tensors_.push_back(std::move(tensor));
  }
  for (const auto& [name, tensor] : stored)
    if (!ignorable(name, files.config_))
      throw FormatError(
          files.path_, fmt::format("[model] tensor {} {} is none of a {} model of this config", quote_text(tensor.name),
                                   tensor.tensor.shape().to_string(), slm::name(files.config_.family)));
  if (!scales.empty())
    throw FormatError(files.path_, fmt::format("[model] tensor {} has no I8 matrix beside it",
                                               quote_text(scales.begin()->second.name)));
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
  if (t.source.paired_head_dim == 0) return stored;
  std::vector<float> ordered(stored.size());
  for (size_t r = 0; r < stored.size(); ++r)
    ordered[r] = stored[static_cast<size_t>(t.source.stored_row(static_cast<int64_t>(r)))];
  return ordered;
}

uint64_t ModelFiles::stored_bytes() const {
  uint64_t total = 0;
  for (const ModelTensor& tensor : tensors_) total += tensor.stored.tensor.bytes();
  return total;
}

}  // namespace slm
