// SPDX-License-Identifier: Apache-2.0
// Training runs of a tiny model for tests of qat_kd_train: their command lines, and what they leave on disk.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "slm/ops/float_linear.h"
#include "tests/export/tiny_models.h"
#include "tests/programs/run_program.h"

namespace slm::test {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

inline std::string story() {
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += fmt::format("On day {} the river stood at {} cm and the bridge was {}.\n", i, 100 + 7 * i % 90,
                        i % 3 == 0 ? "closed" : "open");
  return text;
}

inline bool computes_bf16() { return can_compute(FloatCompute::Bf16); }

inline Words set(Words all, const std::string& option, const std::string& value) {
  all.at(static_cast<size_t>(std::ranges::find(all, option) - all.begin()) + 1) = value;
  return all;
}

class Train : public testing::Test {
 protected:
  std::string out(const std::string& name) const { return (folder_.path() / name).string(); }
  Words words(const std::string& mode, const std::string& name, const Words& rest = {}) const {
    Words all = {"--mode", mode,      "--student", tiny("qwen2_tied"), "--train", text_,  "--out", out(name), "--seq",
                 "32",     "--batch", "2",         "--threads",        "1",       "--lr", "1e-3"};
    if (mode == "kd" || mode == "qat_kd") all.insert(all.end(), {"--teacher", tiny("qwen2_untied")});
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }
  /// What lies in the folder of checkpoints, unfinished ones too.
  Words checkpoints(const std::string& name) const {
    Words names;
    std::error_code error;  // there are none before the first
    for (const auto& entry : fs::directory_iterator(folder_.path() / name / "checkpoints", error))
      names.push_back(entry.path().filename());
    return names;
  }
  Words whole_checkpoints(const std::string& name) const {
    Words names = checkpoints(name);
    std::erase_if(names, [](const std::string& entry) { return entry.ends_with(".unfinished"); });
    return names;
  }
  /// Lines of metrics.jsonl without what a clock says.
  std::vector<nlohmann::json> metrics(const std::string& name) const {
    std::vector<nlohmann::json> lines;
    std::istringstream all(content_of(folder_.path() / name / "metrics.jsonl"));
    for (std::string line; std::getline(all, line);) {
      nlohmann::json json = nlohmann::json::parse(line);
      json.erase("seconds");
      json.erase("teacher_seconds");
      lines.push_back(json);
    }
    return lines;
  }
  std::string shipped(const std::string& name) const {
    return content_of(folder_.path() / name / "model.gguf") +
           content_of(folder_.path() / name / "f32/model.safetensors");
  }
  /// Name and weights of the best checkpoint.
  std::string best(const std::string& name) const {
    std::string all;
    for (const auto& entry : fs::directory_iterator(folder_.path() / name / "best"))
      all += entry.path().filename().string() + content_of(entry.path() / "weights.safetensors");
    return all;
  }
  TemporaryFolder folder_;
  const std::string text_ = folder_.file("story.txt", story());
};

}  // namespace slm::test
