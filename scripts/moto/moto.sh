#!/usr/bin/env bash
# moto, the AWS emulator, in a Python virtual environment under .cache/moto.
#
#   moto.sh build   installs it (pinned in requirements.txt; once)
#   moto.sh run     serves on 127.0.0.1 and a free port; it prints "MOTO READY port" and ends when standard input does
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../paths.sh"
root=$TOP
venv=$root/.cache/moto

fresh() { [ -f "$venv/.built" ] && [ "$venv/.built" -nt "$here/requirements.txt" ]; }
prerequisites() { # Debian keeps the module that makes virtual environments in a package of its own
  python3 -c 'import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null && return 0
  if ! command -v apt-get > /dev/null; then
    echo "moto.sh: install Python 3.10 or later with venv" >&2; return 1
  elif [ "$(id -u)" != 0 ]; then
    echo "moto.sh: missing; run: sudo apt-get install python3 python3-venv" >&2; return 1
  fi
  { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends python3 python3-venv; } >&2
}
build() {
  fresh && return 0
  mkdir -p "$root/.cache"; lock "$root/.cache/moto.lock"; fresh && return 0
  prerequisites
  rm -rf "$venv"; python3 -m venv "$venv" >&2
  "$venv/bin/python" -m pip -q install --disable-pip-version-check -r "$here/requirements.txt" >&2
  touch "$venv/.built"
}

case ${1:-} in
  build) build ;;
  run) exec "$venv/bin/python" "$here/serve.py" ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
