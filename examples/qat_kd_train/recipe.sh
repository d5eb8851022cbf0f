#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The study of a real pair, six rows on equal data and steps: a float twin trained by cross-entropy, one trained with the
# teacher, both quantized afterwards (PTQ), QAT and QAT+KD. Hours; a run that was stopped goes on.
#   examples/qat_kd_train/recipe.sh STUDENT TEACHER DATA [OUT [BIN]]
#     STUDENT, TEACHER   Qwen2.5-0.5B and 1.5B, Hugging Face folders
#     DATA               a folder: train*.txt to learn from, test*.txt to measure on
#     OUT, BIN           results (default build/pair), programs (default build/release/bin)
#   In the environment: STEPS (200) of SEQ (256) tokens, LR (5e-6), KD_WEIGHT (1), SCHEME (w4g32), WINDOWS (64) of 512
#   tokens measured, KL_TOKENS (8192), VALIDATE_EVERY (50) steps for the curve in OUT/*/metrics.jsonl
set -euo pipefail
source "$(dirname "$0")/../../scripts/arguments.sh"
expect_arguments 3 5 "$@"
root=$(cd "$(dirname "$0")/../.." && pwd)
student=$1 teacher=$2 data=$3 out=${4:-$root/build/pair} bin=${5:-$root/build/release/bin}
scheme=${SCHEME:-w4g32} windows=${WINDOWS:-64} kl_tokens=${KL_TOKENS:-8192}
mkdir -p "$out"

# train MODE OPTION…
train() {
  local mode=$1 done=$out/$1/done file command=(--mode "$1" --student "$student" "${@:2}")
  for file in "$data"/train*.txt; do command+=(--train "$file"); done
  command+=(--scheme "$scheme" --steps "${STEPS:-200}" --batch 1 --seq "${SEQ:-256}" --lr "${LR:-5e-6}"
            --checkpoint-every 50 --validate-every "${VALIDATE_EVERY:-50}" --valid-sequences 16 --seed 1)
  if [ -e "$done" ]; then
    [ "$(cat "$done")" = "${command[*]}" ] && return
    echo "error: $out/$mode holds what came of another command ($(cat "$done")): choose another OUT" >&2
    exit 1
  fi
  "$bin/qat_kd_train" "${command[@]}" --resume --out "$out/$mode"
  printf '%s\n' "${command[*]}" > "$done"
  rm -rf "$out/$mode/checkpoints" "$out/$mode/best"  # 6 GB each
}
guided=(--teacher "$teacher" --kd-weight "${KD_WEIGHT:-1}")
train qat_kd "${guided[@]}"
train kd "${guided[@]}"
train qat
train fp32

# measure TEXT MODEL WEIGHTS [TWIN]: one JSON document; with TWIN the KL to it, too
measure() {
  local text=$1 model=$2 weights=$3 twin=${4:-} name
  name=$(basename "$text" .txt)-$(basename "$(dirname "$model")")-$weights-$windows${twin:+-$kl_tokens}
  local command=(--model "$model" --data "$text" --protocol llamacpp512 --windows "$windows" --weights "$weights" --json)
  [ -z "$twin" ] || command+=(--kl-to f32 --kl-model "$twin" --kl-tokens "$kl_tokens")
  if [ ! -s "$out/$name.json" ]; then
    "$bin/evaluate" "${command[@]}" > "$out/$name.tmp"
    mv "$out/$name.tmp" "$out/$name.json"
  fi
  jq -r --arg text "$(basename "$text" .txt)" --arg mode "$(basename "$(dirname "$model")")" '.results[] |
    [$text, $mode, .weights, (.perplexity * 1000 | round / 1000),
     (if .kl == null then "-" else .kl * 100000 | round / 100000 end)] | @tsv' "$out/$name.json"
}
for text in "$data"/test*.txt; do
  for twin in kd:qat_kd fp32:qat; do
    IFS=: read -r float trained <<< "$twin"
    measure "$text" "$out/$float/f32" f32
    measure "$text" "$out/$float/f32" "$scheme" "$out/$float/f32"
    measure "$text" "$out/$trained/model.gguf" as-is "$out/$float/f32"
  done
done | tee "$out/rows.tsv" | awk -F '\t' '
  { printf "%-20s %-8s %-8s perplexity %8s  KL to the twin %s\n", $1, $2, $3, $4, $5; fflush() }
  $2 == "fp32" || $2 == "kd" { if ($3 == "f32") twin = $4; else ptq = $4 }
  $2 == "qat" || $2 == "qat_kd" { printf "%-20s %-8s recovery %.1f %%\n", $1, $2, 100 * (ptq - $4) / (ptq - twin); fflush() }'
