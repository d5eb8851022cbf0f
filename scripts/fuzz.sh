#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Damages tiny models and runs what is left of them (tests/integration/mutated_models_test.cpp); prints how far they
# got. Fails unless $SLM_MUTATIONS were damaged (default 100,000), a fifth of them opened and a twentieth ran.
#   scripts/fuzz.sh build/asan/tests/test_integration
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
expect_arguments 1 1 "$@"
program=$1
[ -x "$program" ] && [ -f "$program" ] || wrong_usage "'$program' is no test program, expected one built with sanitizers"

export SLM_MUTATIONS=${SLM_MUTATIONS:-100000} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# A size read from a file may not become an absurd one of ours: the largest tiny model needs less than 1 MB.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:max_allocation_size_mb=256:hard_rss_limit_mb=4096
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-}:halt_on_error=1:print_stacktrace=1

SECONDS=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$program" --gtest_filter='MutatedModels.*' --gtest_fail_fast --gtest_brief=1 | tee "$log"
awk -v seconds="$SECONDS" -v wanted="$SLM_MUTATIONS" '
  / mutated, .* opened, .* ran/ && !/not counted/ { mutated += $2; opened += $4; ran += $6 }
  END {
    if (!mutated || mutated < wanted || 5 * opened < mutated || 20 * ran < mutated) {
      printf "error: %d files mutated, %d opened, %d ran, expected %d, a fifth, a twentieth\n",
             mutated, opened, ran, wanted > "/dev/stderr"
      exit 1
    }
    printf "fuzz: %d files mutated, %d opened (%.1f %%), %d ran (%.1f %%), no crash, %d s\n",
           mutated, opened, 100 * opened / mutated, ran, 100 * ran / mutated, seconds
  }' "$log"
