// SPDX-License-Identifier: Apache-2.0
// Fresh weights for a model that was never trained, N(0, 0.02²) for matrices, norms 1, biases 0, as Hugging Face
// initialises these families; the two matrices that write to the residual stream are scaled by 1/sqrt(2·layers) besides
// (GPT-2: Radford et al. 2019, §2.3).
// In: a config and a seed.  Out: values for ModelFiles::in_memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "slm/core/progress.h"
#include "slm/model/config.h"

namespace slm {

/// Values by Hugging Face name; the same for a seed. `progress` in values, with each row. Throws as check(config).
std::map<std::string, std::vector<float>> initial_values(const ModelConfig& config, uint64_t seed,
                                                         const Progress& progress = {});

}  // namespace slm
