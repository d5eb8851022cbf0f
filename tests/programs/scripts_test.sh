#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The scripts as a user meets them: --help prints what they are for, wrong arguments are one line and exit code 2, both
# before anything is installed or built; the demos show prompts, answers and tables. Programs are stand-ins.
#   tests/programs/scripts_test.sh SOURCE
set -euo pipefail
source=$1
source "$(dirname "$0")/expect.sh"
mkdir -p "$work/libslm/build/demo/bin" "$work/libslm/examples" "$work/bin"
cp -r "$source/scripts" "$work/libslm/"
cp -r "$source/examples/text" "$work/libslm/examples/"

stand_in bin/cmake 'touch "'"$work"'/built"; echo "[7/8] Building"; echo "[8/8] Linking"; [ ! -e "'"$work"'/broken" ]'
stand_in bin/dpkg-query 'echo "install ok installed"'
stand_in bin/apt-get 'exit 1'
PATH="$work/bin:$PATH"

for script in demo demo_model test get_model fuzz demo_table; do
  for help in --help -h; do
    libslm/scripts/$script.sh surplus $help > out 2> err || fail "$script $help failed"
    [ ! -s err ] && grep -q "^  .*$script" out || fail "$script $help does not teach"
    ! grep -q '^#\|SPDX\|set -e' out || fail "$script $help shows its code"
  done
done

# refuses PART SCRIPT ARGUMENT…
refuses() { expect_error 2 "$1" "libslm/scripts/$2.sh" "${@:3}"; }
printf GGUF > model.gguf
printf text > text
mkdir folder
for script in demo demo_model test get_model fuzz demo_table; do
  refuses "'--bogus'" $script --bogus
  refuses "an argument is empty" $script ''
done
refuses "'two'" demo_model model.gguf two
refuses "no model at '/no/such'" demo_model /no/such
refuses "without config.json" demo_model folder
refuses "no GGUF file" demo_model text
refuses "'/dev/null' is no GGUF file" demo_model /dev/null
refuses "'more'" demo more
refuses "'more'" demo --seed 2 more
for seed in -1 x 1.5 ''; do refuses "--seed '$seed'" demo --seed "$seed"; done
refuses "--seed ''" demo --seed
refuses "unknown mode 'debug'" test debug
refuses "'more'" test asan more
refuses "'two'" get_model one two
refuses "'two'" get_model --find one two
refuses "too few" fuzz
refuses "no test program" fuzz text
refuses "too few" demo_table text
refuses "cannot read 'none'" demo_table text none
refuses "cannot read '.'" demo_table text .
[ ! -e built ] || fail "something was built before the arguments were right"

bench='{"results": [{"weights": "w8g32", "packed_bytes": 1000000, "decode_tokens_per_second": 50,
        "prefill_tokens_per_second": 1234.5, "peak_rss_bytes": 123456789}]}'
echo '{"results": [{"weights": "w8g32", "perplexity": 12.3456, "kl": 0.25}]}' > evaluate.json
echo "$bench" > bench.json
command -v jq > /dev/null || fail "jq is not here, the table and the demo need it"
for bad in '' text '{}' '{"results": []}' '{"results": [{"weights": "w8g32", "perplexity": null}]}'; do
  printf '%s' "$bad" > bad.json
  refuses "'bad.json' is no JSON of evaluate, expected results with .perplexity" demo_table bad.json bench.json
  refuses "'bad.json' is no JSON of end_to_end_bench, expected results with .packed_bytes" demo_table evaluate.json bad.json
done
libslm/scripts/demo_table.sh evaluate.json bench.json > out 2> err || fail "the table failed"
[ "$(awk '{ print length }' out | sort -u | wc -l)" -eq 1 ] && [ "$(wc -l < out)" -eq 3 ] || fail "not aligned"
grep -q '^| w8g32   |       1 |     12.346 |      0.25 |       20 |          123[45] |     123 |$' out || fail "wrong"

stand_in libslm/build/demo/bin/infer 'echo "answer: $*"'
stand_in libslm/build/demo/bin/quantize 'echo quantized'
stand_in libslm/build/demo/bin/evaluate 'cat "'"$work"'/evaluate.json"'
stand_in libslm/build/demo/bin/end_to_end_bench "echo '$bench'"
libslm/scripts/demo_model.sh model.gguf > out 2> err || fail "the demo failed"
grep -q '^\[8/8\]' out || fail "no word of the build"
grep -A 1 '^> When a river rises' out | grep -q "^answer: --model $work/model.gguf .*--raw" || fail "no prompt and answer"

stand_in libslm/build/demo/bin/study 'echo "| study $* |"'
stand_in libslm/build/demo/bin/flood_world 'while [ "$1" != --out ]; do shift; done; cp "'"$work"'/asked.json" "$2"'
cat > asked.json << 'JSON'
{"turns": [{"prompt": "Report 1.\nQuestion: Is it?\nAnswer:", "completion": " yes\n"}, {"prompt": "Question: Who?\nAnswer:", "completion": " Xa\n"}]}
JSON
libslm/scripts/demo.sh --seed 7 > out 2> err || fail "the demo failed"
grep -q '^Report 1.$' out || fail "no report"
grep -q '^| study .*--seed 7 ' out || fail "no table, or of another seed"
tr '\n' ' ' < out | grep -q '> Is it?  *answer: .*w4g32.gguf.*--prompt Report 1. Question: Is it? Answer: *(right: yes)' || fail "no answer"
tr '\n' ' ' < out | grep -q '> Who?  *answer: .*--prompt Report 1. Question: Who? Answer: *(right: Xa)' || fail "asked of no report"

touch broken
for demo in demo "demo_model model.gguf"; do
  read -r script model <<< "$demo"
  if libslm/scripts/$script.sh $model > out 2> err; then fail "$demo: a build that failed was taken for one"; fi
done
