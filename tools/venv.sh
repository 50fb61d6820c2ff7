#!/usr/bin/env bash
# Makes .venv from the pinned requirements: `bash tools/venv.sh`, called by make when they change.
# PYTHON=/path/to/python names the interpreter; otherwise the newest that really runs is taken.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A pyenv shim is on the path for versions that are not installed: only running one proves it.
runs() { "$1" -c 'import sys; assert sys.version_info >= (3, 11)' >/dev/null 2>&1; }

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    runs "$PYTHON" && echo "$PYTHON" && return
    echo "PYTHON=$PYTHON does not run, or is older than 3.11" >&2
    return 1
  fi
  local candidate
  for candidate in python3.13 python3.12 python3.11 python3 python; do
    if runs "$candidate"; then echo "$candidate"; return; fi
  done
  echo "No Python 3.11 or newer was found; set PYTHON=/path/to/it" >&2
  return 1
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

make_venv() {
  # Debian ships the venv module without ensurepip unless python3.X-venv is installed.
  if "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    "$1" -m venv --clear .venv
    return
  fi
  local package
  package="$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
  echo "Installing $package with apt-get ..."
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends "$package"
  "$1" -m venv --clear .venv
}

python="$(find_python)"
echo "Making .venv with $("$python" --version) ..."
make_venv "$python"
# Everything is pinned and hashed, so there is nothing to resolve; `pip check` proves it complete.
.venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes \
  -r requirements-dev.txt
.venv/bin/python -m pip check --disable-pip-version-check >/dev/null
touch .venv/.ready
