// SPDX-License-Identifier: Apache-2.0
// The smaller of two sizes, for ISA translation units: std::min is a template, of which unoptimised code leaves a weak
// symbol.  Internal linkage.
#pragma once

#include <cstdint>

namespace slm::kernels {
namespace {

constexpr int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

}  // namespace
}  // namespace slm::kernels
