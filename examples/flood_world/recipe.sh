#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How the models of flood world were made: a vocabulary from its own text, a teacher of 4.7 M parameters and a student of
# 0.9 M, both trained from nothing by qat_kd_train. About an hour and a half on 2 cores; a run that was stopped goes on.
#   examples/flood_world/recipe.sh [BIN [OUT]]     programs in BIN (default build/release/bin), all files in OUT
#                                                  (default build/flood_world); OUT/teacher and OUT/student are the models
set -euo pipefail
source "$(dirname "$0")/../../scripts/arguments.sh"
expect_arguments 0 2 "$@"
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${1:-$root/build/release/bin}
out=${2:-$root/build/flood_world}
mkdir -p "$out"

"$bin/flood_world" --split train --reports 20000 --seed 1 --out "$out/train.jsonl"
"$bin/flood_world" --split valid --reports 400 --seed 2 --out "$out/valid.jsonl"
for form in tasks questions; do
  "$bin/flood_world" --split test --form $form --reports 250 --seed 3 --out "$out/test-$form.jsonl"
done

"$bin/new_model" --text "$out/train.jsonl" --vocab 1024 --seed 1 \
  --width 128 --layers 4 --heads 4 --kv-heads 2 --ffn 352 --out "$out/new-student"
"$bin/new_model" --tokenizer "$out/new-student" --seed 2 \
  --width 256 --layers 6 --heads 8 --kv-heads 4 --ffn 704 --out "$out/new-teacher"

# train NAME STEPS LEARNING_RATE
train() {
  "$bin/qat_kd_train" --mode fp32 --scheme w8g32 --student "$out/new-$1" --train "$out/train.jsonl" \
    --valid "$out/valid.jsonl" --steps "$2" --batch 16 --seq 192 --lr "$3" --weight-decay 0.05 --schedule cosine \
    --checkpoint-every 200 --seed 1 --resume --out "$out/run-$1"
  "$bin/quantize" --model "$out/run-$1/f32" --scheme bf16 --out "$out/$1/"
}
train student 3000 4e-3
train teacher 1500 2e-3
for model in student teacher; do
  for form in tasks questions; do
    "$bin/score" --model "$out/$model" --tasks "$out/test-$form.jsonl" --weights bf16
  done
done
