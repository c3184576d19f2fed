#!/usr/bin/env bash
# Runs the tests of the package gzip on emulated processors of both architectures, because igzip chooses its code by processor.
# Needs Linux on x86_64, qemu-user and the C library of arm64, and installs what is missing as root on Debian.
. "$(dirname "$0")/paths.sh"
[ "$(uname -sm)" = "Linux x86_64" ] || { say "it runs on Linux on x86_64"; exit 4; }
"$TOP/scripts/setup-sam.sh" # for zig
have_packages nasm nasm
have_packages qemu-aarch64 qemu-user
[ -e /usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1 ] || have_packages "the C library of arm64" libc6-arm64-cross libgcc-s1-arm64-cross
cd "$TOP"
export CARGO_INCREMENTAL=0 MILLRACE_IGZIP=required
arm64=aarch64-unknown-linux-gnu
rustup -q target add $arm64

# cargo passes the name that Rust has for the target, which zig does not know.
zig=$CACHE/zig-cc-arm64
cat >"$zig" <<END
#!/usr/bin/env bash
arguments=()
for argument in "\$@"; do [[ \$argument == --target=* ]] || arguments+=("\$argument"); done
exec "$SAM_VENV/bin/python" -m ziglang cc -target aarch64-linux-gnu.2.34 "\${arguments[@]}"
END
chmod +x "$zig"
export CC_aarch64_unknown_linux_gnu=$zig CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$zig

# tests OPTION...: builds the tests and prints their path.
tests() {
  cargo test --release -p gzip --no-run --message-format=json-render-diagnostics "$@" |
    sed -n 's/.*"executable":"\([^"]*\/gzip-[^"]*\)".*/\1/p'
}
run() { # PROCESSOR COMMAND...: runs the tests, and says so
  local processor=$1; shift
  "$@" --quiet >"$CACHE/igzip-emulated.log" 2>&1 || { cat "$CACHE/igzip-emulated.log"; say "$processor: FAILED"; exit 1; }
  echo "$processor: $(grep '^test result' "$CACHE/igzip-emulated.log")"
}
binary=$(tests --target $arm64)
for processor in cortex-a53 cortex-a57 cortex-a72 neoverse-n1 max; do
  run "arm64 $processor" qemu-aarch64 -L /usr/aarch64-linux-gnu -cpu $processor "$binary"
done
binary=$(tests)
# qemu has no AVX-512.
for processor in qemu64 Nehalem Westmere SandyBridge Haswell; do
  run "x86_64 $processor" qemu-x86_64 -cpu $processor "$binary"
done
