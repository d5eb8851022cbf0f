// SPDX-License-Identifier: Apache-2.0
// Rounding ties: weights that lie exactly halfway between two codes. A trained network has next to none; one that was
// read back from a grid twice as fine has a tie in every second weight. Rounding then takes them all one way, and the
// first step of an optimizer, however small, moves each by a whole code in the direction of its gradient: training with
// the quantizer in the loop explodes.
// In: weights.  Out: the share of ties; weights without them.
#pragma once

#include <cstdint>
#include <span>

#include "slm/core/rng.h"
#include "slm/quant/scheme.h"

namespace slm {

/// Share of the values, rows of k, that lie within 2⁻¹⁶ of a code's step of a tie, 0 to 1; 0 for the plain types.
/// Throws ArgumentError on sizes, a value that is not finite. Threaded over groups or channels, over values where the
/// tensor has one scale.
double tie_share(WeightScheme scheme, int64_t k, std::span<const float> values);

/// Spreads every value of a group in which more than one in twenty is a tie over its cell: adds a uniform number of ± a
/// quarter of a step, half a step being the cell of a grid twice as fine. Groups without ties stay as they are. The
/// same for the same rng.
void dither_ties_(WeightScheme scheme, int64_t k, std::span<float> values, Rng& rng);

}  // namespace slm
