#!/usr/bin/env bash
# aws_kinesis_agg, Amazon's library that aggregates like the Kinesis Producer Library, in a Python virtual environment
# under .cache/kpl.
#
#   kpl.sh build           installs it (pinned in requirements.txt; once)
#   kpl.sh run COUNT       aggregates the user records of standard input, COUNT in each frame (see aggregate.py)
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
here=$TOP/scripts/kpl
venv=$CACHE/kpl

case ${1:-} in
  build) python_packages "$venv" "$here/requirements.txt" ;;
  run) shift; exec "$venv/bin/python" "$here/aggregate.py" "$@" ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
