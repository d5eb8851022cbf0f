#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to a quantized model that answers, on a bare Debian machine; nothing is fetched but Debian's packages. Builds
# libslm, invents flood reports, trains the committed student of flood world on them with and without quantizers and
# teacher, shows what each way costs (a table, a plot), and asks the int4 model about a report it has never seen.
#   scripts/demo.sh [--seed N]     N: of reports and training, default 1; another one gives other numbers
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
seed=1
if [ "${1-}" = --seed ]; then
  expect_whole --seed "${2-}" 0
  seed=$2
  shift 2
fi
expect_arguments 0 0 "$@"
cd "$(dirname "$0")/.."
source scripts/packages.sh
source scripts/demo_steps.sh

step "build"
require_packages "${build_packages[@]}" "${table_packages[@]}"
build_demo flood_world study infer
world=examples/flood_world
out=build/demo/flood_world
mkdir -p "$out"
write() { "$bin/flood_world" --out "$out/$1.jsonl" --seed "$seed" "${@:2}"; }

step "flood reports: names of the test are in no other text"
write train --split train --form turns --reports 3000 --questions 3
write valid --split valid --form turns --reports 60
write tasks --split test --form tasks --reports 150
write asked --split test --form turns --reports 1
wc -l "$out"/*.jsonl

rm -rf "$out/study"  # of the demo before: study writes over none
step "the study: $world/student trained in seven ways, measured in ten"
"$bin/study" --student "$world/student" --teacher "$world/teacher" --train "$out/train.jsonl" --valid "$out/valid.jsonl" \
  --tasks "$out/tasks.jsonl" --schemes w8g32,w4g32,w2g32 --steps 100 --lr 3e-4 --seed "$seed" --out "$out/study"

step "the int4 model reads a report it has never seen: infer --model $out/study/w4g32.gguf"
report=$(jq -r '.turns[0].prompt | split("Question: ")[0]' "$out/asked.jsonl")
printf '%s\n' "$report"
while read -r turn; do
  question=$(jq -r '.prompt | split("Question: ")[1] | split("\n")[0]' <<< "$turn")
  answer=$("$bin/infer" --model "$out/study/w4g32.gguf" --raw --temperature 0 --stop $'\n' -n 64 \
    --prompt "$(printf '%s\nQuestion: %s\nAnswer:' "$report" "$question")" 2> "$out/infer.log") || { cat "$out/infer.log" >&2; exit 1; }
  printf '> %s\n %s   (right: %s)\n' "$question" "${answer# }" "$(jq -r '.completion | gsub("^ |\n$"; "")' <<< "$turn")"
done < <(jq -c '.turns[]' "$out/asked.jsonl")
printf '\nTable %s, plot %s, models and numbers beside them\n' "$out/study/study.md" "$out/study/study.svg"
