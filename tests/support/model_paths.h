// SPDX-License-Identifier: Apache-2.0
// Where tests find models: tiny ones in the project, real ones in $SLM_MODELS (default ../models), data in ../shared.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace slm::test {

inline std::filesystem::path source_dir() { return SLM_SOURCE_DIR; }
inline std::filesystem::path tiny_models() { return source_dir() / "tests/golden/data/tiny"; }
inline std::filesystem::path real_golden() { return source_dir() / "tests/golden/data/real"; }
inline std::filesystem::path real_models() {
  const char* models = std::getenv("SLM_MODELS");
  return models != nullptr && *models != '\0' ? std::filesystem::path(models) : source_dir() / "../models";
}
inline std::filesystem::path shared_data() { return source_dir() / "../shared/data"; }

}  // namespace slm::test

/// Skips the test, visibly, where a file of the outside is not there: a real model, shared data. Files of the project
/// (golden ones) are SLM_REQUIRE_GOLDEN.
#define SLM_REQUIRE_PATH(path) \
  if (!std::filesystem::exists(path)) GTEST_SKIP() << (path).string() << " is not here"

/// Fails the test where a file that the project itself holds is missing.
#define SLM_REQUIRE_GOLDEN(path) \
  ASSERT_TRUE(std::filesystem::exists(path)) << (path).string() << " is a file of the project, and missing"
