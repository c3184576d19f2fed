#!/usr/bin/env bash
# A real single-node OpenSearch on 127.0.0.1, installed only from Maven Central.
#
#   engine.sh build                       installs it once into .cache/engine (59 MB, about 40 s)
#   engine.sh run DATA_DIR [key=value …]  runs one node in the foreground, on free ports, and prints "ENGINE READY port".
#                                         When standard input ends, it ends and removes DATA_DIR. The arguments are
#                                         settings of the node.
# Environment: MILLRACE_ENGINE: another engine than opensearch-2: opensearch-3, or one of ../engines/engines.sh.
# JAVA_HOME (JDK 17 to 23; 21 or later for opensearch-3), HEAP (768m). SECURITY=true: a node with the security plugin, TLS and users (50 MB
# more). Its certificate is signed by .cache/engine/secure/config/ca.pem. The log is DATA_DIR/engine.log.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../paths.sh"
root=$TOP
dir=$root/.cache/engine
oldest=17 newest=23 # OpenSearch 2 needs the security manager, which JDK 24 removed
if [ "${SECURITY:-}" = true ]; then
  version=2.19.4 # the newest whose security plugin is in Maven Central
  home=$dir/secure
  options=(-Psecurity -Dclassloader.version=2.19.6) # there is no other 2.19 of it in Maven Central
  . "$here/security.sh"
else
  case ${MILLRACE_ENGINE:-opensearch-2} in
    opensearch-2) version=2.19.6 ;; # not 2.19.7: its modules are missing from Maven Central
    opensearch-3) version=3.8.0 oldest=21 newest=99 ;;
    *) exec bash "$here/../engines/engines.sh" "$@" ;;
  esac
  home=$dir/opensearch-$version
  options=(-Pingest)
fi

# --- prerequisites -----------------------------------------------------------------------------------------------
packages() { # as root installs the packages by apt-get, else prints the command
  local need=("$@")
  if ! command -v apt-get > /dev/null; then
    echo "engine.sh: install a JDK (17 to 23) and Maven by this system's package manager" >&2; return 1
  elif [ "$(id -u)" != 0 ]; then
    echo "engine.sh: missing; run: sudo apt-get install ${need[*]}" >&2; return 1
  fi
  { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${need[@]}"; } >&2
}
jdk_package() { # Debian 12 has 17, Debian 13 and Ubuntu 24.04 have 21
  if apt-cache show openjdk-17-jdk-headless > /dev/null 2>&1; then echo openjdk-17-jdk-headless; else echo openjdk-21-jdk-headless; fi
}
prerequisites() {
  local need=()
  find_jdk $oldest $newest > /dev/null || { command -v apt-get > /dev/null && [ "$(id -u)" = 0 ] && apt-get -q update >&2; need+=("$(jdk_package)"); }
  command -v mvn > /dev/null || need+=(maven)
  [ ${#need[@]} = 0 ] || packages "${need[@]}"
}

# --- the home directory ------------------------------------------------------------------------------------------
module() { # name, then globs of its jars; the published jars have no plugin descriptor, so this writes one
  local m=$building/modules/$1 name=$1 main g; shift; mkdir -p "$m"
  for g in "$@"; do cp "$stage"/$g "$m"/ 2> /dev/null || true; done
  main=$("$jdk/bin/jar" tf "$(ls "$m/$name"-*.jar | head -1)" | grep 'Plugin\.class$' | sed 's/\.class$//; s#/#.#g')
  printf '%s\n' "name=$name" "description=$name" "version=$version" "opensearch.version=$version" java.version=11 \
    "classname=$main" extended.plugins= has.native.controller=false > "$m/plugin-descriptor.properties"
}
fresh() { [ -f "$home/.built" ] && [ -z "$(find "$here" -newer "$home/.built" -type f)" ]; }
build() {
  fresh && return 0
  mkdir -p "$dir"; lock "$dir/.lock"; fresh && return 0
  prerequisites; jdk=$(find_jdk $oldest $newest) || { echo "engine.sh: no JDK $oldest to $newest" >&2; return 1; }
  building=$home; rm -rf "$building"; stage=$building/stage; mkdir -p "$stage" "$building"/{lib,config,plugins,modules}
  JAVA_HOME=$jdk mvn -q -B -f "$here/pom.xml" -Dmaven.repo.local="$root/.cache/m2" -Dos.version="$version" "${options[@]}" \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$stage" >&2
  module transport-netty4 'transport-netty4-client-*' 'netty-*' 'opensearch-netty4-*'
  module lang-painless 'lang-painless-*' 'opensearch-scripting-painless-spi-*' 'asm*' 'antlr4-*'
  module reindex 'reindex-client-*' 'opensearch-rest-client-*' 'opensearch-ssl-config-*' 'http*' 'commons-*' 'slf4j-api-*'
  local m j; for m in analysis-common geo mapper-extras; do module $m "$m-*"; done
  [ "${SECURITY:-}" = true ] || module ingest-common 'ingest-common-*' 'opensearch-grok-*' 'opensearch-dissect-*' 'joni-*' 'jcodings-*'
  for j in "$building"/modules/*/*.jar; do rm -f "$stage/${j##*/}"; done
  mv "$stage"/*.jar "$building/lib/"
  printf '%s\n' 'cluster.name: engine' 'node.name: engine-0' 'network.host: 127.0.0.1' 'discovery.type: single-node' \
    'cluster.routing.allocation.disk.threshold_enabled: false' > "$building/config/opensearch.yml"
  printf '%s\n' 'appender.c.type = Console' 'appender.c.name = c' 'appender.c.layout.type = PatternLayout' \
    'appender.c.layout.pattern = %d{ISO8601} %-5p %c{1} %m%n' 'rootLogger.level = info' 'rootLogger.appenderRef.c.ref = c' \
    > "$building/config/log4j2.properties"
  [ "${SECURITY:-}" != true ] || secure
  rmdir "$stage"
  "$jdk/bin/javac" -cp "$building/lib/*" -d "$building/boot" "$here/Engine.java" >&2
  "$jdk/bin/jar" cf "$building/lib/engine.jar" -C "$building/boot" .; rm -rf "$building/boot"
  echo "$jdk" > "$building/jdk"
  touch "$building/.built"
}

run() {
  local data=$1; shift
  local jdk; jdk=$(cat "$home/jdk"); mkdir -p "$data"
  "$jdk/bin/java" -Xms"${HEAP:-768m}" -Xmx"${HEAP:-768m}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -XX:MaxDirectMemorySize=256m -Xshare:auto -Dengine.home="$home" \
    -Dlog4j2.configurationFile="$home/config/log4j2.properties" -Dlog4j2.disable.jmx=true \
    -Dio.netty.noUnsafe=true -Dio.netty.allocator.numDirectArenas=0 -cp "$home/lib/*" Engine \
    path.data="$data" path.logs="$data" http.port=0 transport.port=0 "$@" 2> "$data/engine.log" || { tail -30 "$data/engine.log"; return 1; }
  rm -rf "$data"
}

case ${1:-} in
  can) find_jdk $oldest $newest > /dev/null ;;
  build) build ;;
  run) shift; [ $# -ge 1 ] || { echo "engine.sh run DATA_DIR [key=value …]" >&2; exit 2; }; run "$@" ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
