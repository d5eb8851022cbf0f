// SPDX-License-Identifier: Apache-2.0
#include "slm/ops/environment.h"

#include "slm/core/parallel.h"
#include "slm/kernels/isa.h"

namespace slm {

void check_environment() {
  num_threads();
  kernels::forced_isa();
}

}  // namespace slm
