// SPDX-License-Identifier: Apache-2.0
// Attention for AVX-512: the body of attention_body.h with register tiles of 8×32.
#include "kernels/attention/attention_body.h"
#include "kernels/attention/attention_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_avx512.h"

namespace slm::kernels {

SLM_ISA_ROW AttentionVariant attention_avx512vnni(Isa isa, KvStorage storage) {
  return attention_variant<Simd, 8>(isa, storage, "f32_avx512vnni", "f16_avx512vnni");
}

}  // namespace slm::kernels
