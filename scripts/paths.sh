# Sourced by the other scripts: where things are kept, and how a script says that it cannot go on.
#
# Everything is installed into .cache/ of this clone, git-ignored. Exit codes of the scripts: 0 done, 3 a system
# package is missing and only root can install it (the command is printed), 4 it cannot be had on this machine.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=$TOP/.cache
SAM_VENV=$CACHE/sam-venv
mkdir -p "$CACHE"

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

# have_packages COMMAND PACKAGE...: installs Debian packages where COMMAND is missing.
have_packages() {
  local command=$1; shift
  command -v "$command" >/dev/null && return 0
  if ! command -v apt-get >/dev/null; then say "$command is missing; install it by your package manager (Debian: $*)"; exit 3; fi
  if [ "$(id -u)" != 0 ]; then say "$command is missing; run: sudo apt-get install --no-install-recommends $*"; exit 3; fi
  say "installing $*"
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; } \
    >"$CACHE/apt.log" 2>&1 </dev/null || { tail -5 "$CACHE/apt.log" >&2; say "apt-get could not install $*"; exit 4; }
}

# once NAME VERSION: true where NAME is still to be installed at VERSION. `done_with` leaves the stamp.
once() { [ "$(cat "$CACHE/$1.stamp" 2>/dev/null)" != "$2" ]; }
done_with() { printf '%s\n' "$2" >"$CACHE/$1.stamp"; }

# lock PATH: until this script ends, nobody else gets past it. flock is not everywhere; a directory is made by one
# alone. A lock older than ten minutes is an accident's.
lock() {
  LOCK=$1
  local waited=0
  until mkdir "$LOCK" 2>/dev/null; do
    sleep 1; waited=$((waited + 1)); [ $waited -lt 600 ] || rm -rf "$LOCK"
  done
  trap 'rm -rf "$LOCK"' EXIT
}

# fresh FOLDER PINS: whether FOLDER holds what the file PINS names. Whoever fills it leaves the mark by `touch FOLDER/.built`.
fresh() { [ -f "$1/.built" ] && [ "$1/.built" -nt "$2" ]; }

# python_packages FOLDER REQUIREMENTS [PYTHON [OPTION...]]: a Python virtual environment with what a requirements file pins, made
# once; OPTION is one of pip's, such as --require-hashes.
python_packages() {
  local python=${3:-python3}
  fresh "$1" "$2" && return 0
  lock "$1.lock"; fresh "$1" "$2" && return 0
  # Debian keeps the module that makes virtual environments in a package of its own.
  "$python" -c 'import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    have_packages "Python 3.10 or later with venv" python3 python3-venv
  rm -rf "$1"
  "$python" -m venv "$1" >&2 || { say "$python cannot make a virtual environment (Debian: python3-venv)"; exit 3; }
  "$1/bin/python" -m pip -q install --disable-pip-version-check "${@:4}" -r "$2" >&2 || { say "pip could not install what $2 names"; exit 4; }
  touch "$1/.built"
}
