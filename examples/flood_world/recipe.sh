#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How models of flood world are made: a vocabulary from its own text, a teacher of 4.6 M parameters and a student of
# 0.8 M, both trained from nothing by qat_kd_train, on the answers alone (of a report's own words most cannot be foretold).
# First on excerpts, a line or two with questions about it: there to look up and to copy is learned sooner than from whole
# reports. It takes hours on 2 cores; a run that was stopped goes on.
# The vocabulary has the halves of all names and no whole name: with 1,024 tokens every town of the training text was a
# token of its own, and what was learned of them said nothing about the towns of the test.
#   examples/flood_world/recipe.sh [BIN [OUT]]     programs in BIN (default build/release/bin), all files in OUT
#                                                  (default build/flood_world); OUT/teacher and OUT/student are the models
set -euo pipefail
source "$(dirname "$0")/../../scripts/arguments.sh"
expect_arguments 0 2 "$@"
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${1:-$root/build/release/bin}
out=${2:-$root/build/flood_world}
mkdir -p "$out"

# write NAME SPLIT REPORTS SEED OPTION…
write() {
  "$bin/flood_world" --split "$2" --form turns --reports "$3" --seed "$4" "${@:5}" --out "$out/$1.jsonl"
}
write train-excerpts train 120000 1 --excerpts
write valid-excerpts valid 1000 1 --excerpts
write train-reports train 20000 1 --questions 3
write valid-reports valid 200 2
for form in tasks questions; do
  "$bin/flood_world" --split test --form $form --reports 250 --seed 3 --out "$out/test-$form.jsonl"
done
"$bin/flood_world" --split train --reports 20000 --seed 1 --questions 3 --out "$out/text.jsonl"

"$bin/new_model" --text "$out/text.jsonl" --vocab 616 --context 2048 --seed 1 \
  --width 128 --layers 4 --heads 4 --kv-heads 2 --ffn 352 --out "$out/new-student"
"$bin/new_model" --tokenizer "$out/new-student" --context 2048 --seed 2 \
  --width 256 --layers 6 --heads 8 --kv-heads 4 --ffn 704 --out "$out/new-teacher"

# train FROM TEXTS BATCH STEPS LEARNING_RATE SCHEDULE TO: sequences of several documents, so that few are cut
train() {
  local text texts=()
  for text in $2; do texts+=(--train "$out/train-$text.jsonl"); done
  "$bin/qat_kd_train" --mode fp32 --scheme w8g32 --student "$out/$1" "${texts[@]}" \
    --valid "$out/valid-${2##* }.jsonl" --valid-sequences 20 --batch "$3" --seq 2048 --steps "$4" --lr "$5" --schedule "$6" \
    --weight-decay 0.05 --checkpoint-every 200 --seed 1 --resume --out "$out/$7"
}
train new-student excerpts 2 1500 3e-3 constant student-excerpts
train student-excerpts/f32 reports 2 3500 3e-3 cosine student-reports
train new-teacher excerpts 1 1000 2e-3 constant teacher-excerpts
train teacher-excerpts/f32 "excerpts reports" 1 4000 2e-3 cosine teacher-reports
for model in student teacher; do
  "$bin/quantize" --model "$out/$model-reports/f32" --scheme bf16 --out "$out/$model/"
  for form in tasks questions; do
    "$bin/score" --model "$out/$model" --tasks "$out/test-$form.jsonl" --weights bf16
  done
done
