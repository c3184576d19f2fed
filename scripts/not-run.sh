#!/usr/bin/env bash
# The last lines of `make test`: what was not run, and why. Nothing where everything was.
. "$(dirname "$0")/paths.sh"
NOT_RUN=$CACHE/not-run.txt
[ -s "$NOT_RUN" ] || exit 0
printf '\nNot run:\n'
sort -u "$NOT_RUN" | sed 's/^/  /'
