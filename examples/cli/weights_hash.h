// SPDX-License-Identifier: Apache-2.0
// WeightsHash: which weights a number was measured on, which models a run is made of.
// In: ModelFiles.  Out: SHA-256 of the files that hold the weights.
#pragma once

#include <string>

#include "slm/model/model_files.h"

namespace slm {

/// SHA-256 in hex of the model's weight files, one after another in the order of their names: what `sha256sum` prints
/// for a single file (and model hubs show beside it), `cat model-*.safetensors | sha256sum` for shards. Gives the
/// files' pages back. Throws Interrupted. Cost: one read; about 1.5 GB/s where the processor has SHA instructions.
std::string weights_sha256(const ModelFiles& model);
/// The same over config.json and the weights: whether two paths hold one model. Not of a model in memory.
std::string model_sha256(const ModelFiles& model);

}  // namespace slm
