// SPDX-License-Identifier: Apache-2.0
// Schemes: the short names of how weights and activations are held. Affine quantization of Jacob et al. 2017
// (arXiv:1712.05877, eq. 1): real = scale · (code − zero_point).
//   f32 bf16 f16   w8c int8 per output channel   w8g32 = GGUF Q8_0   w4g32 = GGUF Q4_0 grid   w4g32a = GGUF Q4_1 grid
//   w3g32 w2g32    fewer codes of the same pattern, in Q4_0 blocks: the int4 kernels and llama.cpp run them as they are
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "slm/core/dtype.h"
#include "slm/kernels/packed_gemm.h"

namespace slm {

enum class WeightScheme { F32, BF16, F16, W8C, W8G32, W4G32, W4G32A, W3G32, W2G32 };
enum class ActivationScheme { F32, A8G32, A8T };

struct WeightSchemeInfo {
  WeightScheme scheme;
  std::string_view name;
  std::string_view meaning;  ///< one line for --help and docs
  kernels::GemmStorage storage;
  ActivationScheme activations;     ///< what its kernels multiply with
  std::optional<Dtype> gguf_dtype;  ///< type in a GGUF file; none for w8c (I8 codes with slm.* keys)
  int group;                        ///< k must be a multiple of it
  double bits;                      ///< per weight as stored, scales included (w8c: without its one scale per row)
  double nominal_bits;              ///< per weight in a storage of that width: less than `bits` for w3g32 and w2g32
};

/// All schemes, in the order of the list above. The one table: parsing, help, docs and tests read it.
std::span<const WeightSchemeInfo> weight_schemes();
const WeightSchemeInfo& info(WeightScheme scheme);
inline std::string_view name(WeightScheme scheme) { return info(scheme).name; }
std::string_view name(ActivationScheme scheme);

/// Throws ArgumentError that lists the known names.
WeightScheme parse_weight_scheme(std::string_view name);
/// The scheme whose rows a GGUF type stores as they are, whatever they hold; empty for types no kernel runs natively.
std::optional<WeightScheme> native_scheme(Dtype dtype);

}  // namespace slm
