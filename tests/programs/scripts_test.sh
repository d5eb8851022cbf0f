#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The scripts as a user meets them: --help prints what they are for, wrong arguments are one line and exit code 2, both
# before anything is installed or built; the demo shows prompts, answers and an aligned table. Programs are stand-ins.
#   tests/programs/scripts_test.sh SOURCE
set -euo pipefail
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/libslm/build/demo/bin" "$work/libslm/examples" "$work/bin"
cp -r "$source/scripts" "$work/libslm/"
cp -r "$source/examples/text" "$work/libslm/examples/"
cd "$work"

fail() { echo "$*" >&2; cat out err >&2; exit 1; }
stand_in() { printf '#!/bin/bash\n%s\n' "$2" > "$1"; chmod +x "$1"; }
stand_in bin/cmake 'touch "'"$work"'/built"; echo "[7/8] Building"; echo "[8/8] Linking"; [ ! -e "'"$work"'/broken" ]'
stand_in bin/dpkg-query 'echo "install ok installed"'
stand_in bin/apt-get 'exit 1'
PATH="$work/bin:$PATH"

for script in demo test get_model fuzz demo_table; do
  for help in --help -h; do
    libslm/scripts/$script.sh surplus $help > out 2> err || fail "$script $help failed"
    [ ! -s err ] && grep -q "^  .*$script" out || fail "$script $help does not teach"
    ! grep -q '^#\|SPDX\|set -e' out || fail "$script $help shows its code"
  done
done

# refuses PART SCRIPT ARGUMENT…: exit code 2 and one line that says PART
refuses() {
  local part=$1 code=0
  shift
  "libslm/scripts/$1.sh" "${@:2}" > out 2> err || code=$?
  [ $code -eq 2 ] || fail "$*: exit code $code, expected 2"
  [ ! -s out ] && [ "$(wc -l < err)" -eq 1 ] && grep -q "^error: .*$part" err || fail "$*: expected error: …$part"
}
printf GGUF > model.gguf
printf text > text
mkdir folder
for script in demo test get_model fuzz demo_table; do refuses "'--bogus'" $script --bogus; done
refuses "'two'" demo model.gguf two
refuses "no model at '/no/such'" demo /no/such
refuses "without config.json" demo folder
refuses "no GGUF file" demo text
refuses "unknown mode 'debug'" test debug
refuses "'more'" test asan more
refuses "'two'" get_model one two
refuses "'two'" get_model --find one two
refuses "too few" fuzz
refuses "no test program" fuzz text
refuses "too few" demo_table text
refuses "cannot read 'none'" demo_table text none
[ ! -e built ] || fail "something was built before the arguments were right"

bench='{"results": [{"weights": "w8g32", "packed_bytes": 1000000, "decode_tokens_per_second": 50,
        "prefill_tokens_per_second": 1234.5, "peak_rss_bytes": 123456789}]}'
echo '{"results": [{"weights": "w8g32", "perplexity": 12.3456, "kl": 0.25}]}' > evaluate.json
echo "$bench" > bench.json
command -v jq > /dev/null || fail "jq is not here, the table and the demo need it"
libslm/scripts/demo_table.sh evaluate.json bench.json > out 2> err || fail "the table failed"
[ "$(awk '{ print length }' out | sort -u | wc -l)" -eq 1 ] && [ "$(wc -l < out)" -eq 3 ] || fail "not aligned"
grep -q '^| w8g32   |       1 |     12.346 |      0.25 |       20 |          123[45] |     123 |$' out || fail "wrong"

stand_in libslm/build/demo/bin/infer 'echo "answer: $*"'
stand_in libslm/build/demo/bin/quantize 'echo quantized'
stand_in libslm/build/demo/bin/evaluate 'cat "'"$work"'/evaluate.json"'
stand_in libslm/build/demo/bin/end_to_end_bench "echo '$bench'"
libslm/scripts/demo.sh model.gguf > out 2> err || fail "the demo failed"
grep -q '^\[8/8\]' out || fail "no word of the build"
grep -A 1 '^> When a river rises' out | grep -q "^answer: --model $work/model.gguf .*--raw" || fail "no prompt and answer"
touch broken
if libslm/scripts/demo.sh model.gguf > out 2> err; then fail "a build that failed was taken for one"; fi
