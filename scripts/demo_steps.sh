# SPDX-License-Identifier: Apache-2.0
# Sourced by the demos: what their steps have in common. Programs are built in build/demo.
bin=build/demo/bin

step() { printf '\n== %s\n' "$1"; }

# build_demo TARGET…: Ninja's status, rewritten in place on a terminal, a line every ten seconds elsewhere; all of it where it
# fails.
build_demo() {
  cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSLM_TESTS=OFF >/dev/null
  if [ -t 1 ]; then
    cmake --build build/demo --target "$@"
    return
  fi
  local line last=$SECONDS log=build/demo/build.log
  cmake --build build/demo --target "$@" 2>&1 | tee "$log" | while read -r line; do
    case $line in \[*) ;; *) continue ;; esac
    [ $((SECONDS - last)) -ge 10 ] || continue
    printf '%s\n' "${line%%]*}]"
    last=$SECONDS
  done || { cat "$log" >&2; return 1; }
  tail -n 1 "$log"
}
