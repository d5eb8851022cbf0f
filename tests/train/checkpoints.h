// SPDX-License-Identifier: Apache-2.0
// Checkpoints of tiny runs in a folder of their own, for tests of what is kept and of what is refused.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "slm/io/sha256.h"
#include "slm/train/checkpoint.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/tiny_run.h"

namespace slm {

namespace fs = std::filesystem;

class Checkpoints : public testing::Test {
 protected:
  CheckpointOptions options(int64_t keep = 2) {
    return {.folder = folder_.path() / "checkpoints", .keep = keep, .identity = {{"seed", "11"}, {"scheme", "w4g32"}}};
  }
  static RunOptions tiny() {
    return {.scheme = WeightScheme::W4G32, .kd_weight = 0.5, .accumulate = 2, .teacher = "qwen2_untied"};
  }
  /// A value that tells this checkpoint's weights from another's.
  static void mark(TinyRun& run, float value) { run.model.values()[0] = value; }
  static float mark_of(TinyRun& run) { return run.model.values()[0]; }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(options().folder)) found.push_back(entry.path().filename());
    std::ranges::sort(found);
    return found;
  }
  /// Another one that was written so: what it holds is wrong, not damaged.
  static void seal(const fs::path& step) {
    std::string sums;
    for (const char* name : {"weights.safetensors", "moments.safetensors", "state.json"}) {
      Sha256 hash;
      hash.update(*MappedFile::open(step / name));
      sums += hash.hex() + "  " + name + "\n";
    }
    std::ofstream(step / "sha256sums") << sums;
  }
  TemporaryFolder folder_;
};

}  // namespace slm
