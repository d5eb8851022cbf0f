// SPDX-License-Identifier: Apache-2.0
// Weights on exact rounding ties (slm/quant/ties.h), as programs that train meet them.
#pragma once

#include <cstdint>

#include "slm/model/scheme_plan.h"
#include "slm/model/trainable_model.h"

namespace slm {

/// Spreads ties of the plan's schemes over their cells. What is frozen stays as it is: it takes no step that could turn
/// a tie.
void spread_ties(TrainableModel& model, const SchemePlan& plan, uint64_t seed);
/// Says on stderr where many of the weights that are trained are ties.
void warn_of_ties(const TrainableModel& model, const SchemePlan& plan);

}  // namespace slm
