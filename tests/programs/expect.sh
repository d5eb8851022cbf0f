# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of scripts and benches: a folder of their own, stand-ins for programs, and what a user is told.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { echo "$*" >&2; cat out err >&2; exit 1; }
# stand_in FILE TEXT: a program that runs these lines
stand_in() { printf '#!/bin/bash\n%s\n' "$2" > "$1"; chmod +x "$1"; }
# expect_error CODE PART COMMAND…: it ends with CODE, and all it prints is one line `error: …` that says PART
expect_error() {
  local expected=$1 part=$2 code=0
  shift 2
  "$@" > out 2> err || code=$?
  [ "$code" -eq "$expected" ] || fail "$*: exit code $code, expected $expected"
  [ ! -s out ] && [ "$(wc -l < err)" -eq 1 ] && grep -q "^error: .*$part" err || fail "$*: expected error: …$part"
}
