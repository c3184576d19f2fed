#!/usr/bin/env bash
# aws_kinesis_agg, Amazon's library that aggregates as the Kinesis Producer Library does, in a Python virtual environment
# under .cache/kpl.
#
#   kpl.sh build           installs it (pinned in requirements.txt; once)
#   kpl.sh run COUNT       aggregates the user records of standard input, COUNT a frame (see aggregate.py)
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
here=$TOP/scripts/kpl
venv=$CACHE/kpl

fresh() { [ -f "$venv/.built" ] && [ "$venv/.built" -nt "$here/requirements.txt" ]; }
build() {
  fresh && return 0
  lock "$CACHE/kpl.lock"; fresh && return 0
  have_packages python3 python3 python3-venv
  rm -rf "$venv"
  python3 -m venv "$venv" 2>"$CACHE/kpl.log" || { cat "$CACHE/kpl.log" >&2; say "python3 cannot make a virtual environment (Debian: python3-venv)"; exit 3; }
  "$venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt" >&2 || { say "pip could not install aws_kinesis_agg"; exit 4; }
  touch "$venv/.built"
}

case ${1:-} in
  build) build ;;
  run) shift; exec "$venv/bin/python" "$here/aggregate.py" "$@" ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
