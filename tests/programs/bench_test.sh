#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benches as a user meets them: help, wrong arguments and environment, an output that is full.
#   tests/programs/bench_test.sh FOLDER     that holds bench_kernels, bench_ops, bench_peaks …
set -euo pipefail
bin=$1
source "$(dirname "$0")/expect.sh"

for bench in "$bin"/bench_*; do
  for help in --help -h; do
    "$bench" $help > out 2> err || fail "$bench $help failed"
    [ ! -s err ] && grep -q SLM_ISA out && grep -q OMP_NUM_THREADS out || fail "$bench $help does not teach"
  done
  expect_error 2 "'--bogus' (see ${bench##*/} --help)" "$bench" --bogus
  expect_error 1 "SLM_ISA=bogus is unknown, expected one of: scalar" env SLM_ISA=bogus "$bench"
  expect_error 1 "5000.*expected 1 to 1024" env OMP_NUM_THREADS=5000 "$bench"
  code=0
  "$bench" --help > /dev/full 2> err || code=$?
  [ $code -eq 1 ] && grep -q '^error: \[output\]' err || fail "$bench: a full output is no error"
done

SLM_ISA=scalar "$bin/bench_peaks" > out 2> err || fail "bench_peaks failed"
grep -q '^scalar  *1  *–  *–  *–  *–$' out || fail "what is not known is not said to be so"

for bench in "$bin"/bench_{kernels,ops,quant,runtime}; do
  expect_error 2 "benchmark_format.*json" "$bench" --benchmark_format=xml
  expect_error 1 "/dev/full: not a regular file" "$bench" --benchmark_out=/dev/full
  expect_error 1 "no/folder.json: No such file" "$bench" --benchmark_out=no/folder.json
  code=0
  echo old > result.json
  "$bench" --benchmark_filter=bogus --benchmark_out=result.json > out 2> err || code=$?
  [ $code -eq 2 ] && grep -q "^error: .*benchmark_filter=bogus.*list_tests" err || fail "$bench: a filter that matches none"
  "$bench" --benchmark_list_tests --benchmark_out=result.json > out 2> err || fail "$bench: no list"
  BENCHMARK_RESULTS=x "$bench" --benchmark_list_tests > out 2> err || fail "$bench: a variable that is no option's"
  for variable in OUT=result.json FILTER=. MIN_TIME=1; do
    expect_error 2 "BENCHMARK_${variable%=*} is set, expected an option" env BENCHMARK_$variable "$bench" --benchmark_list_tests
  done
  for number in nan inf -1 0 '' 1x 1e7; do
    expect_error 2 "benchmark_min_time=$number, expected a number from 1e-06" "$bench" --benchmark_min_time=$number
    [ "$number" = 0 ] || expect_error 2 "benchmark_min_warmup_time=$number, expected" "$bench" --benchmark_min_warmup_time=$number
    expect_error 2 "benchmark_repetitions=$number, expected a whole number from 1" "$bench" --benchmark_repetitions=$number
  done
  grep -q '^old$' result.json || fail "$bench: nothing was measured, but --benchmark_out was written"
  code=0
  "$bench" --benchmark_list_tests > /dev/full 2> err || code=$?
  [ $code -eq 1 ] && grep -q '^error: \[output\]' err || fail "$bench: a full output is no error"
done

measure() { "$bin/bench_runtime" --benchmark_filter=. --benchmark_min_time=0.001 "$@" 2> err; }
code=0
(ulimit -f 1; measure --benchmark_out=result.json > /dev/null) || code=$?   # as full memory
[ $code -eq 1 ] && grep -q '^error: .*result.json' err && grep -q '^old$' result.json || fail "results that have no room: $code"
# A closed stream is no place for what is measured, nor the file's for what is printed.
"$bin/bench_runtime" --benchmark_filter=. --benchmark_min_time=0.001 --benchmark_out=closed.json > out 2>&- ||
  fail "a closed stderr is an error"
[ "$(head -n 1 closed.json)$(tail -n 1 closed.json)" = "{}" ] || fail "a closed stderr: the file holds something else"
code=0
measure --benchmark_out=closed.json >&- || code=$?
[ $code -eq 1 ] && grep -q '^error: \[output\]' err && [ "$(head -n 1 closed.json)$(tail -n 1 closed.json)" = "{}" ] ||
  fail "a closed stdout: $code"
# Given twice, the last one counts.
measure --benchmark_out=result.json --benchmark_out= > out && grep -q '^old$' result.json || fail "--benchmark_out= is no file"
measure --benchmark_out=first.json --benchmark_out=result.json > out && [ ! -e first.json ] || fail "--benchmark_out given twice"
grep -q '"real_time"' result.json && [ "$(tail -n 1 result.json)" = "}" ] || fail "--benchmark_out is not whole"

if grep -qw avx2 /proc/cpuinfo; then
  SLM_ISA=avx2 "$bin/bench_ops" --benchmark_filter=train_bf16/forward/896x896/256 > out 2> err || fail "bench_ops failed"
  grep -q 'train_bf16.*need a processor with avx512bf16' out || fail "no word of why nothing was measured"
else  # in the words scripts/test.sh collects
  printf '%s: Skipped\nbf16 in bench_ops below avx512bf16: this processor has no avx2\n' "$0"
fi
