#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Joins the JSON of evaluate and of runs of end_to_end_bench into one Markdown table: a row for each scheme.
#   demo_table.sh evaluate.json bench.json…
set -euo pipefail
source "$(dirname "$0")/arguments.sh"
expect_arguments 2 1000 "$@"
for file in "$@"; do
  [ -f "$file" ] && [ -r "$file" ] || wrong_usage "cannot read '$file'"
done
source "$(dirname "$0")/packages.sh"
require_packages "${table_packages[@]}"
# expect_json PROGRAM NUMBERS FILE…: each holds results of the program, which have those numbers
expect_json() {
  local program=$1 numbers=$2 file
  for file in "${@:3}"; do
    jq -e -s "[.[].results[]] | length > 0 and all(.weights and ([$numbers] | all(type == \"number\" and . > 0)))" \
      "$file" > /dev/null 2>&1 || wrong_usage "'$file' is no JSON of $program, expected results with $numbers"
  done
}
expect_json evaluate .perplexity "$1"
expect_json end_to_end_bench \
  '.packed_bytes, .decode_tokens_per_second, .prefill_tokens_per_second, .peak_rss_bytes' "${@:2}"
jq -r -n --slurpfile evaluate "$1" --slurpfile bench <(cat "${@:2}") '
  def round_to(n): . * pow(10; n) | round / pow(10; n);
  ["weights", "size MB", "perplexity", "KL to f32", "ms/token", "prefill tok/s", "peak MB"],
  ($bench[].results[] as $b | ($evaluate[0].results[] | select(.weights == $b.weights)) as $e |
   [$b.weights, ($b.packed_bytes / 1e6 | round_to(1)), ($e.perplexity | round_to(3)), ($e.kl // 0 | round_to(4)),
    (1000 / $b.decode_tokens_per_second | round_to(2)), ($b.prefill_tokens_per_second | round_to(0)),
    ($b.peak_rss_bytes / 1e6 | round_to(0))]) | map(tostring) | join("\t")' |
  awk -F '\t' '
    { for (c = 1; c <= NF; ++c) { cell[NR, c] = $c; if (length($c) > width[c]) width[c] = length($c) } }
    END {
      for (r = 1; r <= NR; ++r) {
        for (c = 1; c <= NF; ++c) printf "| %" (c == 1 ? "-" : "") width[c] "s ", cell[r, c]
        print "|"
        if (r > 1) continue
        for (c = 1; c <= NF; ++c) { rule = sprintf("%" (width[c] + 1) "s", ""); gsub(/ /, "-", rule)
                                    printf "|%s%s", rule, c == 1 ? "-" : ":" }
        print "|"
      }
    }'
