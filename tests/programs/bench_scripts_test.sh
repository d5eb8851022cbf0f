#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benches' Python programs as a user meets them: help, wrong arguments and files, packages that are missing, full
# outputs, outputs that are inputs, Ctrl-C. No peer is ever there: without site-packages (-S) Python finds stand-ins.
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
for peak in 0 -1 nan inf – '' 1e308 1e-308; do
  expect_error 2 "--peak-int8: '$peak', expected a number from 0.001 to 1000000" roofline --peak-int8="$peak"
  expect_error 2 "--memory: '$peak', expected a number from 0.001 to 1000000" roofline --memory="$peak"
done
expect_error 2 "no integer GEMM of --isa 'avx.' in it, only of avx2" roofline --isa avx.
expect_error 2 "no integer GEMM of --isa '(' in it" roofline --isa '('
expect_error 2 "--svg: '/no/such/k.svg' cannot be written" roofline --svg /no/such/k.svg
expect_error 2 "there is no 'none'" roofline --kernels none
expect_error 2 "Is a directory" roofline --kernels .
for rate in 0 NaN '"300"' null true 1e300 1e-300 1e999 1$(printf '0%.0s' {1..400}); do
  rate "$rate" > bad.json
  expect_error 2 "Gop/s, expected a number from 0.001 to 1000000" roofline --kernels bad.json
done
for rows in 0 000 1000001 1$(printf '0%.0s' {1..400}); do
  rate 300 | sed "s|/512|/$rows|" > bad.json
  expect_error 2 "rows, expected 1 to 1000000" roofline --kernels bad.json
done
# What lies outside the usual picture widens its axes.
for far in "--peak-int8 468000" "--peak-int8 1e6 --memory 0.001" "--peak-int8 0.001 --memory 1e6"; do
  roofline $far --svg far.svg > out 2> err || fail "the roofline failed: $far"
  grep -q '<polyline.*points="[0-9.]*,[0-9.]* [0-9.]*,[0-9.]* [0-9.]*,[0-9.]*"' far.svg || fail "a roof outside: $far"
  if grep -n '\(x\|y\|x1\|x2\|y1\|y2\|cx\|cy\)="-\|nan\|inf' far.svg; then fail "a place outside: $far"; fi
done

# Outputs: whole or not at all, never an input.
expect_unchanged() {
  cmp "$1" "$1.before" || fail "$1 was changed"
  if compgen -G '.tmp-*'; then fail "a leftover"; fi
}
cp k.svg k.svg.before; cp k.json k.json.before
code=0
(ulimit -f 1; roofline --svg k.svg > /dev/null 2> err) || code=$?   # as a full disk: a block is less than the picture
[ $code -eq 1 ] && grep -q '^error: k.svg: File too large$' err || fail "an output that is full: $code"
expect_unchanged k.svg
expect_error 1 "/dev/full: No space left on device" roofline --svg /dev/full
ln -s k.json link.json; ln k.json hard.json
for same in k.json ./k.json link.json hard.json; do
  expect_error 2 "--svg: '$same' is the file of --kernels, expected another" roofline --svg $same
done
expect_unchanged k.json
rm hard.json
for bad in new/ k.json/ "$(printf 'x%.0s' {1..300})"; do
  expect_error 2 "--svg: '$bad' cannot be written" roofline --svg "$bad"
done
roofline --svg /dev/stdout > out 2> err || fail "a picture on stdout"
grep -q '</svg>' out && grep -q '300 of 468' out || fail "a picture on stdout lost the table"
roofline --svg /dev/stdout 2> err | cat > out
grep -q '</svg>' out && grep -q '300 of 468' out || fail "a picture in a pipe lost the table"
ln -s k.svg link.svg; : > k.svg; chmod 640 k.svg
roofline --svg link.svg > out 2> err && cmp k.svg k.svg.before && [ -L link.svg ] || fail "a link is replaced"
[ "$(stat -c %a k.svg)" = 640 ] || fail "other permissions than before"
(umask 027; roofline --svg new.svg > out 2> err)
[ "$(stat -c %a new.svg)" = 640 ] || fail "other permissions than any new file"

