#!/usr/bin/env bash
# Runs a built function under the runtime interface emulator of SAM's wheel, which is Lambda without a container.
#
#   sam-rie.sh build                    installs SAM if it is missing
#   sam-rie.sh run FOLDER LOG           serves FOLDER/bootstrap, prints "RIE READY port", writes the function's output
#                                       to LOG, and ends when standard input ends
. "$(dirname "$0")/paths.sh"

run() {
  local folder=$1 log=$2 rie port api pid
  case $(uname -m) in x86_64) rie=x86_64 ;; aarch64 | arm64) rie=arm64 ;; *) say "no emulator for $(uname -m)"; exit 4 ;; esac
  rie=$(echo "$SAM_VENV"/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-"$rie")
  [ -f "$rie" ] || { say "SAM's wheel holds no runtime interface emulator here"; exit 4; }
  [ -x "$rie" ] || { mkdir -p "$CACHE/bin"; install -m 755 "$rie" "$CACHE/bin/rie"; rie=$CACHE/bin/rie; }
  read -r port api < <("$SAM_VENV/bin/python" -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in "pa"]
print(*(s.getsockname()[1] for s in sockets))')
  cd "$folder"
  "$rie" --log-level error --runtime-api-address "127.0.0.1:$api" --runtime-interface-emulator-address "127.0.0.1:$port" \
    ./bootstrap >"$log" 2>&1 </dev/null &
  pid=$!
  # shellcheck disable=SC2064
  trap "kill $pid 2>/dev/null; wait $pid 2>/dev/null" EXIT
  for _ in $(seq 200); do
    (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 "$pid" 2>/dev/null || { cat "$log" >&2; say "the emulator ended"; exit 1; }
    sleep 0.05
  done
  echo "RIE READY $port"
  cat >/dev/null
}

case ${1:-} in
  build) "$TOP/scripts/setup-sam.sh" ;;
  run) run "$2" "$3" ;;
  *) say "build, or run FOLDER LOG?"; exit 2 ;;
esac
