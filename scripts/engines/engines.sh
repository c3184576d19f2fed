#!/usr/bin/env bash
# A real single node of another engine on 127.0.0.1, installed only from Maven Central. MILLRACE_ENGINE names it:
# elasticsearch-6.8, -7.1, -7.4, -7.7, -7.10, -7.17, -8, -9, or opensearch-1.
#
#   engines.sh list                        prints the names of all engines, also of those of ../engine/engine.sh
#   engines.sh can                         whether this machine has the JDK for it
#   engines.sh build                       installs it once into .cache/engines (40 to 90 MB)
#   engines.sh run DATA_DIR [key=value …]  runs one node as ../engine/engine.sh does
#
# Environment: JAVA_HOME (JDK 17; 21 or later for elasticsearch-9), HEAP (768m). The log is DATA_DIR/engine.log.
# Not in Maven Central, and so not here: x-pack (API keys, data streams of 7.x, snapshots life cycle), and for 8 and 9 the modules
# ingest-common and rest-root. A plugin of 20 lines answers `GET /` in their place.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../paths.sh"
NAMES=(elasticsearch-6.8 elasticsearch-7.1 elasticsearch-7.4 elasticsearch-7.7 elasticsearch-7.10 elasticsearch-7.17 elasticsearch-8
  elasticsearch-9 opensearch-1 opensearch-2 opensearch-3)
[ "${1:-}" != list ] || { printf '%s\n' "${NAMES[@]}"; exit; }

name=${MILLRACE_ENGINE:-}
group=org.elasticsearch oldest=17 newest=23 log4j=2.17.1 extras=()
case $name in
  elasticsearch-6.8) version=6.8.23 ;;
  elasticsearch-7.1) version=7.1.1 ;;
  elasticsearch-7.4) version=7.4.2 ;;
  elasticsearch-7.7) version=7.7.1 ;;
  elasticsearch-7.10) version=7.10.2; for m in mapper-extras lang-painless analysis-common ingest-common; do
    extras+=("org.codelibs.elasticsearch.module:$m"); done ;;
  elasticsearch-7.17) version=7.17.29 log4j=2.19.0 extras=(org.elasticsearch.plugin:mapper-extras-client) ;;
  elasticsearch-8) version=8.19.21 ;;
  elasticsearch-9) version=9.2.0 oldest=21 newest=99 ;;
  opensearch-1) version=1.3.20 group=org.opensearch extras=(org.opensearch.plugin:mapper-extras-client) ;;
  *) say "MILLRACE_ENGINE=$name: give one of ${NAMES[*]}"; exit 2 ;;
esac
home=$CACHE/engines/$name
case $name in elasticsearch-[89]) modules=yes ;; *) modules= ;; esac

