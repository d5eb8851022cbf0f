#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds libslm and runs its tests. Installs what it needs from Debian's packages when root.
#   scripts/test.sh            release: all tests but the slow ones; once more with SLM_ISA=avx2 and scalar; NEON under
#                              qemu
#   scripts/test.sh asan       the same tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   scripts/test.sh fuzz       $SLM_MUTATIONS (default 100,000) damaged models under the same sanitizers; long
#   scripts/test.sh slow       real models of $SLM_MODELS (default ../models) against transformers; long
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
expect_arguments 0 1 "$@"
mode=${1-release}
case $mode in
  release | slow) preset=release ;;
  asan | fuzz) preset=asan ;;
  *) wrong_usage "unknown mode '$mode', expected release, asan, fuzz or slow" ;;
esac
cd "$(dirname "$0")/.."
source scripts/packages.sh

# What the last run of a build folder left out, and why.
tell_skipped() {
  awk '/: Skipped$/ { getline; n[$0]++ } END { for (why in n) print "SKIPPED: " n[why] " tests: " why }' \
    "build/$1/Testing/Temporary/LastTest.log" | sort >&2
}

# What the kernels' tests ran on: instructions of this processor, or only emulated ones.
tell_tested() {
  "build/$1/tests/test_kernels" --gtest_filter=GemmVariants.SayWhichInstructionSetsWereTested | awk '
    /^\[ isa / && match($4, /(scalar|avx|neon_)[a-z0-9]*:$/) {
      isa = substr($4, RSTART, RLENGTH - 1)
      how = $5 == "native" ? 2 : $5 == "emulated" ? 1 : 0
      if (!(isa in best)) { order[++n] = isa; best[isa] = how }
      if (how > best[isa]) best[isa] = how
    }
    END {
      if (n == 0) { print "error: test_kernels does not say what it ran on" > "/dev/stderr"; exit 1 }
      for (i = 1; i <= n; ++i) isas[best[order[i]]] = isas[best[order[i]]] " " order[i]
      print "== kernels tested on this processor:" isas[2]
      if (1 in isas) print "== kernels tested on emulated instructions only:" isas[1]
      if (0 in isas) print "== kernels not tested:" isas[0]
    }'
}

require_packages "${build_packages[@]}" "${table_packages[@]}" "${test_packages[@]}"
cmake --preset "$preset"
if [ "$mode" = fuzz ]; then
  cmake --build --preset "$preset" --target test_integration
  exec scripts/fuzz.sh "build/$preset/tests/test_integration"
fi
cmake --build --preset "$preset"
if [ "$mode" = slow ]; then
  exec ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --label-regex slow
fi
ctest --preset "$preset" --parallel "$(nproc)" --no-tests=error
tell_skipped "$preset"
if [ "$mode" = asan ]; then
  tell_tested "$preset"
  exit
fi

# The kernels choose by processor: run what depends on them again with lesser instruction sets.
for isa in avx2 scalar; do
  if [ "$isa" = avx2 ] && ! grep -qw avx2 /proc/cpuinfo; then
    echo "SKIPPED: SLM_ISA=avx2, this processor has none" >&2
    continue
  fi
  if [ "$isa" = avx2 ] && ! grep -qwE 'avx512_vnni|avx_vnni' /proc/cpuinfo; then
    echo "== SLM_ISA=avx2 is what ran: this processor has nothing better"
    continue
  fi
  echo "== SLM_ISA=$isa"
  SLM_ISA=$isa ctest --preset "$preset" --parallel "$(nproc)" --no-tests=error \
    --label-regex '^(golden|integration|unit-(quant|ops|autograd|model|train|export|runtime|eval))$' \
    --exclude-regex 'Mutated|install_consumer|Dequantize|Sampler|PeakMemory|Study|FloodWorld|ProgressLine|Train\.(Survives|Saves|AFullDisk|Static)'
  tell_skipped "$preset"
done

require_packages "${cross_packages[@]}"
cmake --preset aarch64
cmake --build --preset aarch64
echo "== NEON under qemu"
ctest --preset aarch64 --parallel "$(nproc)" --no-tests=error
tell_skipped aarch64
for isa in neon_dotprod neon_i8mm; do
  passed=$(grep -c "^\[       OK \].*$isa" build/aarch64/Testing/Temporary/LastTest.log || true)
  echo "== $passed tests of $isa variants passed under qemu"
  if [ "$passed" -lt 30 ]; then
    echo "error: $passed tests of $isa variants passed under qemu, expected at least 30" >&2
    exit 1
  fi
done
tell_tested "$preset"
