// SPDX-License-Identifier: Apache-2.0
// The SHA-256 of a file, by coreutils.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace slm::test {

inline std::string sha256sum(const std::string& file) {
  FILE* pipe = popen(("sha256sum '" + file + "'").c_str(), "r");
  char hex[65] = {};
  const size_t got = pipe == nullptr ? 0 : fread(hex, 1, 64, pipe);
  if (pipe != nullptr) pclose(pipe);
  EXPECT_EQ(got, 64u) << "coreutils' sha256sum";
  return hex;
}

}  // namespace slm::test
