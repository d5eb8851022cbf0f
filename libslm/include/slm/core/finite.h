// SPDX-License-Identifier: Apache-2.0
// Finite values: the error where a value, or what it becomes in storage, is infinite or no number.
//   SLM_CHECK_FINITE(x, "[grid] value {} is {}, expected a finite one", i, x);
// Its own type, so that training tells a run that diverged from a mistake of its caller.
#pragma once

#include <cmath>

#include "slm/core/check.h"

namespace slm {

class NotFiniteError : public ArgumentError {
 public:
  using ArgumentError::ArgumentError;
};

}  // namespace slm

#define SLM_CHECK_FINITE(value, ...)                           \
  do {                                                         \
    if (!std::isfinite(value)) [[unlikely]]                    \
      throw ::slm::NotFiniteError(::fmt::format(__VA_ARGS__)); \
  } while (false)
