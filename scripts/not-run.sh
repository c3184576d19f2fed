#!/usr/bin/env bash
# Prints the last lines of `make test`: the tests that were not run, with the reason. Prints nothing if all were run.
. "$(dirname "$0")/paths.sh"
NOT_RUN=$CACHE/not-run.txt
[ -s "$NOT_RUN" ] || exit 0
printf '\nNot run:\n'
sort -u "$NOT_RUN" | sed 's/^/  /'
