#!/usr/bin/env bash
# Installs typos, the spell check of code and documents, into .cache/bin.
. "$(dirname "$0")/paths.sh"
binary_of_wheel typos 1.52.0 typos typos-cli
