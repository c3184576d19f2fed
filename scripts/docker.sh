#!/usr/bin/env bash
# A container engine for `sam local invoke`.   docker.sh start | env | stop
#
# If an engine already answers, the script uses it. Otherwise, as root, it starts dockerd with its data in .cache/docker.
# This needs no systemd, no registry and no firewall rules. `env` prints two environment variables: DOCKER_HOST, and
# MILLRACE_HOST_ADDRESS, the address under which containers reach this machine.
. "$(dirname "$0")/paths.sh"
# A socket's path may have at most 108 characters, and the path of a clone may be long. So the sockets are in /tmp.
RUN=/tmp/millrace-docker-$(printf %s "$TOP" | cksum | cut -d' ' -f1)
OWN=unix://$RUN/docker.sock
DATA=$CACHE/docker

answers() { DOCKER_HOST=$1 timeout 10 docker info >/dev/null 2>&1; }

host() {
  if answers "$OWN"; then echo "$OWN"
  elif answers "${DOCKER_HOST:-unix:///var/run/docker.sock}"; then echo "${DOCKER_HOST:-unix:///var/run/docker.sock}"
  else return 1; fi
}

# ours: the processes that `start` started, found by our folders in their command lines.
ours() {
  local p
  for p in /proc/[0-9]*; do
    { tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null | grep -qE "^(dockerd .*--data-root $DATA|containerd --config $RUN)/? ?" && echo "${p#/proc/}"
  done
  return 0
}

start() {
  host >/dev/null && return 0
  stop # a dockerd that does not answer, for example because its sockets were deleted
  have_packages dockerd docker.io
  [ "$(id -u)" = 0 ] || { say "no container engine answers, and only root can start dockerd: sudo systemctl start docker"; exit 3; }
  rm -rf "$RUN"; mkdir -p "$RUN/exec" "$DATA"
  # Without --iptables=false dockerd would leave a firewall that drops forwarded packets. docker-proxy publishes the ports.
  setsid nohup dockerd --iptables=false --ip6tables=false --ip-forward=false --data-root "$DATA" --exec-root "$RUN/exec" \
    -H "$OWN" -p "$RUN/dockerd.pid" >"$CACHE/dockerd.log" 2>&1 </dev/null &
  for _ in $(seq 150); do answers "$OWN" && return 0; sleep 0.2; done
  tail -20 "$CACHE/dockerd.log" >&2; say "dockerd does not start here"; exit 4
}

env_() {
  local h; h=$(host) || { say "no container engine is running"; exit 4; }
  echo "DOCKER_HOST=$h"
  echo "MILLRACE_HOST_ADDRESS=$(DOCKER_HOST=$h docker network inspect bridge -f '{{with index .IPAM.Config 0}}{{or .Gateway .Subnet}}{{end}}' | sed 's,\.0/.*,.1,')"
}

stop() { # only the dockerd that `start` started
  local pids; pids=$(ours)
  [ -n "$pids" ] || return 0
  # shellcheck disable=SC2086
  kill $pids 2>/dev/null
  for _ in $(seq 100); do [ -n "$(ours)" ] || return 0; sleep 0.1; done
  say "dockerd does not stop"; return 1
}

case ${1:-} in start) start ;; env) env_ ;; stop) stop ;; *) say "start, env or stop?"; exit 2 ;; esac
