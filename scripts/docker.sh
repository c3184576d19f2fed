#!/usr/bin/env bash
# A container engine for `sam local invoke`.   docker.sh start | env | stop
#
# An engine that already answers is taken as it is. Else, as root, dockerd is started by hand with its data in
# .cache/docker: no systemd, no registry and no firewall rules are needed. `env` prints what to put into the
# environment (DOCKER_HOST), and the address under which containers reach this machine (MILLRACE_HOST_ADDRESS).
. "$(dirname "$0")/paths.sh"
# A socket's path may have 108 characters and a clone may lie deep, so the sockets stay out of it.
RUN=/tmp/millrace-docker-$(printf %s "$TOP" | cksum | cut -d' ' -f1)
OWN=unix://$RUN/docker.sock
DATA=$CACHE/docker

answers() { DOCKER_HOST=$1 timeout 10 docker info >/dev/null 2>&1; }

host() {
  if answers "$OWN"; then echo "$OWN"
  elif answers "${DOCKER_HOST:-unix:///var/run/docker.sock}"; then echo "${DOCKER_HOST:-unix:///var/run/docker.sock}"
  else return 1; fi
}

# ours: the processes that `start` left, by its own folders in their command lines.
ours() {
  local p
  for p in /proc/[0-9]*; do
    { tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null | grep -qE "^(dockerd .*--data-root $DATA|containerd --config $RUN)/? ?" && echo "${p#/proc/}"
  done
  return 0
}

start() {
  host >/dev/null && return 0
  stop # one that does not answer, since something swept up its sockets
  have_packages dockerd docker.io
  [ "$(id -u)" = 0 ] || { say "no container engine answers, and only root can start dockerd: sudo systemctl start docker"; exit 3; }
  rm -rf "$RUN"; mkdir -p "$RUN/exec" "$DATA"
  # Without --iptables=false it would leave a firewall that drops forwarded packets; docker-proxy publishes the ports.
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

stop() { # only the one that `start` made
  local pids; pids=$(ours)
  [ -n "$pids" ] || return 0
  # shellcheck disable=SC2086
  kill $pids 2>/dev/null
  for _ in $(seq 100); do [ -n "$(ours)" ] || return 0; sleep 0.1; done
  say "dockerd does not stop"; return 1
}

case ${1:-} in start) start ;; env) env_ ;; stop) stop ;; *) say "start, env or stop?"; exit 2 ;; esac
