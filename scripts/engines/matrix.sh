#!/usr/bin/env bash
# Runs the same scenarios on every engine of engines.sh, and writes docs/ENGINES.md. `make engines` builds what it needs.
#
#   matrix.sh            all engines; writes docs/ENGINES.md
#   matrix.sh ENGINE…    only these; prints the table
#   matrix.sh --two      two that the hash of the commit chooses, of those without a failure in docs/ENGINES.md; `make test` runs this.
#                        An engine that cannot be installed is listed in .cache/not-run.txt; with CI=true it is a failure
#
# MILLRACE_FUNCTIONS names the folder of the functions. The logs are .cache/engines/log/ENGINE. Exit code: 1 if a scenario failed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../paths.sh"
# A scenario, and the tests of tests/tests/wire that are it.
SCENARIOS=(
  "ingest, again|volume::every_event_arrives"
  "poison|poison::a_poison_event"
  "states of the domain|refusal::an_event_that_the_state"
  "unfit events|conflicts::"
  "setup|operate::setup::a_new_index"
  "doctor|doctor::a_sound_deployment"
  "retention, snapshot|operate::retention::an_index_that_is_too_old"
  "recreate|operate::replay::recreate::whatever"
  "dead letters|operate::replay::letters::events_that_a_fixed"
  "alias|layouts::an_alias"
  "data stream|layouts::a_data_stream"
  "rollover|rollover::"
  "declared|layouts::declared"
  "no id|forms::events_without_an_id"
)
page=$TOP/docs/ENGINES.md
all() { "$here/engines.sh" list; }
two() { # of the engines that this machine can run
  local hash can=() engine n
  hash=$(git -C "$TOP" rev-parse HEAD 2> /dev/null | cut -c1-8) || true
  hash=$((16#${hash:-0}))
  for engine in $(all); do
    if grep -q "^| $engine |" "$page" && ! grep -q "^| $engine |.*fails" "$page" && [ "$engine" != opensearch-2 ] &&
      MILLRACE_ENGINE=$engine "$here/../engine/engine.sh" can; then can+=("$engine"); fi
  done
  n=${#can[@]}; [ "$n" -ge 2 ] || { printf '%s\n' "${can[@]}"; return; }
  local first=$((hash % n)); local second=$(((first + 1 + hash / n % (n - 1)) % n))
  printf '%s\n' "${can[$first]}" "${can[$second]}"
}
install() { # engine: installs it. If that cannot be, prints the reason into the list of tests that were not run
  local why=$CACHE/engines/install.err
  mkdir -p "$CACHE/engines"
  for _ in 1 2; do # a registry may fail once
    if [ -n "$1" ] && MILLRACE_ENGINE=$1 "$here/../engine/engine.sh" build 2> >(tee "$why" >&2); then return; fi
  done
  sleep 0.1 # until tee has written
  why=$([ -n "$1" ] && tail -1 "$why" || echo "no JDK (17 to 23)")
  echo "the scenarios of docs/ENGINES.md on ${1:-two engines}: ${why:-it could not be installed}" >> "$CACHE/not-run.txt"
  tail -1 "$CACHE/not-run.txt" >&2
  return 1
}
case ${1:-} in
  --two)
    # The longest scenarios are left out, and fewer events are enough for another engine.
    export MILLRACE_EVENTS=5000
    for n in "${!SCENARIOS[@]}"; do case ${SCENARIOS[$n]} in "states of"* | recreate*) unset "SCENARIOS[$n]" ;; esac; done
    mapfile -t chosen < <(two)
    engines=()
    for engine in "${chosen[@]}"; do
      if install "$engine"; then engines+=("$engine"); elif [ "${CI:-}" = true ]; then exit 1; fi
    done
    [ ${#engines[@]} != 0 ] || exit 0
    ;;
  '') mapfile -t engines < <(all) ;;
  *) engines=("$@") ;;
esac
say "engines: ${engines[*]}"

logs=$CACHE/engines/log; rm -rf "$logs"; mkdir -p "$logs"
filters=(); for scenario in "${SCENARIOS[@]}"; do filters+=("wire::${scenario#*|}"); done
fate() { # engine, test: ok, none or fails
  local log=$logs/$1 tests; tests=$(grep -E "^test wire::$2" "$log" | grep -vc 'has been running') || true
  if [ "$tests" = 0 ] || grep -E "^test wire::$2" "$log" | grep -q FAILED; then echo '**fails**'
  elif grep -q "^figure | $3 | this engine has none" "$log"; then echo none
  else echo ok; fi
}
table=$logs/table failed=0
{
  printf '| engine |'; for scenario in "${SCENARIOS[@]}"; do printf ' %s |' "${scenario%|*}"; done; echo
  printf '|---|'; for _ in "${SCENARIOS[@]}"; do printf -- '---|'; done; echo
} > "$table"
export CI=true
(cd "$TOP" && cargo test --workspace --test wire --no-run) # it may wait for another cargo
for engine in "${engines[@]}"; do
  # A test prints its result on a line of its own only if it prints nothing else before.
  (cd "$TOP" && MILLRACE_ENGINE=$engine timeout 1200 cargo test --workspace --test wire -- "${filters[@]}" --show-output --test-threads=2) \
    > "$logs/$engine" 2>&1 < /dev/null || true
  row="| $engine |"
  for scenario in "${SCENARIOS[@]}"; do row+=" $(fate "$engine" "${scenario#*|}" "${scenario%|*}") |"; done
  case $row in *fails*) failed=1; grep -A2 'panicked at' "$logs/$engine" | cut -c1-300 >&2 || tail -5 "$logs/$engine" >&2 ;; esac
  echo "$row" >> "$table"; say "$row"
done
if [ $# = 0 ]; then
  { sed '/^<!-- table -->$/,$d' "$page"; echo "<!-- table -->"; echo "Run on $(date -u +%F) at commit $(git -C "$TOP" rev-parse --short HEAD)."; echo; cat "$table"; } > "$logs/page"
  cp "$logs/page" "$page"
fi
exit $failed
