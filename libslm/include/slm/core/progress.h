// SPDX-License-Identifier: Apache-2.0
// Progress: how long work tells its caller how far it is. The library never prints; programs pass a callback.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace slm {

struct ProgressEvent {
  std::string_view what;  ///< the step or tensor at hand
  uint64_t done = 0;      ///< units done, of
  uint64_t total = 0;     ///< units in all; 0 = unknown
};

/// Called from the thread that runs the work; may throw to stop it. An empty function is allowed.
using Progress = std::function<void(const ProgressEvent&)>;

inline void report(const Progress& progress, const ProgressEvent& event) {
  if (progress) progress(event);
}

}  // namespace slm
