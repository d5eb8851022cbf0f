// SPDX-License-Identifier: Apache-2.0
#include "cli/weights_hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>

#include "cli/terminal.h"
#include "slm/core/error.h"

namespace slm {
namespace {

using Files = std::map<std::string, std::shared_ptr<const MappedFile>>;

Files weight_files(const ModelFiles& model) {
  Files files;
  for (const ModelTensor& tensor : model.tensors()) files.emplace(tensor.stored.file->path(), tensor.stored.file);
  return files;
}

std::string sha256(const Files& files) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  bool good = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  constexpr size_t kStep = size_t{1} << 24;  // pages go back step by step: hashing adds nothing to the peak
  for (const auto& [path, file] : files)
    for (std::span<const std::byte> rest = file->bytes(); good && !rest.empty();) {
      const std::span<const std::byte> step = rest.first(std::min(kStep, rest.size()));
      EndOnSignal::check();
      good = EVP_DigestUpdate(context.get(), step.data(), step.size()) == 1;
      file->release(step.data(), step.size());
      rest = rest.subspan(step.size());
    }
  std::array<unsigned char, 32> digest{};
  good = good && EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  if (!good) throw Error("[sha256] libcrypto refuses to hash");
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
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
