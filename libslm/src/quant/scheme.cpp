// SPDX-License-Identifier: Apache-2.0
#include "slm/quant/scheme.h"

#include <array>

#include "slm/core/check.h"

namespace slm {
namespace {

using kernels::GemmStorage;

constexpr std::array<WeightSchemeInfo, 9> kSchemes = {{
    {WeightScheme::F32, "f32", "float32", GemmStorage::F32, ActivationScheme::F32, Dtype::F32, 1, 32.0, 32.0},
    {WeightScheme::BF16, "bf16", "bfloat16", GemmStorage::BF16, ActivationScheme::F32, Dtype::BF16, 1, 16.0, 16.0},
    {WeightScheme::F16, "f16", "IEEE half", GemmStorage::F16, ActivationScheme::F32, Dtype::F16, 1, 16.0, 16.0},
    {WeightScheme::W8C, "w8c", "int8, one float32 scale per output channel", GemmStorage::Q8C, ActivationScheme::A8T,
     std::nullopt, 1, 8.0, 8.0},
    {WeightScheme::W8G32, "w8g32", "int8, one half scale per 32 (GGUF Q8_0)", GemmStorage::Q8_0,
     ActivationScheme::A8G32, Dtype::Q8_0, 32, 8.5, 8.5},
    {WeightScheme::W4G32, "w4g32", "int4, one half scale per 32 (GGUF Q4_0)", GemmStorage::Q4_0,
     ActivationScheme::A8G32, Dtype::Q4_0, 32, 4.5, 4.5},
    {WeightScheme::W4G32A, "w4g32a", "int4, half scale and minimum per 32 (GGUF Q4_1)", GemmStorage::Q4_1,
     ActivationScheme::A8G32, Dtype::Q4_1, 32, 5.0, 5.0},
    {WeightScheme::W3G32, "w3g32", "int3, one half scale per 32 (in Q4_0 blocks)", GemmStorage::Q4_0,
     ActivationScheme::A8G32, Dtype::Q4_0, 32, 4.5, 3.5},
    {WeightScheme::W2G32, "w2g32", "int2, one half scale per 32 (in Q4_0 blocks)", GemmStorage::Q4_0,
     ActivationScheme::A8G32, Dtype::Q4_0, 32, 4.5, 2.5},
}};

}  // namespace

std::span<const WeightSchemeInfo> weight_schemes() { return kSchemes; }

const WeightSchemeInfo& info(WeightScheme scheme) {
  const size_t index = static_cast<size_t>(scheme);
  SLM_CHECK(index < kSchemes.size(), "[scheme] no weight scheme {}", index);
  return kSchemes[index];
}

std::string_view name(ActivationScheme scheme) {
  switch (scheme) {
    case ActivationScheme::F32:
      return "f32";
    case ActivationScheme::A8G32:
      return "a8g32";
    case ActivationScheme::A8T:
      return "a8t";
  }
  SLM_CHECK(false, "[scheme] no activation scheme {}", static_cast<int>(scheme));
}

WeightScheme parse_weight_scheme(std::string_view text) {
  std::string known;
  for (const WeightSchemeInfo& row : kSchemes) {
    if (row.name == text) return row.scheme;
    known += known.empty() ? "" : " ";
    known += row.name;
  }
  SLM_CHECK(false, "[scheme] '{}' is no weight scheme, expected one of: {}", text, known);
}

std::optional<WeightScheme> native_scheme(Dtype dtype) {
  for (const WeightSchemeInfo& row : kSchemes)
    if (row.gguf_dtype == dtype) return row.scheme;
  return std::nullopt;
}

}  // namespace slm
