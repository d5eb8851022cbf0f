// SPDX-License-Identifier: Apache-2.0
// Attention for AVX2: the body of attention_body.h with register tiles of 3×32.
#include "kernels/attention/attention_body.h"
#include "kernels/attention/attention_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_avx2.h"

namespace slm::kernels {

SLM_ISA_ROW AttentionVariant attention_avx2(Isa isa, KvStorage storage) {
  return attention_variant<Simd, 3>(isa, storage, "f32_avx2", "f16_avx2");
}

}  // namespace slm::kernels
