// SPDX-License-Identifier: Apache-2.0
// Instruction sets: what this processor can run, and the one rule that chooses a kernel variant.
// Every family has one table of variants, best first; dispatch, tests and benches read that table.
// SLM_ISA=scalar|avx2|avxvnni|avx512vnni|avx512bf16|neon_dotprod|neon_i8mm forces one; a name that is unknown or
// cannot run here is an error.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace slm::kernels {

/// In rising order per architecture: a variant of a later one is preferred.
enum class Isa { Scalar, Avx2, AvxVnni, Avx512Vnni, Avx512Bf16, NeonDotprod, NeonI8mm };

std::string_view name(Isa isa);
std::span<const Isa> known_isas();
/// Whether this processor and operating system can run it.
bool supported(Isa isa);
/// What SLM_ISA asks for; empty if unset. Throws ArgumentError on an unknown name or one this processor cannot run.
std::optional<Isa> forced_isa();
/// Whether a variant of `isa` may be chosen now: supported and, where SLM_ISA is set, not beyond it.
bool selectable(Isa isa);

/// The first selectable variant of a table. Every table ends with a scalar one.
template <class Variant>
const Variant& select(std::span<const Variant> variants) {
  for (const Variant& variant : variants)
    if (selectable(variant.isa)) return variant;
  return variants.back();
}

}  // namespace slm::kernels
