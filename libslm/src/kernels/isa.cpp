// SPDX-License-Identifier: Apache-2.0
#include "slm/kernels/isa.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "slm/core/check.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

namespace slm::kernels {
namespace {
constexpr std::array kIsas = {Isa::Scalar,     Isa::Avx2,        Isa::AvxVnni, Isa::Avx512Vnni,
                              Isa::Avx512Bf16, Isa::NeonDotprod, Isa::NeonI8mm};

#if defined(__x86_64__)
// What __builtin_cpu_supports knows in newer compilers only: cpuid 1, ecx bit 29, and 7.1, eax bit 4.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx >> 29 & 1u) != 0;
}
bool has_avxvnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax >> 4 & 1u) != 0;
}
#endif

bool detect(Isa isa) {
  switch (isa) {
    case Isa::Scalar:
      return true;
#if defined(__x86_64__)
    case Isa::Avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    case Isa::AvxVnni:
      return detect(Isa::Avx2) && has_avxvnni();
    case Isa::Avx512Vnni:
      return detect(Isa::Avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512vnni");
    case Isa::Avx512Bf16:
      return detect(Isa::Avx512Vnni) && __builtin_cpu_supports("avx512bf16");
#elif defined(__aarch64__)
    case Isa::NeonDotprod:
      return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0 && (getauxval(AT_HWCAP) & HWCAP_ASIMDHP) != 0;
    case Isa::NeonI8mm:
      return detect(Isa::NeonDotprod) && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
#endif
    default:
      return false;
  }
}
}  // namespace

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::Scalar:
      return "scalar";
    case Isa::Avx2:
      return "avx2";
    case Isa::AvxVnni:
      return "avxvnni";
    case Isa::Avx512Vnni:
      return "avx512vnni";
    case Isa::Avx512Bf16:
      return "avx512bf16";
    case Isa::NeonDotprod:
      return "neon_dotprod";
    case Isa::NeonI8mm:
      return "neon_i8mm";
  }
  return "?";
}

std::span<const Isa> known_isas() { return kIsas; }

bool supported(Isa isa) {
  static const auto can_run = [] {  // asked once: in a virtual machine each cpuid takes microseconds
    std::array<bool, kIsas.size()> answers{};
    for (const Isa each : kIsas) answers.at(static_cast<size_t>(each)) = detect(each);
    return answers;
  }();
  return can_run.at(static_cast<size_t>(isa));
}

std::optional<Isa> forced_isa() {
  const char* wanted = std::getenv("SLM_ISA");
  if (wanted == nullptr || *wanted == '\0') return std::nullopt;
  const auto is_wanted = [&](Isa isa) { return name(isa) == wanted; };
  const auto found = std::ranges::find_if(kIsas, is_wanted);
  if (found != kIsas.end() && supported(*found)) return *found;
  std::string usable;
  for (const Isa isa : kIsas)
    if (supported(isa)) usable += (usable.empty() ? "" : " ") + std::string(name(isa));
  SLM_CHECK(false, "[isa] SLM_ISA={} {}, expected one of: {}", wanted,
            found == kIsas.end() ? "is unknown" : "cannot run on this processor", usable);
}

bool selectable(Isa isa) {
  const std::optional<Isa> limit = forced_isa();
  return supported(isa) && (!limit || isa <= *limit);
}

}  // namespace slm::kernels
