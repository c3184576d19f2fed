#!/usr/bin/env bash
# event-ruler, the library with which EventBridge decides which events match a pattern. Installed from Maven Central into
# .cache/ruler.
#
#   ruler.sh build         installs it (pinned in pom.xml; once)
#   ruler.sh run           answers lines of standard input (see Ruler.java)
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
here=$TOP/scripts/ruler
dir=$CACHE/ruler

build() {
  fresh "$dir" "$here/pom.xml" && fresh "$dir" "$here/Ruler.java" && return 0
  lock "$dir.lock"; fresh "$dir" "$here/pom.xml" && fresh "$dir" "$here/Ruler.java" && return 0
  have_packages javac default-jdk-headless
  have_packages mvn maven
  rm -rf "$dir"; mkdir -p "$dir"
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$dir/jars" >&2 ||
    { say "Maven could not fetch event-ruler"; exit 4; }
  javac -XDsuppressNotes -cp "$dir/jars/*" -d "$dir" "$here/Ruler.java" >&2
  touch "$dir/.built"
}

case ${1:-} in
  build) build ;;
  run) exec java -Xss8m -cp "$dir:$dir/jars/*" Ruler ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