dependency() { printf '<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n' "$@"; }
pom() {
  local extra
  echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
  echo "<groupId>local</groupId><artifactId>$name</artifactId><version>1</version><packaging>pom</packaging><dependencies>"
  dependency "$group" "${group#org.}" $version
  if [ -n "$modules" ]; then dependency $group.plugin transport-netty4 $version; else
    dependency $group.plugin transport-netty4-client $version
    dependency org.apache.logging.log4j log4j-core $log4j
    dependency org.apache.logging.log4j log4j-api $log4j
    dependency org.locationtech.jts jts-core 1.15.0
    dependency org.locationtech.spatial4j spatial4j 0.7
    for extra in "${extras[@]}"; do dependency "${extra%:*}" "${extra#*:}" $version; done
  fi
  echo '</dependencies></project>'
}
descriptor() { # folder, name, class
  printf '%s\n' "name=$2" "description=$2" "version=$version" "elasticsearch.version=$version" java.version=17 "classname=$3" \
    extended.plugins= has.native.controller=false > "$1/plugin-descriptor.properties"
}
module() { # a module of our own, for 8 and 9
  local to=$home/modules/$1 built=$home/$1; mkdir -p "$to" "$built"
  sed "s/VERSION/$version/" "$here/$1.java" > "$built/$1.java"
  "$jdk/bin/javac" -cp "$home/lib/*" -d "$built" "$built/$1.java" >&2
  "$jdk/bin/jar" cf "$to/$1.jar" -C "$built" m; rm -r "$built"
  descriptor "$to" "$1" "m.$1"
}
fresh_home() { [ -f "$home/.built" ] && [ -z "$(find "$here" -newer "$home/.built" -type f)" ]; }
build() {
  fresh_home && return 0
  mkdir -p "$CACHE/engines"; lock "$home.lock"; fresh_home && return 0
  have_packages mvn maven
  jdk=$(find_jdk $oldest $newest) || { say "$name needs a JDK $oldest to $newest"; exit 3; }
  rm -rf "$home"; mkdir -p "$home"/{lib,config,modules,plugins,boot,native}
  pom > "$home/pom.xml"
  JAVA_HOME=$jdk mvn -q -B -f "$home/pom.xml" -Dmaven.repo.local="$CACHE/m2" \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$home/lib" >&2
  printf '%s\n' 'cluster.name: engine' 'node.name: engine-0' 'network.host: 127.0.0.1' 'discovery.type: single-node' \
    'cluster.routing.allocation.disk.threshold_enabled: false' > "$home/config/${group#org.}.yml"
  printf '%s\n' 'appender.c.type = Console' 'appender.c.name = c' 'appender.c.target = SYSTEM_ERR' 'appender.c.layout.type = PatternLayout' \
    'appender.c.layout.pattern = %d{ISO8601} %-5p %c{1} %m%n' 'rootLogger.level = info' 'rootLogger.appenderRef.c.ref = c' \
    > "$home/config/log4j2.properties"
  if [ -n "$modules" ]; then
    mkdir "$home/modules/transport-netty4"; mv "$home"/lib/{transport-netty4,netty}-*.jar "$home/modules/transport-netty4/"
    descriptor "$home/modules/transport-netty4" transport-netty4 org.elasticsearch.transport.netty4.Netty4Plugin
    module RootPlugin
    cp "$here/ModularEngine.java" "$home/boot/Engine.java"
  else
    # Version 6 has another way to read the settings.
    local prepare='base, extra, home.resolve("config"), () -> "engine"'
    [ "$name" != elasticsearch-6.8 ] || prepare='base, null, extra, home.resolve("config")'
    sed "s/import GROUP/import $group/; s/PREPARE/$prepare/" "$here/ClasspathEngine.java" > "$home/boot/Engine.java"
  fi
  "$jdk/bin/javac" -cp "$home/lib/*" -d "$home/boot" "$home/boot/Engine.java" >&2
  echo "$jdk" > "$home/jdk"
  touch "$home/.built"
}

plugins() {
  local all=$group.transport.Netty4Plugin
  case $name in
    elasticsearch-7.10) all+=,$group.index.mapper.MapperExtrasPlugin,$group.analysis.common.CommonAnalysisPlugin,$group.ingest.common.IngestCommonPlugin ;;
    elasticsearch-7.17 | opensearch-1) all+=,$group.index.mapper.MapperExtrasPlugin ;;
  esac
  echo $all
}
run() {
  local data=$1 jdk enforce=; shift; jdk=$(cat "$home/jdk"); mkdir -p "$data"
  # Version 6 has a limit of shards, as later versions do, but enforces it only with this property.
  [ "$name" != elasticsearch-6.8 ] || enforce=-Des.enforce_max_shards_per_node=true
  "$jdk/bin/java" $enforce -Xms"${HEAP:-768m}" -Xmx"${HEAP:-768m}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dengine.home="$home" \
    -Dengine.plugins="$(plugins)" -Dlog4j2.configurationFile="$home/config/log4j2.properties" -Dlog4j2.disable.jmx=true \
    -Dio.netty.noUnsafe=true -Dio.netty.allocator.numDirectArenas=0 -Des.nativelibs.path="$home/native" -Des.path.home="$home" \
    -Des.path.conf="$home/config" -Des.distribution.type=tar -Des.set.netty.runtime.available.processors=false \
    -Dopensearch.set.netty.runtime.available.processors=false --add-opens=java.base/java.lang=ALL-UNNAMED \
    --add-opens=java.base/java.io=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED -cp "$home/boot:$home/lib/*" Engine \
    path.data="$data" path.logs="$data" http.port=0 transport.port=0 "$@" 2> "$data/engine.log" || { tail -30 "$data/engine.log"; return 1; }
  rm -rf "$data"
}

case ${1:-} in
  can) find_jdk $oldest $newest > /dev/null ;;
  build) build ;;
  run) shift; [ $# -ge 1 ] || { echo "engines.sh run DATA_DIR [key=value …]" >&2; exit 2; }; run "$@" ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
