#!/usr/bin/env bash
# Installs what the build, the runs and the tests need; a second time it only looks.
#
# setup.sh system   packages of the system
# setup.sh python   a Python environment for the tests in .build-python
# setup.sh browser  a browser for the tests of the report, which are skipped without
# setup.sh types    TypeScript, by which lint checks the types of the report's scripts; skipped without
# setup.sh slurm    SLURM for the tests of campaigns on it, which are skipped without
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

needed=(libopenblas-dev libhdf5-dev libssl-dev libyaml-dev zlib1g-dev libcurl4-openssl-dev python3 python3-venv python3-pip gnuplot-nox)
# Fashion-MNIST may be in a section of Debian that is not enabled; only its own runs need it.
wanted=(dataset-fashion-mnist)
# Fixed, so that the tests meet the same oracle everywhere.
modules=(h5py==3.16.0 numpy==2.4.6 scipy==1.17.1 jsonschema==4.26.0 pyyaml==6.0.3 selenium==4.51.0
  axe-core-python==0.1.0 pytest==9.2.0 mypy==2.4.1 pandas==3.1.1 setuptools==80.9.0)

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# Prints those of the given packages that are not installed.
missing() {
  local installed package
  installed=$(dpkg-query --show --showformat '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null) || true
  for package in "$@"; do
    grep -qx "ii  $package" <<<"$installed" || printf '%s\n' "$package"
  done
}

# Runs apt-get with the rights it needs.
apt() {
  local -a prefix=()
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      fail "needs root to install packages: run as root 'apt-get install ${needed[*]}', then again"
    fi
    prefix=(sudo)
  fi
  "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" </dev/null >&2
}

system() {
  command -v swift >/dev/null || fail "needs Swift 6.3 or later on PATH (see docs/setup.md)"
  local -a required optional
  # Not to be had is remembered until `make clean`, so that each run does not ask again.
  local mark=$root/.build/setup-without-optional
  mapfile -t required < <(missing "${needed[@]}")
  mapfile -t optional < <([ -e "$mark" ] || missing "${wanted[@]}")
  if [ ${#required[@]} = 0 ] && [ ${#optional[@]} = 0 ]; then return; fi
  command -v apt-get >/dev/null || fail "needs apt-get, or these packages by other means: ${required[*]}"
  say "installing" "${required[@]}" "${optional[@]}"
  apt update || say "the list of packages could not be renewed; trying with the old one"
  if [ ${#required[@]} != 0 ]; then
    apt install --no-install-recommends "${required[@]}" \
      || fail "could not install ${required[*]}; the message of apt-get is above"
  fi
  if [ ${#optional[@]} != 0 ]; then
    if ! apt install --no-install-recommends "${optional[@]}"; then
      say "warning: no ${optional[*]} here; all but the runs on Fashion-MNIST work without"
      mkdir -p "$root/.build"
      touch "$mark"
    fi
  fi
}

# Prints a Python 3.11 or later that can make environments with pip in them.
python_for_venv() {
  local candidate
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "no Python 3.11 or later that can make environments: 'apt-get install python3-venv'"
}

python() {
  local folder=$root/.build-python base
  # Its mark holds what was asked for, and is written last.
  if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/installed" 2>/dev/null)" = "${modules[*]}" ]; then
    return
  fi
  base=$(python_for_venv)
  say "Python environment in .build-python: ${modules[*]}"
  "$base" -m venv --clear "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: "${modules[@]}" \
    </dev/null >&2 || fail "pip could not install the modules; its message is above"
  printf '%s\n' "${modules[*]}" >"$folder/installed"
}

browser() {
  local -a packages
  mapfile -t packages < <(missing chromium chromium-driver)
  if [ ${#packages[@]} = 0 ] || ! command -v apt-get >/dev/null; then return; fi
  say "installing" "${packages[@]}"
  apt install --no-install-recommends "${packages[@]}" || say "warning: no browser here; its tests are skipped"
}

types() {
  local -a packages
  if command -v tsc >/dev/null; then return; fi
  mapfile -t packages < <(missing node-typescript)
  if [ ${#packages[@]} = 0 ] || ! command -v apt-get >/dev/null; then return; fi
  say "installing" "${packages[@]}"
  apt install --no-install-recommends "${packages[@]}" || say "warning: no TypeScript here; its check is skipped"
}

# The tests start and stop daemons of their own. Those that Debian starts, outside of containers, find no configuration and end.
slurm() {
  local -a packages
  mapfile -t packages < <(missing munge slurmctld slurmd slurm-client slurm-wlm-basic-plugins)
  if [ ${#packages[@]} = 0 ] || ! command -v apt-get >/dev/null; then return; fi
  say "installing" "${packages[@]}"
  apt install --no-install-recommends "${packages[@]}" || say "warning: no SLURM here; its tests are skipped"
}

case ${1:-} in
  system | python | browser | types | slurm) "$1" ;;
  *) fail "usage: setup.sh system|python|browser|types|slurm" ;;
esac
