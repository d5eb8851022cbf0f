// SPDX-License-Identifier: Apache-2.0
// Fake quantization for AArch64 NEON: the bodies of fake_quant_body.h on its lanes.
#include "kernels/fake_quant/fake_quant_body.h"
#include "kernels/fake_quant/fake_quant_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_neon.h"

namespace slm::kernels {

SLM_ISA_ROW FakeQuantVariant fake_quant_neon_dotprod(Isa isa) { return FakeQuant<Simd>::variant(isa, "neon_dotprod"); }

}  // namespace slm::kernels
