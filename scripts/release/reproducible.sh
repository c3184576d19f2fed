#!/usr/bin/env bash
# Builds a function twice, the second time in another folder, with another CARGO_HOME and other caches, and compares the bytes.
#
#   reproducible.sh FUNCTION ARCHITECTURE
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
function=${1:?a function, such as firehose-transform} architecture=${2:?arm64 or x86_64}
"$TOP/scripts/setup-sam.sh"
mkdir -p "$CACHE/run"
folder=$(mktemp -d "$CACHE/run/reproducible.XXXXXX")
trap 'rm -rf "$folder"' EXIT
home=${CARGO_HOME:-$HOME/.cargo}

other=$folder/in/another/folder
mkdir -p "$other/.cache" "$folder/home/registry"
(cd "$TOP" && git ls-files -z | tar -c --null -T - -f -) | tar -x -C "$other" -f -
ln -s "$SAM_VENV" "$other/.cache/sam-venv"
# The second CARGO_HOME has the downloads of the first one, and unpacks them itself.
for part in config.toml registry/index registry/cache; do [ ! -e "$home/$part" ] || cp -R "$home/$part" "$folder/home/$part"; done

CARGO_TARGET_DIR=$folder/first "$TOP/scripts/release/build.sh" "$architecture" "$function"
env -u CARGO_TARGET_DIR CARGO_HOME="$folder/home" XDG_CACHE_HOME="$folder/cache" "$other/scripts/release/build.sh" "$architecture" "$function"

binaries=("$folder/first/lambda/$function/bootstrap" "$other/target/lambda/$function/bootstrap")
sha256sum "${binaries[@]}"
cmp "${binaries[@]}" || { say "the two builds of $function for $architecture differ"; exit 1; }
say "the two builds of $function for $architecture are equal"
