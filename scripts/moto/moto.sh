#!/usr/bin/env bash
# moto, the AWS emulator, in a Python virtual environment under .cache/moto.
#
#   moto.sh build   installs it (pinned in requirements.txt; once)
#   moto.sh run     serves on 127.0.0.1 and a free port, prints "MOTO READY port", and ends when standard input ends
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
here=$TOP/scripts/moto
venv=$CACHE/moto

case ${1:-} in
  build) python_packages "$venv" "$here/requirements.txt" ;;
  run) exec "$venv/bin/python" "$here/serve.py" ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
