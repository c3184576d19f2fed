#!/usr/bin/env bash
# The programs that `make compare` compares Millrace with, under .cache/compare.
#
#   compare.sh build              installs them (Python's packages pinned by hash, Benthos by go.sum; once). Benthos takes minutes
#   compare.sh run NAME ARG...    runs `bulk` or `post` (Python), or `benthos`, and prints what it spent (see measure.py)
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
here=$TOP/scripts/compare
dir=$CACHE/compare
venv=$dir/python
mkdir -p "$dir"

# Benthos 4.27 under its MIT licence, with the components that main.go names. Its modules take 2 GB and are removed after the build.
benthos() {
  fresh "$dir/benthos" "$here/benthos/go.sum" && return 0
  lock "$dir/benthos.lock"; fresh "$dir/benthos" "$here/benthos/go.sum" && return 0
  have_packages go golang
  rm -rf "$dir/benthos"; mkdir -p "$dir/benthos"
  say "compiling Benthos"
  local modules=$dir/benthos/modules
  GOMODCACHE=$modules GOFLAGS=-mod=readonly GOTOOLCHAIN=local nice go build -C "$here/benthos" -p 1 -trimpath -buildvcs=false \
    -ldflags="-s -w" -o "$dir/benthos/benthos" . >"$dir/benthos.log" 2>&1 ||
    { tail -5 "$dir/benthos.log" >&2; say "go could not build Benthos"; exit 4; }
  GOMODCACHE=$modules go clean -modcache; rm -rf "$modules"
  touch "$dir/benthos/.built"
}

case ${1:-} in
  build)
    # Each in its own shell: a script holds one lock.
    (python_packages "$venv" "$here/requirements.txt" python3 --require-hashes --only-binary :all:)
    (benthos)
    ;;
  run)
    name=$2; shift 2
    case $name in
      benthos) set -- "$dir/benthos/benthos" "$@" ;;
      *) set -- "$venv/bin/python" "$here/$name.py" "$@" ;;
    esac
    exec "$venv/bin/python" "$here/measure.py" "$@"
    ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
