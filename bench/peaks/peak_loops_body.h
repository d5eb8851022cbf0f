// SPDX-License-Identifier: Apache-2.0
// The loops of peak_loops.h on one instruction set's registers, written once.
// In: Lanes, with kSums independent sums and kByteProducts of a multiply_add_bytes.  Included by ISA translation units
// only; internal linkage.
#pragma once

#include "bench/peaks/peak_loops.h"

namespace slm {
namespace {

template <class Lanes>
struct Loops {
  static void f32(int64_t rounds) {
    typename Lanes::Floats sums[Lanes::kSums] = {}, a = Lanes::some_floats();
    for (int64_t i = 0; i < rounds; ++i)
      for (auto& sum : sums) Lanes::multiply_add(sum, a);
  }
  static void int8(int64_t rounds) {
    typename Lanes::Integers sums[Lanes::kSums] = {}, a = Lanes::some_bytes();
    for (int64_t i = 0; i < rounds; ++i)
      for (auto& sum : sums) Lanes::multiply_add_bytes(sum, a);
  }
  static void read(const std::byte* from, size_t bytes, size_t ahead) {
    constexpr size_t kWidth = sizeof(typename Lanes::Integers), kStep = 4 * kWidth, kLine = 64;
    typename Lanes::Integers any[4] = {};
    for (size_t at = 0; at < bytes; at += kStep) {
      for (size_t line = 0; ahead > 0 && line < kStep; line += kLine) __builtin_prefetch(from + at + ahead + line);
      for (size_t i = 0; i < 4; ++i) Lanes::or_with(any[i], from + at + i * kWidth);
    }
  }
};

/// Plain data, made without the instructions it stands for (isa_row.h).
#define SLM_PEAK_LOOPS_ROW(isa, Lanes, bf16)                                                      \
  PeakLoops {                                                                                     \
    isa, {Lanes::kSums * static_cast<int64_t>(sizeof(Lanes::Floats)) / 4 * 2, Loops<Lanes>::f32}, \
        {Lanes::kSums * Lanes::kByteProducts * 2, Loops<Lanes>::int8}, bf16, Loops<Lanes>::read   \
  }

}  // namespace
}  // namespace slm
