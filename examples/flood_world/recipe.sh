#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How the models of flood world were made: a vocabulary from its own text, a teacher of 4.6 M parameters and a student of
# 0.8 M, both trained from nothing by qat_kd_train: first on whole texts, then on the answers alone (of a report's own
# words most cannot be foretold, and what they teach drowns the answers). It takes hours on 2 cores, not minutes; a run
# that was stopped goes on. The vocabulary is small on purpose: with 1,024 tokens every town of the training text was a
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

for split in train:20000:3:1 valid:200:1:2; do
  IFS=: read -r name reports questions seed <<< "$split"
  for form in text turns; do
    "$bin/flood_world" --split "$name" --form $form --reports "$reports" --questions "$questions" --seed "$seed" \
      --out "$out/$name-$form.jsonl"
  done
done
for form in tasks questions; do
  "$bin/flood_world" --split test --form $form --reports 250 --seed 3 --out "$out/test-$form.jsonl"
done

"$bin/new_model" --text "$out/train-text.jsonl" --vocab 512 --seed 1 \
  --width 128 --layers 4 --heads 4 --kv-heads 2 --ffn 352 --out "$out/new-student"
"$bin/new_model" --tokenizer "$out/new-student" --seed 2 \
  --width 256 --layers 6 --heads 8 --kv-heads 4 --ffn 704 --out "$out/new-teacher"

# train FROM FORM STEPS LEARNING_RATE TO
train() {
  "$bin/qat_kd_train" --mode fp32 --scheme w8g32 --student "$out/$1" --train "$out/train-$2.jsonl" \
    --valid "$out/valid-$2.jsonl" --steps "$3" --batch 8 --seq 384 --lr "$4" --weight-decay 0.05 --schedule cosine \
    --checkpoint-every 200 --seed 1 --resume --out "$out/$5"
}
train new-student text 5000 4e-3 student-text
train student-text/f32 turns 4000 3e-3 student-turns
train new-teacher text 1000 2e-3 teacher-text
train teacher-text/f32 turns 2500 1.5e-3 teacher-turns
for model in student teacher; do
  "$bin/quantize" --model "$out/$model-turns/f32" --scheme bf16 --out "$out/$model/"
  for form in tasks questions; do
    "$bin/score" --model "$out/$model" --tasks "$out/test-$form.jsonl" --weights bf16
  done
done
