#!/usr/bin/env bash
# Installs typos, the spell check of code and documents, into .cache/bin. Its authors publish a wheel with the binary (seconds).
. "$(dirname "$0")/paths.sh"
VERSION=1.52.0
once typos "$VERSION" || exit 0
have_packages python3 python3 python3-venv
rm -rf "$CACHE/typos-venv"
if python3 -m venv "$CACHE/typos-venv" && "$CACHE/typos-venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: "typos==$VERSION"; then
  mkdir -p "$CACHE/bin"; ln -sf ../typos-venv/bin/typos "$CACHE/bin/typos"
else
  cargo install --locked --quiet --root "$CACHE" --version "$VERSION" typos-cli || { say "typos $VERSION cannot be had"; exit 4; }
fi
done_with typos "$VERSION"
