#!/usr/bin/env bash
# Installs cargo-cyclonedx, which lists the dependencies of a release, into .cache/bin. It is compiled once, in a few minutes.
. "$(dirname "$0")/paths.sh"
version=0.5.9
once cargo-cyclonedx $version || exit 0
cargo install --locked --quiet --root "$CACHE" --version $version cargo-cyclonedx || { say "cargo-cyclonedx $version cannot be had"; exit 4; }
done_with cargo-cyclonedx $version
