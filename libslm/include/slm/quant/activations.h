// SPDX-License-Identifier: Apache-2.0
// Activations as codes: the slow, obvious reference of what kernels/vec/quantize_a8g32 and quantize_a8t compute
// (numerics N1), and what they must equal bit for bit.
//   a8g32   per 32 values: code = rint(x · (127 / max|x|)), scale = f16(max|x| / 127)   (llama.cpp's Q8_0 activations)
//   a8t     per row:       code = rint(x · (127 / max|x|)), scale = max|x| / 127
// In: x (rows,k).  Out: int8 codes in [−127,127], scales, sums of codes.  Next: a quantized GEMM.
#pragma once

#include <cstdint>
#include <span>

#include "slm/quant/scheme.h"

namespace slm {

/// Scales (and sums) for `values` values in rows of k. Throws ArgumentError for f32 and for a k the scheme cannot cut.
int64_t activation_groups(ActivationScheme scheme, int64_t k, int64_t values);

/// x (rows,k) → codes (rows,k), scales and sums (rows,k/32) or (rows). Where max|x| is 0, or so small (below 3.8e-37)
/// that 127 / max|x| overflows, the codes are 0. Throws ArgumentError on sizes, values that are not finite, a scale
/// that overflows its half (a8g32: max|x| ≥ 127·65520). |sum| ≤ 127·k fits int32 for k ≤ 16,909,320.
void encode_activations(ActivationScheme scheme, int64_t k, std::span<const float> x, std::span<int8_t> codes,
                        std::span<float> scales, std::span<int32_t> sums);

/// codes and scales → values: scale · code.
void decode_activations(ActivationScheme scheme, int64_t k, std::span<const int8_t> codes,
                        std::span<const float> scales, std::span<float> x);

}  // namespace slm
