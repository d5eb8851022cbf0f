// SPDX-License-Identifier: Apache-2.0
// What was trained is what is shipped: the exporter's integers are the trainer's.
// In: files of the student, a trained model.  Out: --out/model.gguf and --out/f32/.  Next: slm/export/gguf_model.h.
#pragma once

#include "qat_kd_train/options.h"
#include "qat_kd_train/out_folder.h"
#include "slm/model/model_files.h"
#include "slm/text/tokenizer.h"

namespace slm {

/// Throws what would stand against writing the result: before hours of training.
void check_shippable(const TrainOptions& options, const ModelFiles& student, const Tokenizer& tokenizer);

/// The files with the model's values as they are now, and the static inputs found with them.
ModelFiles values_of(const ModelFiles& files, const TrainableModel& model, const StaticInputs& inputs = {});

/// --out/model.gguf in the scheme, --out/f32/ as it is.
Shipped ship(const TrainOptions& options, const ModelFiles& trained, const Tokenizer& tokenizer);

}  // namespace slm
