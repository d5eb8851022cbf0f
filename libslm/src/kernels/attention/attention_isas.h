// SPDX-License-Identifier: Apache-2.0
// What the translation units of attention give to the variant tables: one function per ISA that fills its row. Plain
// data.
#pragma once

#include "slm/kernels/attention/attention.h"

namespace slm::kernels {

AttentionVariant attention_scalar(Isa isa, KvStorage storage);
AttentionVariant attention_avx2(Isa isa, KvStorage storage);
AttentionVariant attention_avx512vnni(Isa isa, KvStorage storage);
AttentionVariant attention_neon_dotprod(Isa isa, KvStorage storage);

}  // namespace slm::kernels
