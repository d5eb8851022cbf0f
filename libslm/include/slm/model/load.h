// SPDX-License-Identifier: Apache-2.0
// load_model: files → a model ready to run: every matrix packed for this processor under its scheme.
// In: ModelFiles.  Out: Model.  Next: runtime/session.h.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "slm/core/progress.h"
#include "slm/model/model_files.h"
#include "slm/model/scheme_plan.h"
#include "slm/model/weights.h"

namespace slm {

struct LoadOptions {
  SchemePlan plan;  ///< default: as stored
  /// Measure a scheme apart from its kernels: weights hold the scheme's values in f32,
  /// linears' inputs are quantized and dequantized so.
  std::optional<ActivationScheme> fake_activations;
  Progress progress;
};

struct LoadedMatrix {
  std::string name;
  Dtype stored;
  WeightScheme scheme;
};

struct Model {
  ModelConfig config;
  RuntimeWeights weights;
  std::optional<ActivationScheme> fake_activations;
  std::string path;
  std::vector<LoadedMatrix> matrices;  ///< what each was stored as and runs as
  uint64_t packed_bytes = 0;
  int64_t unused_inputs = 0;  ///< linears whose static inputs the file has: float weights, fake activations use none
};

/// Whether the plan fits the model, by names and shapes alone. Throws ArgumentError: a pattern that matches no matrix;
/// as check_depth.
void check_plan(const ModelFiles& files, const SchemePlan& plan);

/// Bytes of all weights under the plan, packed in memory or in a file, nearly: some more for padding and names. Throws
/// as check_plan.
uint64_t planned_bytes(const ModelFiles& files, const SchemePlan& plan);

/// Packs tensor by tensor and gives the file's pages back:
/// peak memory is the packed weights and a few MB. Freed heap goes back to the system, too (malloc_trim). Throws as
/// ModelFiles and pack().
Model load_model(const ModelFiles& files, const LoadOptions& options = {});
Model load_model(const std::filesystem::path& path, const LoadOptions& options = {});

}  // namespace slm
