#!/usr/bin/env bash
# Installs nasm, the assembler of the compressor igzip on x86_64 (shared/gzip/build.rs).
. "$(dirname "$0")/paths.sh"
have_packages nasm nasm
