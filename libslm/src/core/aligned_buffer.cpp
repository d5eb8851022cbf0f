// SPDX-License-Identifier: Apache-2.0
#include "slm/core/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace slm {
namespace {
constexpr size_t kCacheLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;
}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes, Pages pages) : size_(bytes) {
  // Huge pages: a decode step walks hundreds of MB, and 4 KB pages cost a TLB miss each. Only whole ones are asked for:
  // the end of a buffer shall not take up to 2 MB it has no use for. AsTouched asks not to have them: a system may give
  // huge pages to all, and a touch would then make 2 MB resident.
  const bool large = bytes >= 4 * kHugePage;
  const size_t alignment = large ? kHugePage : kCacheLine;
  void* p = nullptr;
  if (posix_memalign(&p, alignment, bytes == 0 ? alignment : bytes) != 0) throw std::bad_alloc();
  if (large) madvise(p, bytes / kHugePage * kHugePage, pages == Pages::Huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  data_.reset(static_cast<std::byte*>(p));
}

void AlignedBuffer::Free::operator()(std::byte* p) const { std::free(p); }

}  // namespace slm
