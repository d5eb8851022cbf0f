// SPDX-License-Identifier: Apache-2.0
#include "slm/io/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "slm/core/error.h"

namespace slm {
namespace {

constexpr size_t kStep = size_t{1} << 24;

void must(bool good) {
  if (!good) throw Error("[sha256] libcrypto refuses to hash");
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  must(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::update(std::span<const std::byte> bytes) {
  must(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

void Sha256::update(const MappedFile& file, const Progress& progress) {
  const uint64_t total = file.bytes().size();
  for (std::span<const std::byte> rest = file.bytes(); !rest.empty();) {
    report(progress, {file.path(), total - rest.size(), total});
    const std::span<const std::byte> step = rest.first(std::min(kStep, rest.size()));
    update(step);
    file.release(step.data(), step.size());
    rest = rest.subspan(step.size());
  }
}

std::string Sha256::hex() const {
  const std::unique_ptr<evp_md_ctx_st, Free> copy(EVP_MD_CTX_new());  // finishing ends a context
  std::array<unsigned char, 32> digest{};
  must(copy && EVP_MD_CTX_copy_ex(copy.get(), context_.get()) == 1 &&
       EVP_DigestFinal_ex(copy.get(), digest.data(), nullptr) == 1);
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

}  // namespace slm
