#!/usr/bin/env bash
# kinesalite, a Kinesis in one Node.js process, under .cache/kinesalite.
#
#   kinesalite.sh build   installs it (pinned in package-lock.json; once)
#   kinesalite.sh run     serves on 127.0.0.1 and a free port, prints "KINESALITE READY port", and ends when standard
#                         input ends
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
here=$TOP/scripts/kinesalite
dir=$CACHE/kinesalite

build() {
  fresh "$dir" "$here/package-lock.json" && return 0
  lock "$dir.lock"; fresh "$dir" "$here/package-lock.json" && return 0
  have_packages npm nodejs npm
  rm -rf "$dir"; mkdir -p "$dir"; cp "$here/package.json" "$here/package-lock.json" "$dir/"
  # The only optional package is leveldown, which needs a compiler and is used only for streams on disk.
  npm --prefix "$dir" ci --omit=optional --ignore-scripts --no-audit --no-fund >"$CACHE/kinesalite.log" 2>&1 ||
    { tail -5 "$CACHE/kinesalite.log" >&2; say "npm could not install kinesalite"; exit 4; }
  touch "$dir/.built"
}

case ${1:-} in
  build) build ;;
  run) AWS_REGION=${AWS_REGION:-eu-west-1} NODE_PATH=$dir/node_modules exec node "$here/serve.js" ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
