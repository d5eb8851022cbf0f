// SPDX-License-Identifier: Apache-2.0
// Sha256: the SHA-256 (FIPS 180-4) of bytes as they come, as `sha256sum` prints it; by libcrypto.
// In: bytes.  Out: 64 digits in hex.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "slm/core/progress.h"
#include "slm/io/mapped_file.h"

struct evp_md_ctx_st;

namespace slm {

class Sha256 {
 public:
  Sha256();
  /// Cost: 1.5 GB/s or so where the processor has SHA instructions, a third of that elsewhere. Throws Error where
  /// libcrypto refuses to hash.
  void update(std::span<const std::byte> bytes);
  /// All of a file, whose pages are given back 16 MB at a time: they never fill the memory. `progress` in bytes.
  void update(const MappedFile& file, const Progress& progress = {});
  /// Of all bytes so far, which may go on.
  std::string hex() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace slm
