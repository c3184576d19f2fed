#!/usr/bin/env bash
# Builds functions as they are released: the same bytes from every folder and with every CARGO_HOME.
#
#   build.sh ARCHITECTURE FUNCTION...   arm64 or x86_64; each binary is then TARGET/lambda/FUNCTION/bootstrap
#
# TARGET is CARGO_TARGET_DIR, or else target/ of this clone. The compiler writes the paths of sources into binaries, for the
# messages of panics. --remap-path-prefix replaces the parts of these paths that differ between machines.
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
case ${1:-} in arm64) machine=--arm64 ;; x86_64) machine=--x86-64 ;; *) say "the architecture is arm64 or x86_64, not '${1:-}'"; exit 2 ;; esac
[ $# -ge 2 ] || { say "name at least one function, such as s3-ingest"; exit 2; }
functions=("${@:2}")

target=${CARGO_TARGET_DIR:-$TOP/target}
home=${CARGO_HOME:-$HOME/.cargo}
# Of two prefixes that fit, the compiler takes the later one.
remap=("--remap-path-prefix=$TOP=/millrace" "--remap-path-prefix=$target=/target" "--remap-path-prefix=$home=/cargo")
RUSTFLAGS=${remap[*]}
case "$TOP$target$home" in *[[:space:]]*) say "cargo splits RUSTFLAGS at spaces, so no path may have one: $TOP, $target, $home"; exit 2 ;; esac
# The C and assembler sources of dependencies.
CFLAGS="-ffile-prefix-map=$TOP=/millrace -ffile-prefix-map=$target=/target -ffile-prefix-map=$home=/cargo"
export RUSTFLAGS CFLAGS CARGO_TARGET_DIR=$target CARGO_INCREMENTAL=0

# cargo reads functions/.cargo/config.toml, the profile of what is deployed, only in that folder.
cd "$TOP/functions"
PATH=$SAM_VENV/bin:$PATH cargo lambda build --release --locked "$machine" --manifest-path ../Cargo.toml "${functions[@]/#/-p=}"
