// SPDX-License-Identifier: Apache-2.0
// The tables of packed GEMM variants, one per weight storage, best first.
#pragma once

#include <span>

#include "slm/kernels/isa.h"
#include "slm/kernels/packed_gemm.h"

namespace slm::kernels {

/// Variants for a storage, best first, scalar last. Defined by the families' *_variants.cpp.
std::span<const GemmVariant> gemm_f32_variants();  ///< GemmStorage::F32
std::span<const GemmVariant> gemm_bf16_variants();
std::span<const GemmVariant> gemm_f16_variants();
std::span<const GemmVariant> gemm_q8c_variants();
std::span<const GemmVariant> gemm_q8_0_variants();
std::span<const GemmVariant> gemm_q4_0_variants();
std::span<const GemmVariant> gemm_q4_1_variants();

/// Floats multiplied as bfloat16, added up in float32 (kernels/gemm_bf16): storage F32, without unpack.
std::span<const GemmVariant> gemm_bf16_compute_variants();

std::span<const GemmVariant> gemm_variants(GemmStorage storage);

}  // namespace slm::kernels
