#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The recipe of the real pair: what is wrong is said before anything is trained, and what is right gives its table. The
# programs are stand-ins.
#   tests/programs/recipe_test.sh SOURCE
set -euo pipefail
recipe=$1/examples/qat_kd_train/recipe.sh
source "$(dirname "$0")/expect.sh"
mkdir bin data student teacher
stand_in bin/qat_kd_train 'while [ "$1" != --out ]; do shift; done; mkdir -p "$2"; touch '"$work/trained"
stand_in bin/evaluate 'echo "{\"results\": [{\"weights\": \"w\", \"perplexity\": $(wc -c <<< "$*"), \"kl\": 0.5}]}"'

# refuses PART VARIABLE=VALUE…
refuses() { expect_error 2 "$1" env "${@:2}" "$recipe" student teacher data results bin; }
refuses "no train\*.txt in 'data'"
echo text > data/train-a.txt
refuses "no test\*.txt in 'data'"
touch data/test-a.txt
refuses "'data/test-a.txt' is empty"
echo text > data/test-a.txt
for word in abc -1 1.5 1e3 99999999999; do
  for name in STEPS SEQ QAT_START WINDOWS KL_TOKENS VALIDATE_EVERY; do
    refuses "$name '$word', expected a whole number from" "$name=$word"
  done
done
for word in x 0 -1 nan 11; do
  refuses "LR '$word', expected a number above 0, at most 10" "LR=$word"
  refuses "KD_WEIGHT '$word', expected a number above 0, at most 1" "KD_WEIGHT=$word"
done
refuses "STEPS '0'" STEPS=0
refuses "SEQ '1'" SEQ=1
refuses "QAT_START is 5, expected fewer than 5 steps" QAT_START=5 STEPS=5
refuses "ROWS is empty" ROWS=
refuses "ROWS holds 'x'" ROWS="own x"
expect_error 2 "no model at 'none'" "$recipe" student none data results bin
expect_error 2 "no program qat_kd_train in 'none'" "$recipe" student teacher data results none
expect_error 2 "an argument is empty" "$recipe" student teacher ''
[ ! -e trained ] && [ ! -e results ] || fail "something was trained before all was right"

stand_in bin/evaluate '[[ "$*" != *"--model teacher"* ]] || { echo "error: no model" >&2; exit 1; }'
expect_error 1 "no model" env ROWS=kd "$recipe" student teacher data results bin
[ ! -e trained ] && [ ! -e results ] || fail "something was trained before all was right"
stand_in bin/evaluate 'echo "{\"results\": [{\"weights\": \"w\", \"perplexity\": $(wc -c <<< "$*"), \"kl\": 0.5}]}"'
expect_error 2 "OUT 'data/test-a.txt' cannot be made a folder" "$recipe" student teacher data data/test-a.txt bin

STEPS=9 LR=2.5e-6 QAT_START=08 "$recipe" student teacher data results bin > out 2> err || fail "the recipe failed"
for row in kd qat_kd fp32 qat own; do [ -e results/$row/done ] || fail "$row was not trained"; done
grep -q -- '--qat-start 08 .*--steps 9 .*--lr 2.5e-6 ' results/qat/done || fail "the environment came to nothing"
[ "$(grep -c perplexity out)" -eq 9 ] && [ "$(grep -c recovery out)" -eq 3 ] || fail "no table"

# The same models and texts: nothing is trained again; others: nothing old is told of them.
rm trained
STEPS=9 LR=2.5e-6 QAT_START=08 "$recipe" student teacher data results bin > again 2> err || fail "the recipe failed"
[ ! -e trained ] && cmp out again || fail "a second time differs"
cp -r data other_data
echo other > "other_data/test-a.txt"
expect_error 2 "'results' holds what came of another test-a.txt" env STEPS=9 "$recipe" student teacher other_data results bin
mkdir other
echo 1 > other/config.json
expect_error 2 "'results' holds what came of another teacher" env STEPS=9 "$recipe" student other data results bin
expect_error 2 "'results' holds what came of another student" env STEPS=9 "$recipe" other teacher data results bin
