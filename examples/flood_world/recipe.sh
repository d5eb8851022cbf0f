#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How the models of flood world were made: a vocabulary from its own text, a teacher of 4.6 M parameters and a student of
# 0.8 M, both trained from nothing by qat_kd_train, on the answers alone (of a report's own words most cannot be foretold).
# Excerpts (a line or two with questions about it) and lists of names to read back come before or beside whole reports: from
# those alone neither looking up nor copying is learned in ten times as many tokens. About two hours on 2 cores, one thread
# for each model; a run that was stopped goes on.
#   examples/flood_world/recipe.sh [BIN [OUT]]     programs in BIN (default build/release/bin), all files in OUT
#                                                  (default build/flood_world); OUT/teacher and OUT/student are the models
set -euo pipefail
source "$(dirname "$0")/../../scripts/arguments.sh"
expect_arguments 0 2 "$@"
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${1:-$root/build/release/bin}
out=${2:-$root/build/flood_world}
expect_programs "$bin" flood_world new_model qat_kd_train quantize score
expect_folder OUT "$out"

# write NAME SPLIT REPORTS SEED OPTION…
write() {
  "$bin/flood_world" --split "$2" --form turns --reports "$3" --seed "$4" "${@:5}" --out "$out/$1.jsonl"
}
write train-names train 60000 1 --about names
write valid-names valid 300 1 --about names
write train-excerpts train 60000 1 --about excerpts --questions 2
write valid-excerpts valid 1000 1 --about excerpts
write train-reports train 20000 1 --questions 3
write valid-reports valid 200 2
for form in tasks questions; do
  "$bin/flood_world" --split test --form $form --reports 250 --seed 3 --out "$out/test-$form.jsonl"
done
"$bin/flood_world" --split train --reports 20000 --seed 1 --questions 3 --out "$out/text.jsonl"

# make NAME OPTION…
make() { [ -e "$out/$1/model.safetensors" ] || "$bin/new_model" --context 2048 "${@:2}" --out "$out/$1"; }
make new-student --text "$out/text.jsonl" --vocab 616 --seed 1 --width 128 --layers 4 --heads 4 --kv-heads 2 --ffn 352
make new-teacher --tokenizer "$out/new-student" --seed 2 --width 256 --layers 6 --heads 8 --kv-heads 4 --ffn 704

# train FROM TEXTS SEQUENCE STEPS LEARNING_RATE SCHEDULE WARMUP SEED TO: sequences of several documents, so that few are cut
train() {
  local text texts=()
  for text in $2; do texts+=(--train "$out/train-$text.jsonl"); done
  "$bin/qat_kd_train" --mode fp32 --scheme w8g32 --student "$out/$1" "${texts[@]}" --valid "$out/valid-${2##* }.jsonl" \
    --valid-sequences 16 --batch 1 --seq "$3" --steps "$4" --lr "$5" --schedule "$6" --warmup "$7" --weight-decay 0.05 \
    --seed "$8" --threads 1 --checkpoint-every 500 --validate-every 500 --resume --out "$out/$9"
}
{
  train new-student excerpts 2048 1500 3e-3 constant 75 1 student-1
  train student-1/f32 "excerpts reports" 2048 5000 3e-3 cosine 250 1 student-2
  train student-2/f32 "names excerpts reports" 2048 5000 2e-3 cosine 200 1 student-3
  train student-3/f32 "names excerpts reports" 2048 4000 2e-3 cosine 200 2 student-4
  "$bin/quantize" --model "$out/student-4/f32" --scheme bf16 --out "$out/student/"
} &
train new-teacher names 512 3000 1e-3 constant 200 1 teacher-1
train teacher-1/f32 "names excerpts" 2048 600 1e-3 constant 200 1 teacher-2
train teacher-2/f32 "excerpts reports" 2048 2000 1e-3 cosine 200 1 teacher-3
train teacher-3/f32 "names excerpts reports" 2048 1500 1e-3 cosine 100 2 teacher-4
"$bin/quantize" --model "$out/teacher-4/f32" --scheme bf16 --out "$out/teacher/"
wait $!

for model in student teacher; do
  for form in tasks questions; do
    "$bin/score" --model "$out/$model" --tasks "$out/test-$form.jsonl" --weights bf16
  done
done
