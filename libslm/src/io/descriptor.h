// SPDX-License-Identifier: Apache-2.0
// Descriptor: closes what ::open() returned, also when an exception passes.
#pragma once

#include <unistd.h>

namespace slm {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace slm
