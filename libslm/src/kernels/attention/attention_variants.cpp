// SPDX-License-Identifier: Apache-2.0
// The tables of attention variants: two storages, best first.
#include <array>

#include "kernels/attention/attention_isas.h"
#include "slm/kernels/attention/variants.h"

namespace slm::kernels {
namespace {

auto table(KvStorage storage) {
  return std::array {
#if defined(__x86_64__)
    attention_avx512vnni(Isa::Avx512Vnni, storage), attention_avx2(Isa::Avx2, storage),
#elif defined(__aarch64__)
    attention_neon_dotprod(Isa::NeonDotprod, storage),
#endif
        attention_scalar(Isa::Scalar, storage),
  };
}

}  // namespace

std::span<const AttentionVariant> attention_variants(KvStorage storage) {
  static const auto f32 = table(KvStorage::F32);
  static const auto f16 = table(KvStorage::F16);
  if (storage == KvStorage::F16) return f16;
  return f32;
}

}  // namespace slm::kernels
