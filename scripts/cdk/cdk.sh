#!/usr/bin/env bash
# The CDK construct of infra/cdk, with its libraries under .cache/cdk.
#
#   cdk.sh build   installs the libraries (pinned in infra/cdk/package-lock.json; once), and compiles the construct and its test app
#   cdk.sh synth TEMPLATE FOLDER CASES   runs the test app (infra/cdk/test/app.ts)
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
here=$TOP/infra/cdk
dir=$CACHE/cdk

libraries() {
  fresh "$dir" "$here/package-lock.json" && return 0
  have_packages npm nodejs npm
  rm -rf "$dir"; mkdir -p "$dir"; cp "$here/package.json" "$here/package-lock.json" "$dir/"
  npm --prefix "$dir" ci --ignore-scripts --no-audit --no-fund >"$CACHE/cdk.log" 2>&1 ||
    { tail -5 "$CACHE/cdk.log" >&2; say "npm could not install the CDK"; exit 4; }
  touch "$dir/.built"
}

build() {
  lock "$dir.lock"
  libraries
  rm -rf "$dir/lib" "$dir/test"
  cp -r "$here/lib" "$here/test" "$here/tsconfig.json" "$dir/"
  (cd "$dir" && node_modules/.bin/tsc) >&2 || { say "the construct does not compile"; exit 1; }
}

case ${1:-} in
  build) build ;;
  synth) shift; exec node "$dir/test/app.js" "$@" ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
