// SPDX-License-Identifier: Apache-2.0
// ScopedThreads: a number of threads until the end of the scope, however that is left; then the number there was
// before.
#pragma once

#include "slm/core/parallel.h"

namespace slm::test {

class ScopedThreads {
 public:
  explicit ScopedThreads(int threads) { set_num_threads(threads); }
  ~ScopedThreads() { set_num_threads(before_); }
  ScopedThreads(const ScopedThreads&) = delete;
  ScopedThreads& operator=(const ScopedThreads&) = delete;

 private:
  const int before_ = num_threads();  // made before the constructor's body sets another
};

}  // namespace slm::test