printf '{' > bad.json; expect_error 2 "bad.json: expected JSON" roofline --kernels bad.json
printf '\xff' > bad.json; expect_error 2 "bad.json: no UTF-8 at offset 0" roofline --kernels bad.json
printf '[]' > bad.json; expect_error 2 "expected JSON of Google Benchmark" roofline --kernels bad.json
printf '{"benchmarks": []}' > bad.json
expect_error 2 "no integer GEMM in it, expected names like" roofline --kernels bad.json

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
for peers in '' bogus llama_cpp,llama_cpp; do
  expect_error 2 "--peers: '$peers', expected some of" speed --peers "$peers"
done
expect_error 2 "'text' is no program" speed --ours text
expect_error 2 "--output: '.' cannot be written" torch --output .
expect_error 2 "--ours needs --text" torch --ours /bin/true
expect_error 2 "--max-diff: 'nan', expected a number from 0" check greedy --max-diff nan
expect_error 2 "perplexity needs --data" check perplexity
expect_error 2 "reference needs --source" check reference --data text

for peer in speed "speed --peers openvino" "check greedy" torch; do
  expect_error 1 "Python finds no .*; install with: .*pip install" $peer
done

# Nothing is measured for an output that is an input, or that two outputs share.
mkdir folder
touch folder/config.json other
stand_in tool 'exit 1'
expect_error 2 "--output: 'model' is the file of --model" speed --output model
expect_error 2 "--output: 'other' is the file of --our-model" speed --our-model other --output other
expect_error 2 "--output: 'tool' is the file of --ours" speed --ours ./tool --output tool
expect_error 2 "--output: 'text' is the file of --data" check argmax --data text --output text
expect_error 2 "--logits: 'text' is the file of --data" check argmax --data text --logits text
expect_error 2 "--logits: 'model' is the file of --model" check argmax --data text --logits model
expect_error 2 "--output: 'other' is the file of --prompts" check greedy --prompts other --output other
expect_error 2 "--logits: 'l' is the file of --output" check argmax --data text --logits l --output ./l
expect_error 2 "--output: 'text' is the file of --text" torch --text text --output text
expect_error 2 "--output: 'folder/config.json' is in the folder of --teacher" \
  torch --text text --ours ./tool --teacher folder --output folder/config.json
expect_error 1 "Python finds no" check argmax --data text --logits /dev/null --output /dev/null

expect_error 1 "/dev/full: No space left on device" python3 -S -B -c "
import sys; sys.path.append('$bench/peers'); import command_line, outputs
def main():
    with outputs.writing('/dev/full', 'wb') as f: f.write(memoryview(bytes(300000)))
command_line.run(main)"

# Stand-ins for the peers. They load what begins as a GGUF; beside a file "interrupt", training means Ctrl-C.
mkdir -p peers/openvino_genai-1.dist-info
export PYTHONPATH=$PWD/peers
printf 'Metadata-Version: 2.1\nName: openvino-genai\nVersion: 1\n' > peers/openvino_genai-1.dist-info/METADATA
printf 'int64 = "i8"\narray = lambda rows, dtype: rows\nones_like = lambda rows: rows\n' > peers/numpy.py
printf 'Tensor = list\n' > peers/openvino.py
cat > peers/openvino_genai.py << 'EOP'
from types import SimpleNamespace as Thing
GenerationConfig = Thing
TokenizedInputs = lambda ids, mask: ids
class LLMPipeline:
    def __init__(self, path, device, **options):
        if open(path).read(4) != "GGUF":
            raise RuntimeError(f"Exception from gguf.cpp:317:\nFailed to open '{path}'\n")
    def generate(self, ids, config):
        if config.max_new_tokens > 1000:
            raise IndexError("unordered_map::at")
        if config.max_new_tokens > 100:
            raise RuntimeError("Exception from lm.cpp:1:\ntoo many tokens\n")
        return Thing(perf_metrics=Thing(get_ttft=lambda: Thing(mean=1000.0), get_tpot=lambda: Thing(mean=500.0)))
EOP
openvino() { speed --peers openvino --prefill 8 --decode 4 --rounds 1 "$@"; }
expect_error 1 "OpenVINO cannot run model: Failed to open 'model'$" openvino
printf GGUF > model
expect_error 1 "OpenVINO cannot run model: too many tokens$" openvino --decode 200
expect_error 1 "OpenVINO cannot run model: unordered_map::at$" openvino --decode 2000
openvino --output speed.json > out 2> err || fail "speed_bench failed"
cmp out speed.json && grep -q '"median": 8.0' out || fail "the report differs from the file"
code=0
openvino --output /dev/full > out 2> err || code=$?
[ $code -eq 1 ] && cmp out speed.json && grep -q '^error: /dev/full: No space left' err || fail "a full output: $code"

