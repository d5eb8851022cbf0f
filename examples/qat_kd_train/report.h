// SPDX-License-Identifier: Apache-2.0
// What a run of qat_kd_train came to.
#pragma once

#include <cstdint>
#include <string>

#include "cli/program.h"
#include "qat_kd_train/options.h"
#include "qat_kd_train/out_folder.h"
#include "qat_kd_train/run.h"

namespace slm {

struct Outcome {
  RunResult run;
  Shipped shipped;
  double before = 0.0, after = 0.0;  ///< perplexity of the packed model
  uint64_t planned_bytes = 0, planned_disk_bytes = 0;

  double tokens_per_second() const;
};

/// Rate and memory on stderr, and a warning where the model is worse than before. Throws DivergedError where what is
/// shipped has no perplexity.
void tell_outcome(const Outcome& outcome);
JsonDocument as_json(const TrainOptions& options, const Outcome& outcome, double seconds);
/// Three lines.
std::string as_text(const TrainOptions& options, const Outcome& outcome);

}  // namespace slm
