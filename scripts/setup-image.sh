#!/usr/bin/env bash
# Puts public.ecr.aws/lambda/provided:al2023-ARCH into the container engine.   setup-image.sh [x86_64|arm64], by default this machine's
#
# An existing container engine pulls the image. In the dockerd of docker.sh the image is a stand-in: Debian's C library,
# libgcc and busybox (SAM's Dockerfile needs sh, mv and chmod) with a CA bundle, 5.5 MB. It is not Amazon Linux: its
# C library is newer (2.36, not 2.34), so the tests check the versions of the symbols that a binary needs.
. "$(dirname "$0")/paths.sh"
HERE=$(uname -m)
ARCH=${1:-${HERE/aarch64/arm64}}
IMAGE=public.ecr.aws/lambda/provided:al2023-$ARCH
case $ARCH in
  x86_64) DEB=amd64 LOADER=/lib64/ld-linux-x86-64.so.2 ;;
  arm64) DEB=arm64 LOADER=/lib/ld-linux-aarch64.so.1 ;;
  *) say "x86_64 or arm64?"; exit 2 ;;
esac
export "$("$TOP/scripts/docker.sh" env | grep ^DOCKER_HOST=)"
docker image inspect "$IMAGE" >/dev/null 2>&1 && exit 0
case $DOCKER_HOST in
  unix:///tmp/millrace-docker-*) ;;
  *) docker pull -q --platform "linux/$DEB" "$IMAGE" >&2 || { say "$IMAGE cannot be pulled"; exit 4; }; exit 0 ;;
esac
command -v apt-get >/dev/null || { say "$IMAGE can be made from Debian's packages only, and there is no apt-get"; exit 4; }

W=$CACHE/image-$ARCH
ROOT=$W/root DEBS=$W/debs STATE=$W/apt UNPACKED=$W/unpacked
rm -rf "$ROOT" "$UNPACKED"; mkdir -p "$ROOT" "$DEBS" "$UNPACKED" "$STATE"/{state/lists/partial,cache/archives/partial}; touch "$STATE/status"
if ! ls "$DEBS"/libc6_*.deb >/dev/null 2>&1; then # apt with its own state leaves the machine's state unchanged, and works for any architecture
  APT=(-q -o "APT::Architecture=$DEB" -o "APT::Architectures=$DEB" -o "Dir::State=$STATE/state" -o "Dir::State::status=$STATE/status"
    -o "Dir::Cache=$STATE/cache" -o APT::Sandbox::User=root)
  { apt-get "${APT[@]}" update && (cd "$DEBS" && apt-get "${APT[@]}" download libc6 libgcc-s1 busybox-static); } >"$W/apt.log" 2>&1 ||
    { tail -5 "$W/apt.log" >&2; say "Debian's packages for the stand-in cannot be had"; exit 4; }
fi
for deb in "$DEBS"/*.deb; do dpkg-deb -x "$deb" "$UNPACKED"; done
mkdir -p "$ROOT"/{bin,lib,lib64,usr/bin,etc/ssl/certs,etc/pki/tls/certs,var/task,var/runtime,opt,proc,sys,dev,root}
mkdir -m 1777 "$ROOT/tmp"
cp "$UNPACKED/bin/busybox" "$ROOT/bin/"
for applet in sh mv chmod cp rm mkdir ls cat env id sleep; do ln -s busybox "$ROOT/bin/$applet"; done
for library in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 libnss_dns.so.2 libnss_files.so.2 libgcc_s.so.1; do
  cp -L "$(find "$UNPACKED" -name "$library" -print -quit)" "$ROOT/lib64/"
done
cp -L "$(find "$UNPACKED" -name "$(basename "$LOADER")" -print -quit)" "$ROOT$LOADER"
cp -L /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/pki/tls/certs/ca-bundle.crt"
ln -s /etc/pki/tls/certs/ca-bundle.crt "$ROOT/etc/ssl/certs/ca-certificates.crt"
echo 'root:x:0:0:root:/root:/bin/sh' >"$ROOT/etc/passwd"
echo 'root:x:0:' >"$ROOT/etc/group"
echo 'hosts: files dns' >"$ROOT/etc/nsswitch.conf"
mkdir -p "$W/context" # `docker build`, because `docker import` of older engines ignores --platform
tar -C "$ROOT" --owner=0 --group=0 --numeric-owner --sort=name --mtime=@0 -cf "$W/context/root.tar" .
cat >"$W/context/Dockerfile" <<'D'
FROM scratch
ADD root.tar /
ENV LANG=en_US.UTF-8 TZ=:/etc/localtime PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime
WORKDIR /var/task
D
DOCKER_BUILDKIT=0 docker build -q --platform "linux/$DEB" -t "$IMAGE" "$W/context" >"$W/build.log" 2>&1 ||
  { cat "$W/build.log" >&2; say "the stand-in image cannot be built"; exit 4; }
rm -rf "$UNPACKED" "$ROOT"
