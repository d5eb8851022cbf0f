// SPDX-License-Identifier: Apache-2.0
#include "qat_kd_train/ship.h"

#include "cli/terminal.h"
#include "slm/export/gguf_model.h"
#include "slm/export/hf_folder.h"

namespace slm {

ModelFiles values_of(const ModelFiles& files, const TrainableModel& model, const StaticInputs& inputs) {
  return files.with_values([&](const std::string& name) { return model.parameter(name).value; }, inputs);
}

void check_shippable(const TrainOptions& o, const ModelFiles& student, const Tokenizer& tokenizer) {
  const Shipped shipped = shipped_by(o);
  check_gguf_export(student, tokenizer.data(), shipped.gguf, {.plan = plan_of(o)});
  check_hf_export(student, tokenizer.data(), shipped.folder, {.weights = WeightScheme::F32});
}

Shipped ship(const TrainOptions& o, const ModelFiles& trained, const Tokenizer& tokenizer) {
  const Shipped shipped = shipped_by(o);
  ProgressLine line("writing");
  export_gguf(trained, tokenizer.data(), shipped.gguf, {.plan = plan_of(o), .progress = line.callback()});
  export_hf_folder(trained, tokenizer.data(), shipped.folder,
                   {.weights = WeightScheme::F32, .progress = line.callback()});
  return shipped;
}

}  // namespace slm
