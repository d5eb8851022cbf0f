// SPDX-License-Identifier: Apache-2.0
// Attention for NEON: the body of attention_body.h with register tiles of 3×32.
#include "kernels/attention/attention_body.h"
#include "kernels/attention/attention_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_neon.h"

namespace slm::kernels {

SLM_ISA_ROW AttentionVariant attention_neon_dotprod(Isa isa, KvStorage storage) {
  return attention_variant<Simd, 3>(isa, storage, "f32_neon_dotprod", "f16_neon_dotprod");
}

}  // namespace slm::kernels
