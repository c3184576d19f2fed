#!/usr/bin/env bash
# Installs the SAM CLI, cargo-lambda with zig, and cfn-lint into .cache/sam-venv (about a minute, once a version).
. "$(dirname "$0")/paths.sh"
PINS="aws-sam-cli==1.170.0 cargo-lambda==1.9.2 ziglang==0.17.1 cfn-lint==1.58.0"
once sam-venv "$PINS" || exit 0
have_packages python3 python3 python3-venv
rm -rf "$SAM_VENV"
python3 -m venv "$SAM_VENV" 2>"$CACHE/venv.log" || { cat "$CACHE/venv.log" >&2; say "python3 cannot make a virtual environment (Debian: python3-venv)"; exit 3; }
# shellcheck disable=SC2086
"$SAM_VENV/bin/pip" install -q --disable-pip-version-check $PINS || { say "pip could not install $PINS"; exit 4; }
done_with sam-venv "$PINS"