# expect_interrupted EXIT COMMAND…: a signal, sent by the child to its parent, ends both and says nothing of where
expect_interrupted() {
  local code=0
  rm -f child
  env --default-signal=INT,TERM,HUP python3 -S -B "${@:2}" > out 2> err || code=$?
  [ $code -eq "$1" ] && [ ! -s out ] && [ "$(wc -l < err)" -le 1 ] && ! grep -q Traceback err || fail "$*: $code"
  [ -s child ] || fail "$*: no child began"
  if kill -0 "$(cat child)" 2> /dev/null; then fail "$*: its child lives on"; fi
}
for ending in "INT 130" "TERM 143" "HUP 129"; do
  stand_in ours 'echo $$ > child; kill -'"${ending% *}"' $PPID; exec sleep 60'
  expect_interrupted "${ending#* }" "$bench/peers/speed_bench.py" --model model --peers openvino --ours ./ours
done

cat > peers/torch.py << 'EOP'
import os, signal, sys, time, types
from unittest.mock import MagicMock
def randint(low, high, *rest, **options):
    with open("asked", "a") as f: print("torch", low, high, file=f)
    if os.path.exists("interrupt"):
        with open("child", "w") as f: print(os.getpid(), file=f)
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)
__version__, float32, bfloat16, set_num_threads = "0", "f32", "bf16", lambda count: None
Generator, autocast, optim, nn = MagicMock(), MagicMock(), MagicMock(), MagicMock()
EOP
printf 'from unittest.mock import MagicMock\nAutoModelForCausalLM = MagicMock()\n' > peers/transformers.py
train() { py peers/torch_train_bench --model folder --steps 1 --rounds 2 "$@"; }
expect_error 2 "folder/config.json: expected JSON" train
for size in '{}' '[]' '{"vocab_size": 0}' '{"vocab_size": true}' '{"vocab_size": 5.5}'; do
  echo "$size" > folder/config.json
  expect_error 2 "folder/config.json: vocab_size is .*, expected a whole number, 1 or more" train
done
for size in 151936 1000 700; do
  echo "{\"vocab_size\": $size}" > folder/config.json
  rm -f asked
  train > out 2> err || fail "torch_train_bench failed"
  end=$((size < 1000 ? size : 1000))
  [ "$(sort -u asked)" = "torch 0 $end" ] || fail "other ids of a vocabulary of $size: $(cat asked)"
  grep -q "\"torch_ids_below\": $end," out || fail "it does not say which ids"
done

# Ours: refuses what the real one does, plans its memory, writes a step every now and then until it is ended.
stand_in ours 'echo "ours $*" >> asked
[[ "$*" != *"--scheme zz"* ]] || { echo "error: [usage] --scheme: zz is unknown" >&2; exit 2; }
[[ "$*" != *"--compute bf16"* ]] || { echo "error: [train] --compute bf16 needs avx512bf16" >&2; exit 1; }
while [ "$1" != --out ]; do shift; done
mkdir "$2"; echo "planned memory: 1 MB" >&2
for ((;;)); do sleep 0.1; echo "{\"seconds\": 2, \"teacher_seconds\": 1}" >> "$2/metrics.jsonl"; done'
trains() { train --text text --ours ./ours "$@"; }
rm asked
expect_error 1 "ours .* exits 2: error: .usage. --scheme: zz is unknown" trains --scheme zz
expect_error 1 "ours .* exits 1: error: .train. --compute bf16 needs" trains --bf16
! grep -q torch asked || fail "PyTorch was measured for a run that is refused"
rm asked
trains --teacher folder --output trained.json > out 2> err || fail "torch_train_bench failed"
cmp out trained.json && grep -q '"teacher_share"' out || fail "the report differs from the file"
[ "$(sed 's/ .*//' asked | uniq -c | xargs)" = "6 ours 4 torch 3 ours" ] || fail "another order: $(cat asked)"

touch interrupt
expect_interrupted 130 "$bench/peers/torch_train_bench.py" --model folder
stand_in ours 'echo $$ > child; kill -INT $PPID; exec sleep 60'
expect_interrupted 130 "$bench/peers/torch_train_bench.py" --model folder --text text --ours ./ours
