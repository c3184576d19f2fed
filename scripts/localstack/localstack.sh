#!/usr/bin/env bash
# LocalStack, an AWS emulator that deploys templates, in a Python virtual environment under .cache/localstack, with its
# Kinesis. Functions run as child processes (executor.py), and custom resources work (custom_resource.py).
#
#   localstack.sh build          installs it (pinned in requirements.txt; once)
#   localstack.sh run DATA_DIR   serves on 127.0.0.1 and a free port, and prints "LOCALSTACK READY port". When standard
#                                input ends, it ends with all functions, and removes DATA_DIR
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
here=$TOP/scripts/localstack
venv=$CACHE/localstack
libs=$venv/libs

# The pinned packages need Python 3.13 (LocalStack 4.14 uses `warnings.deprecated`). The system's Python is often another version.
find_python() {
  local python
  for python in python3 python3.13 "$HOME"/.pyenv/versions/3.13.*/bin/python; do
    "$python" -c 'import venv, ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null &&
      { echo "$python"; return; }
  done
  return 1
}

venv() {
  local python
  fresh "$venv" "$here/requirements.txt" && return 0
  if ! python=$(find_python); then
    [ "$(id -u)" != 0 ] || apt-get -q update >/dev/null 2>&1 || true # the package lists of a container image are often empty
    for python in python3.13; do
      apt-cache show "$python-venv" >/dev/null 2>&1 && { have_packages "$python of LocalStack" "$python" "$python-venv"; break; }
    done
    python=$(find_python) || { say "LocalStack needs Python 3.13 with venv, and there is none"; exit 4; }
  fi
  python_packages "$venv" "$here/requirements.txt" "$python"
}

# Installs kinesis-local where LocalStack looks for it. Otherwise LocalStack would install it, with unpinned dependencies.
kinesis() {
  local dir=$libs/kinesis-local/0.5.2
  fresh "$dir" "$here/package-lock.json" && return 0
  lock "$venv.npm.lock"; fresh "$dir" "$here/package-lock.json" && return 0
  have_packages npm nodejs npm
  rm -rf "$dir"; mkdir -p "$dir"; cp "$here/package.json" "$here/package-lock.json" "$dir/"
  npm --prefix "$dir" ci --ignore-scripts --no-audit --no-fund >"$CACHE/localstack-npm.log" 2>&1 ||
    { tail -5 "$CACHE/localstack-npm.log" >&2; say "npm could not install kinesis-local"; exit 4; }
  touch "$dir/.built"
}

case ${1:-} in
  build) (venv); (kinesis) ;; # subshells, so that each releases its lock at its end
  run) exec "$venv/bin/python" "$here/serve.py" "${2:?the folder of its data}" "$venv/cache" "$libs" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
