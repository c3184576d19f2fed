#!/usr/bin/env bash
# Installs the SAM CLI, cargo-lambda with zig, and cfn-lint into .cache/sam-venv (about a minute, once a version).
#
# These tools build the deployed binaries, so every package is locked by its hash, and none is built from source here.
# --no-deps: the file lists all dependencies, and pip's resolver refuses a locked package that another package requires with an extra.
. "$(dirname "$0")/paths.sh"
have_packages python3 python3 python3-venv
python_packages "$SAM_VENV" "$TOP/scripts/sam/requirements.txt" python3 --require-hashes --no-deps --only-binary :all:
