#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The study of a real pair on equal data and steps. Six rows: a float twin trained by cross-entropy, one trained with the
# teacher, both quantized afterwards (PTQ), QAT and QAT+KD. One more: QAT+KD whose teacher is the student's own float
# copy, which is its twin, too. Hours; a run that was stopped goes on.
#   examples/qat_kd_train/recipe.sh STUDENT TEACHER DATA [OUT [BIN]]
#     STUDENT, TEACHER   Qwen2.5-0.5B and 1.5B, Hugging Face folders
#     DATA               a folder: train*.txt to learn from, test*.txt to measure on
#     OUT, BIN           results (default build/pair), programs (default build/release/bin)
#   In the environment:
#     STEPS (200) of SEQ (256) tokens, LR (5e-6), KD_WEIGHT (1), SCHEME (w4g32), COMPUTE (f32; or bf16)
#     QAT_START (0)         steps of qat and qat_kd before the quantizers come into the loop
#     WINDOWS (64)          of 512 tokens measured; KL over KL_TOKENS (8192)
#     VALIDATE_EVERY (50)   steps, for the curve in OUT/*/metrics.jsonl
#     ROWS (qat_kd qat own) what is trained, qat_kd with its twin kd, qat with fp32; all that OUT holds is measured
set -euo pipefail
source "$(dirname "$0")/../../scripts/arguments.sh"
expect_arguments 3 5 "$@"
root=$(cd "$(dirname "$0")/../.." && pwd)
student=$1 teacher=$2 data=$3 out=${4:-$root/build/pair} bin=${5:-$root/build/release/bin}

# What is wrong is said now, not after hours of training.
steps=${STEPS:-200} sequence=${SEQ:-256} rate=${LR:-5e-6} kd_weight=${KD_WEIGHT:-1} scheme=${SCHEME:-w4g32}
qat_start=${QAT_START:-0} windows=${WINDOWS:-64} kl_tokens=${KL_TOKENS:-8192} validate_every=${VALIDATE_EVERY:-50}
expect_whole STEPS "$steps" 1
expect_whole SEQ "$sequence" 2
expect_whole QAT_START "$qat_start" 0
expect_whole WINDOWS "$windows" 0
expect_whole KL_TOKENS "$kl_tokens" 0
expect_whole VALIDATE_EVERY "$validate_every" 0
expect_above_0 LR "$rate" 10
expect_above_0 KD_WEIGHT "$kd_weight" 1
[ "$qat_start" -lt "$steps" ] || wrong_usage "QAT_START is $qat_start, expected fewer than $steps steps"
read -ra wanted <<< "${ROWS-qat_kd qat own}"
[ ${#wanted[@]} -gt 0 ] || wrong_usage "ROWS is empty, expected some of kd, qat_kd, fp32, qat, own"
for row in "${wanted[@]}"; do
  [[ $row =~ ^(kd|qat_kd|fp32|qat|own)$ ]] || wrong_usage "ROWS holds '$row', expected some of kd, qat_kd, fp32, qat, own"
done
for model in "$student" "$teacher"; do
  [ -e "$model" ] || wrong_usage "no model at '$model'"
done
shopt -s nullglob
learned=("$data"/train*.txt) measured=("$data"/test*.txt)
[ ${#learned[@]} -gt 0 ] || wrong_usage "no train*.txt in '$data'"
[ ${#measured[@]} -gt 0 ] || wrong_usage "no test*.txt in '$data'"
for file in "${learned[@]}" "${measured[@]}"; do
  [ -s "$file" ] || wrong_usage "'$file' is empty"
done
expect_programs "$bin" qat_kd_train evaluate
command -v jq > /dev/null || { echo "error: jq is missing, which reads what evaluate writes" >&2; exit 1; }
# A text of too few tokens, or what is no model: the first window says so.
try() { "$bin/evaluate" --protocol llamacpp512 --windows 1 "$@" > /dev/null; }
for text in "${measured[@]}"; do try --model "$student" --data "$text" --weights "$scheme"; done
[[ " ${wanted[*]} " != *kd\ * ]] || try --model "$teacher" --data "${measured[0]}" --weights w8g32
expect_folder OUT "$out"

# What OUT holds came of these models and texts, by what they hold.
sum_of() { find -L "$@" -maxdepth 1 -type f -exec sha256sum {} + | cut -c 1-64 | sort | sha256sum | cut -c 1-64; }
came_of=$out/came_of news=()
touch "$came_of"
# expect_same NAME PATH
expect_same() {
  local sum before
  sum=$(sum_of "$2")
  before=$(name=$1 awk 'substr($0, 66) == ENVIRON["name"] { print $1 }' "$came_of")
  [ -n "$before" ] || news+=("$sum $1")
  [ "${before:-$sum}" = "$sum" ] ||
    wrong_usage "'$out' holds what came of another $1, expected the same or another OUT"
}
expect_same student "$student"
[[ " ${wanted[*]} " != *kd\ * ]] || expect_same teacher "$teacher"
for file in "${learned[@]}" "${measured[@]}"; do expect_same "${file##*/}" "$file"; done
[ ${#news[@]} -eq 0 ] || printf '%s\n' "${news[@]}" >> "$came_of"

# train NAME MODE OPTION…
train() {
  local name=$1 done=$out/$1/done file command=(--mode "$2" --student "$student" "${@:3}")
  for file in "${learned[@]}"; do command+=(--train "$file"); done
  command+=(--scheme "$scheme" --steps "$steps" --batch 1 --seq "$sequence" --lr "$rate"
            --checkpoint-every 50 --validate-every "$validate_every" --valid-sequences 16 --seed 1)
  [ -z "${COMPUTE:-}" ] || command+=(--compute "$COMPUTE")
  if [ -e "$done" ]; then
    [ "$(cat "$done")" = "${command[*]}" ] && return
    echo "error: $out/$name holds what came of another command ($(cat "$done")): choose another OUT" >&2
    exit 1
  fi
  "$bin/qat_kd_train" "${command[@]}" --resume --out "$out/$name"
  printf '%s\n' "${command[*]}" > "$done"
  rm -rf "$out/$name/checkpoints" "$out/$name/best"  # 6 GB each
}
guided=(--teacher "$teacher" --kd-weight "$kd_weight") late=()
[ -z "${QAT_START:-}" ] || late=(--qat-start "$qat_start")
for row in "${wanted[@]}"; do
  case $row in
    kd | qat_kd) train kd kd "${guided[@]}" ;;
    fp32 | qat) train fp32 fp32 ;;
    own) train own qat_kd --teacher "$student" --teacher-weights f32 --kd-weight 1 ;;
  esac
  case $row in
    qat_kd) train qat_kd qat_kd "${guided[@]}" "${late[@]}" ;;
    qat) train qat qat "${late[@]}" ;;
  esac
done

# measure TEXT NAME MODEL WEIGHTS [TWIN]: one JSON document; with TWIN the KL to it, too
measure() {
  local text=$1 row=$2 model=$3 weights=$4 twin=${5:-} name
  name=$(basename "$text" .txt)-$row-$weights-$windows${twin:+-$kl_tokens}
  local command=(--model "$model" --data "$text" --protocol llamacpp512 --windows "$windows" --weights "$weights" --json)
  [ -z "$twin" ] || command+=(--kl-to f32 --kl-model "$twin" --kl-tokens "$kl_tokens")
  if [ ! -s "$out/$name.json" ]; then
    "$bin/evaluate" "${command[@]}" > "$out/$name.tmp"
    mv "$out/$name.tmp" "$out/$name.json"
  fi
  jq -r --arg text "$(basename "$text" .txt)" --arg row "$row" '.results[] |
    [$text, $row, .weights, (.perplexity * 1000 | round / 1000),
     (if .kl == null then "-" else .kl * 100000 | round / 100000 end)] | @tsv' "$out/$name.json"
}
# rows TEXT TWIN FOLDER NAME: the float twin, its PTQ, what was trained with the quantizer
rows() {
  measure "$1" "$2" "$3" f32
  measure "$1" "$2" "$3" "$scheme" "$3"
  measure "$1" "$4" "$out/$4/model.gguf" as-is "$3"
}
for text in "${measured[@]}"; do
  [ ! -e "$out/qat_kd/done" ] || rows "$text" kd "$out/kd/f32" qat_kd
  [ ! -e "$out/qat/done" ] || rows "$text" fp32 "$out/fp32/f32" qat
  [ ! -e "$out/own/done" ] || rows "$text" student "$student" own
done | tee "$out/rows.tsv" | awk -F '\t' '
  { printf "%-20s %-8s %-8s perplexity %8s  KL to the twin %s\n", $1, $2, $3, $4, $5; fflush() }
  NR % 3 == 1 { twin = $4 }
  NR % 3 == 2 { ptq = $4 }
  NR % 3 == 0 { printf "%-20s %-8s recovery %.1f %%\n", $1, $2, 100 * (ptq - $4) / (ptq - twin); fflush() }'
