// SPDX-License-Identifier: Apache-2.0
// Checks at the boundary: SLM_CHECK always, SLM_DCHECK in debug builds.
//   SLM_CHECK(k == w.k, "[linear] x is ({},{}), weight needs (…,{})", m, k, w.k);
// Throws ArgumentError. Cost: one predictable branch; the message is built only on failure.
#pragma once

#include <fmt/format.h>

#include "slm/core/error.h"

namespace slm::detail {
[[noreturn]] void throw_argument_error(std::string message);
}

#define SLM_CHECK(condition, ...)                                        \
  do {                                                                   \
    if (!(condition)) [[unlikely]]                                       \
      ::slm::detail::throw_argument_error(::fmt::format(__VA_ARGS__));   \
  } while (false)

#ifdef NDEBUG
#define SLM_DCHECK(condition, ...) static_cast<void>(0)
#else
#define SLM_DCHECK(condition, ...) SLM_CHECK(condition, __VA_ARGS__)
#endif
