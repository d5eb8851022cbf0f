#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benches' Python programs as a user meets them: help, wrong arguments and files, packages that are missing. What they
# run is never there: without site-packages (-S) Python finds no peer.
#   tests/programs/bench_scripts_test.sh SOURCE
set -euo pipefail
bench=$1/bench
source "$(dirname "$0")/expect.sh"
command -v python3 > /dev/null || { printf "%s: Skipped\nno python3 is here\n" "$0"; exit 77; }
unset PYTHONPATH
py() { python3 -S -B "$bench/$1.py" "${@:2}"; }

for script in roofline peers/llama_cpp_check peers/speed_bench peers/torch_train_bench; do
  py $script --help > out 2> err || fail "$script --help failed"
  [ ! -s err ] && grep -q "^    ${script##*/}.py " out || fail "$script --help does not teach"
  expect_error 2 "required: .*--model\|required: --kernels" py $script
  expect_error 1 "cannot write" bash -c 'python3 -S -B "$0" --help > /dev/full' "$bench/$script.py"
done

# roofline CHANGE…: with these options in place of, or beside, those that are right
roofline() { py roofline --kernels k.json --isa avx2 --peak-int8 468 --memory 31.1 "$@"; }
rate() { printf '{"benchmarks": [{"name": "gemm/q4_0_6x16_avx2/896x896/512", "Gop/s": %s}]}' "$1"; }
rate 300 > k.json
roofline --svg k.svg > out 2> err || fail "the roofline failed"
grep -q '300 of 468, 64 %' out && grep -q '</svg>' k.svg || fail "no table or no picture"
for peak in 0 -1 nan inf – ''; do
  expect_error 2 "--peak-int8: '$peak', expected a number above 0" roofline --peak-int8="$peak"
  expect_error 2 "--memory: '$peak', expected a number above 0" roofline --memory="$peak"
done
expect_error 2 "no integer GEMM of --isa 'avx.' in it, only of avx2" roofline --isa avx.
expect_error 2 "no integer GEMM of --isa '(' in it" roofline --isa '('
expect_error 2 "--svg: '/no/such/k.svg' cannot be written" roofline --svg /no/such/k.svg
expect_error 2 "there is no 'none'" roofline --kernels none
expect_error 2 "Is a directory" roofline --kernels .
for rate in 0 NaN '"300"' null; do rate "$rate" > bad.json; expect_error 2 "expected a number above 0" roofline --kernels bad.json; done
printf '{' > bad.json; expect_error 2 "bad.json: expected JSON" roofline --kernels bad.json
printf '\xff' > bad.json; expect_error 2 "bad.json: no UTF-8 at offset 0" roofline --kernels bad.json
printf '[]' > bad.json; expect_error 2 "expected JSON of Google Benchmark" roofline --kernels bad.json
printf '{"benchmarks": []}' > bad.json; expect_error 2 "no integer GEMM in it, expected names like" roofline --kernels bad.json

for error in 'OSError("no weights in it")' 'OSError(2, "No such file", "w")'; do
  expect_error 1 'no weights in it\|w: No such file' python3 -S -B -c "
import sys; sys.path.append('$bench/peers'); import command_line
def main(): raise $error
command_line.run(main)"
done
touch model text
speed() { py peers/speed_bench --model model "$@"; }
torch() { py peers/torch_train_bench --model model "$@"; }
check() { py peers/llama_cpp_check "$@" --model model; }
for count in 0 -1 1.5 x ''; do
  expect_error 2 "--rounds: '$count', expected a whole number, 1 or more" speed --rounds="$count"
  expect_error 2 "--steps: '$count', expected a whole number, 1 or more" torch --steps="$count"
  expect_error 2 "--tokens: '$count', expected a whole number, 1 or more" check argmax --data text --tokens="$count"
done
expect_error 2 "--prefill: '-1', expected a whole number, 0 or more" speed --prefill=-1
expect_error 2 "--threads: '1025', expected a whole number, 1 to 1024" speed --threads 1025
expect_error 2 "nothing to measure" speed --prefill 0 --decode 0
for peers in '' bogus llama_cpp,llama_cpp; do expect_error 2 "--peers: '$peers', expected some of" speed --peers "$peers"; done
expect_error 2 "'text' is no program" speed --ours text
expect_error 2 "--output: '.' cannot be written" torch --output .
expect_error 2 "--ours needs --text" torch --ours /bin/true
expect_error 2 "--max-diff: 'nan', expected a number from 0" check greedy --max-diff nan
expect_error 2 "perplexity needs --data" check perplexity
expect_error 2 "reference needs --source" check reference --data text

for peer in speed "speed --peers openvino" "check greedy" torch; do expect_error 1 "Python finds no .*; install with: .*pip install" $peer; done
