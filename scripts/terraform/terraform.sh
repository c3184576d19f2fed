#!/usr/bin/env bash
# python-hcl2, which reads files of Terraform, in a Python virtual environment under .cache/hcl2.
#
#   terraform.sh build       installs it (pinned in requirements.txt; once)
#   terraform.sh read FILE   prints the file's blocks in JSON
#
# Terraform itself is in no registry of packages. The tests use the program of the machine, if there is one.
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
venv=$CACHE/hcl2

case ${1:-} in
  build) python_packages "$venv" "$TOP/scripts/terraform/requirements.txt" ;;
  read) exec "$venv/bin/hcl2tojson" --quiet --strip-string-quotes "${2:?a file}" ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
