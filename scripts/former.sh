#!/usr/bin/env bash
# The functions of an earlier release, built from its commit.
#
#   former.sh COMMIT   builds them once into .cache/former/COMMIT, and prints that folder
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
commit=${1:?a commit}
dir=$CACHE/former/$commit
mkdir -p "$CACHE/former"
lock "$dir.lock"
if [ ! -f "$dir/.built" ]; then
  rm -rf "$dir"; mkdir -p "$dir/clone"
  git -C "$TOP" archive "$commit" | tar -x -C "$dir/clone" || { say "$commit is not in this clone: git fetch --unshallow"; exit 4; }
  cd "$dir/clone"
  functions=(functions/*/)
  functions=("${functions[@]#functions/}")
  functions=("${functions[@]%/}")
  # The profile for development: it compiles faster, and its checks of overflows stay on. Debug information would take a gigabyte.
  CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$dir/target cargo build --locked "${functions[@]/#/-p}" >"$dir/build.log" 2>&1 ||
    { tail -20 "$dir/build.log" >&2; say "$commit could not be built"; exit 4; }
  for function in "${functions[@]}"; do install "$dir/target/debug/$function" "$dir/$function"; done
  rm -rf "$dir/target" "$dir/clone"
  touch "$dir/.built"
fi
echo "$dir"
