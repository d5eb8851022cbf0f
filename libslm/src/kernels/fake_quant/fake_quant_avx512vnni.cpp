// SPDX-License-Identifier: Apache-2.0
// Fake quantization for AVX-512: the bodies of fake_quant_body.h on its lanes.
#include "kernels/fake_quant/fake_quant_body.h"
#include "kernels/fake_quant/fake_quant_isas.h"
#include "kernels/isa_row.h"
#include "kernels/vec/simd_avx512.h"

namespace slm::kernels {

SLM_ISA_ROW FakeQuantVariant fake_quant_avx512vnni(Isa isa) { return FakeQuant<Simd>::variant(isa, "avx512vnni"); }

}  // namespace slm::kernels
