// SPDX-License-Identifier: Apache-2.0
// What the translation units of fake_quant give to the variant table: one function per ISA that fills its row. Plain
// data.
#pragma once

#include "slm/kernels/fake_quant/fake_quant.h"

namespace slm::kernels {

FakeQuantVariant fake_quant_scalar(Isa isa);
FakeQuantVariant fake_quant_avx2(Isa isa);
FakeQuantVariant fake_quant_avx512vnni(Isa isa);
FakeQuantVariant fake_quant_neon_dotprod(Isa isa);

}  // namespace slm::kernels
