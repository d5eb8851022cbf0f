// SPDX-License-Identifier: Apache-2.0
// How many iterations of a loop are worth a thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slm {

/// Of `work` multiply-adds each; `enough`: what is worth waking a thread for.
inline int64_t grain(int64_t work, int64_t enough = int64_t{1} << 17) {
  return std::max<int64_t>(1, enough / std::max<int64_t>(work, 1));
}

}  // namespace slm
