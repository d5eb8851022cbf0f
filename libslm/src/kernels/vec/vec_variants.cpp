// SPDX-License-Identifier: Apache-2.0
// The table of vector kernels, best first.
#include <array>

#include "kernels/vec/vec_isas.h"
#include "slm/kernels/vec/variants.h"

namespace slm::kernels {

std::span<const VecVariant> vec_variants() {
  static const std::array variants = {
#if defined(__x86_64__)
    vec_avx512vnni(Isa::Avx512Vnni),
    vec_avx2(Isa::Avx2),
#elif defined(__aarch64__)
    vec_neon_dotprod(Isa::NeonDotprod),
#endif
    vec_scalar(Isa::Scalar),
  };
  return variants;
}

}  // namespace slm::kernels
