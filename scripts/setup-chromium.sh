#!/usr/bin/env bash
# Installs the browser that the tests of the page drive (tests/tests/wire/page.rs): Debian's Chromium without a window.
. "$(dirname "$0")/paths.sh"
have_packages chromium-headless-shell chromium-headless-shell
