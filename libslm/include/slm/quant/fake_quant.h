// SPDX-License-Identifier: Apache-2.0
// Fake quantization: what a value becomes when it is stored and read back, bit for bit decode(encode(x)) (numerics N2),
// and the clip mask of that same encode, through which the straight-through estimator passes gradients:
//   forward  x̂ = decode(clamp(code(x)))        backward  dx = dx̂ · mask,  mask = [qmin ≤ code(x) ≤ qmax]
// Jacob et al. 2017 (arXiv:1712.05877, §3); the scale counts as a constant.
// In: values (rows,k).  Out: their stored selves.  Next: ops/linear, train/.
#pragma once

#include <cstdint>
#include <span>

#include "slm/quant/grid.h"
#include "slm/quant/scheme.h"

namespace slm {

/// values (rows,k) → out (rows,k), which may be the same memory; clip_mask (rows,k), 1 inside and 0 where clipped, or
/// empty. rows = values.size() / k. The plain types never clip. Throws ArgumentError on sizes, k no multiple of the
/// scheme's group, a value that is not finite or overflows its storage.
/// Rows run in parallel; the result does not depend on the threads.
void fake_quant(WeightScheme scheme, int64_t k, std::span<const float> values, std::span<float> out,
                std::span<uint8_t> clip_mask = {});

/// The same for activations: a8g32 per 32 values, a8t per row. Dynamic ranges never clip.
void fake_quant(ActivationScheme scheme, int64_t k, std::span<const float> values, std::span<float> out,
                std::span<uint8_t> clip_mask = {});

/// The same on any grid, with one find_params per `group` consecutive values: the whole size is per tensor, k is per
/// channel (or token), 32 is per group. values.size() must be a multiple of group.
void fake_quant(const Grid& grid, int64_t group, std::span<const float> values, std::span<float> out,
                std::span<uint8_t> clip_mask = {});

/// One group with parameters somebody else chose (learned or static scales). Serial.
void fake_quant(const Grid& grid, const GridParams& params, std::span<const float> values, std::span<float> out,
                std::span<uint8_t> clip_mask = {});

}  // namespace slm
