// SPDX-License-Identifier: Apache-2.0
// The table of fake quantization kernels, best first.
#include <array>

#include "kernels/fake_quant/fake_quant_isas.h"
#include "slm/kernels/fake_quant/variants.h"

namespace slm::kernels {

std::span<const FakeQuantVariant> fake_quant_variants() {
  static const std::array variants = {
#if defined(__x86_64__)
    fake_quant_avx512vnni(Isa::Avx512Vnni),
    fake_quant_avx2(Isa::Avx2),
#elif defined(__aarch64__)
    fake_quant_neon_dotprod(Isa::NeonDotprod),
#endif
    fake_quant_scalar(Isa::Scalar),
  };
  return variants;
}

}  // namespace slm::kernels
