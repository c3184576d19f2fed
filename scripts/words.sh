#!/usr/bin/env bash
# Finds turns that a reader has to guess at, in documents and comments (CONTRIBUTING.md, "Write the change", has the rule). Prints them and fails.
. "$(dirname "$0")/paths.sh"
cd "$TOP"
TURNS="whoever|whomever|anew|nobody|somebody|once more|one's own|such as are|is said of|mend|mended|told of"
documents() { git grep -nIiwP "$TURNS" -- '*.md' '*.yaml' '*.yml' '*.toml' '*.sh' Makefile .ci/run ':!scripts/words.sh' ':!scripts/engine/security.sh' ':!tests/data' ':!docs/FAULTS.md'; }
comments() { git grep -nIiwP "^(?=\s*//).*?\b($TURNS)\b" -- '*.rs'; }
if found=$(documents; comments); [ -n "$found" ]; then
  printf '%s\n' "$found"
  say "write these lines plainly: name the thing, and use the field's word"
  exit 1
fi
