// SPDX-License-Identifier: Apache-2.0
#include "cli/weights_hash.h"

#include <filesystem>
#include <map>
#include <memory>

#include "cli/terminal.h"
#include "slm/io/sha256.h"

namespace slm {
namespace {

using Files = std::map<std::string, std::shared_ptr<const MappedFile>>;

Files weight_files(const ModelFiles& model) {
  Files files;
  for (const ModelTensor& tensor : model.tensors()) files.emplace(tensor.stored.file->path(), tensor.stored.file);
  return files;
}

std::string sha256(const Files& files) {
  Sha256 hash;
  for (const auto& [path, file] : files) hash.update(*file, [](const ProgressEvent&) { EndOnSignal::check(); });
  return hash.hex();
}

}  // namespace

std::string weights_sha256(const ModelFiles& model) { return sha256(weight_files(model)); }

std::string model_sha256(const ModelFiles& model) {
  Files files = weight_files(model);
  if (!model.gguf()) {  // a GGUF file holds its config
    const std::string config = (std::filesystem::path(model.path()) / "config.json").string();
    files.emplace(config, MappedFile::open(config));
  }
  return sha256(files);
}

}  // namespace slm
