// SPDX-License-Identifier: Apache-2.0
// Schemes: the short names of how weights and activations are held. Affine quantization of Jacob et al. 2017
// (arXiv:1712.05877, eq. 1): real = scale · (code − zero_point).
//   f32 bf16 f16   w8c int8 per output channel   w8g32 = GGUF Q8_0   w4g32 = GGUF Q4_0 grid   w4g32a = GGUF Q4_1 grid
//   w{2…8}{t c g32 g64 g128}{z a}   bits, then what shares a scale: the tensor, an output channel, 32, 64 or 128
//                                   weights of a row; nothing: symmetric, z: an integer zero point, a: a float minimum
// What no GGUF type has is stored, bit for bit, in the narrowest one that holds its codes: the same kernels run it:
//   groups      symmetric to 4 bits: Q4_0 blocks (the grid of Q4_0 with fewer codes), to 8 bits: Q8_0 blocks;
//               z to 7 bits: Q8_0 blocks of code − zero;  a to 4 bits: Q4_1 blocks;  64 and 128: blocks of equal scale
//   t and c     symmetric to 8 bits, z to 7 bits: int8 codes (of z: code − zero), one float32 scale per row
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "slm/core/dtype.h"
#include "slm/kernels/packed_gemm.h"
#include "slm/quant/grid.h"

namespace slm {

/// The usual ones. The rest of the family has no enumerators: parse_weight_scheme gives them.
enum class WeightScheme : uint8_t { F32, BF16, F16, W8C, W8G32, W4G32, W4G32A, W3G32, W2G32 };
enum class ActivationScheme : uint8_t { F32, A8G32, A8T };

/// What shares a scale.
enum class Granularity : uint8_t { Group, Channel, Tensor };

struct WeightSchemeInfo {
  WeightScheme scheme;
  std::string name;
  std::string meaning;  ///< one line for --help and docs
  kernels::GemmStorage storage;
  ActivationScheme activations;     ///< what its kernels multiply with
  std::optional<Dtype> gguf_dtype;  ///< type in a GGUF file; none: I8 codes with slm.* keys
  Granularity granularity;          ///< of the plain types, which have no scale: Group
  int group;                 ///< weights of a row that share a scale, 1 without groups: k must be a multiple of it
  double bits;               ///< per weight as stored, scales included (t and c: without those of rows)
  double nominal_bits;       ///< per weight in a storage of that width
  std::optional<Grid> grid;  ///< none: a plain type
};

/// The usual ones, in the order of the enumerators. The one table: help, docs, benches and tests read it.
std::span<const WeightSchemeInfo> weight_schemes();
/// The usual ones and the rest of the family.
std::span<const WeightSchemeInfo> all_weight_schemes();
const WeightSchemeInfo& info(WeightScheme scheme);
inline std::string_view name(WeightScheme scheme) { return info(scheme).name; }
std::string_view name(ActivationScheme scheme);

/// Stored as int8 codes with one float32 scale per row.
inline bool has_row_scales(WeightScheme scheme) { return info(scheme).storage == kernels::GemmStorage::Q8C; }

/// Whether the scheme's kernels take rows of k values. Throws ArgumentError, which begins with [op]: k is no multiple
/// of the scheme's group, or so long that a sum over all of it may leave int32 (N5; kernels::kMaxQ8cDepth).
void check_depth(std::string_view op, WeightScheme scheme, int64_t k);

std::optional<WeightScheme> find_weight_scheme(std::string_view name);
/// Throws ArgumentError that lists the known names.
WeightScheme parse_weight_scheme(std::string_view name);
/// Names of the usual ones and the pattern of the rest, for help and errors.
std::string known_weight_schemes();
/// The scheme whose rows a GGUF type stores as they are, whatever they hold; empty for types no kernel runs natively.
std::optional<WeightScheme> native_scheme(Dtype dtype);

}  // namespace slm
