#!/usr/bin/env bash
# Installs checkov into its own environment, .cache/checkov-venv: checkov and the SAM CLI need different versions of some packages.
. "$(dirname "$0")/paths.sh"
PINS="checkov==3.3.30"
CHECKOV_VENV=$CACHE/checkov-venv
once checkov-venv "$PINS" || exit 0
have_packages python3 python3 python3-venv
rm -rf "$CHECKOV_VENV"
python3 -m venv "$CHECKOV_VENV" 2>"$CACHE/venv.log" || { cat "$CACHE/venv.log" >&2; say "python3 cannot make a virtual environment (Debian: python3-venv)"; exit 3; }
"$CHECKOV_VENV/bin/pip" install -q --disable-pip-version-check "$PINS" || { say "pip could not install $PINS"; exit 4; }
done_with checkov-venv "$PINS"
