// SPDX-License-Identifier: Apache-2.0
#include "io/ggml_types.h"

#include <array>

#include "slm/core/check.h"

namespace slm {
namespace {

struct GgmlType {
  uint32_t number;
  std::string_view name;
  std::optional<Dtype> dtype;
};

constexpr auto kTypes = std::to_array<GgmlType>({
    {0, "F32", Dtype::F32},    {1, "F16", Dtype::F16},    {2, "Q4_0", Dtype::Q4_0},  {3, "Q4_1", Dtype::Q4_1},
    {4, "Q4_2", {}},  // 4, 5, 31–33, 36–38: removed from ggml
    {5, "Q4_3", {}},           {6, "Q5_0", Dtype::Q5_0},  {7, "Q5_1", Dtype::Q5_1},  {8, "Q8_0", Dtype::Q8_0},
    {9, "Q8_1", {}},           {10, "Q2_K", Dtype::Q2_K}, {11, "Q3_K", Dtype::Q3_K}, {12, "Q4_K", Dtype::Q4_K},
    {13, "Q5_K", Dtype::Q5_K}, {14, "Q6_K", Dtype::Q6_K}, {15, "Q8_K", {}},          {16, "IQ2_XXS", {}},
    {17, "IQ2_XS", {}},        {18, "IQ3_XXS", {}},       {19, "IQ1_S", {}},         {20, "IQ4_NL", {}},
    {21, "IQ3_S", {}},         {22, "IQ2_S", {}},         {23, "IQ4_XS", {}},        {24, "I8", Dtype::I8},
    {25, "I16", {}},           {26, "I32", Dtype::I32},   {27, "I64", {}},           {28, "F64", {}},
    {29, "IQ1_M", {}},         {30, "BF16", Dtype::BF16}, {31, "Q4_0_4_4", {}},      {32, "Q4_0_4_8", {}},
    {33, "Q4_0_8_8", {}},      {34, "TQ1_0", {}},         {35, "TQ2_0", {}},         {36, "IQ4_NL_4_4", {}},
    {37, "IQ4_NL_4_8", {}},    {38, "IQ4_NL_8_8", {}},    {39, "MXFP4", {}},         {40, "NVFP4", {}},
    {41, "Q1_0", {}},
});

constexpr bool numbers_are_indices() {
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].number != i) return false;
  }
  return true;
}
static_assert(numbers_are_indices());

}  // namespace

std::string_view ggml_type_name(uint32_t type) { return type < kTypes.size() ? kTypes[type].name : "unknown"; }

std::optional<Dtype> ggml_dtype(uint32_t type) {
  return type < kTypes.size() ? kTypes[type].dtype : std::optional<Dtype>();
}

uint32_t ggml_type_of(Dtype dtype) {
  for (const GgmlType& type : kTypes) {
    if (type.dtype == dtype) return type.number;
  }
  throw ArgumentError(fmt::format("[gguf] {} has no ggml type", name(dtype)));
}

std::string supported_ggml_types() {
  std::string text;
  for (const GgmlType& type : kTypes) {
    if (type.dtype) text += (text.empty() ? "" : " ") + std::string(type.name);
  }
  return text;
}

}  // namespace slm
