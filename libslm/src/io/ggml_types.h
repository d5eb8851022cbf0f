// SPDX-License-Identifier: Apache-2.0
// The tensor types of GGUF by the numbers the file uses: all of their names, and which of them libslm reads.
// Source: enum ggml_type of https://github.com/ggml-org/ggml/blob/master/include/ggml.h (numbers are never reused).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "slm/core/dtype.h"

namespace slm {

/// "Q4_0", "IQ2_XXS"; "unknown" for a number that no type has.
std::string_view ggml_type_name(uint32_t type);
/// The dtype libslm has for it, if any.
std::optional<Dtype> ggml_dtype(uint32_t type);
/// The number of a dtype. Every dtype has one.
uint32_t ggml_type_of(Dtype dtype);
/// "F32 F16 Q4_0 …": what ggml_dtype() knows, for messages.
std::string supported_ggml_types();

}  // namespace slm
