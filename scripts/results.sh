#!/usr/bin/env bash
# Writes the tables of docs/results.md anew from the cache; the prose around them stays. Runs no node.
#
# usage: scripts/results.sh [FILE]
#
# A table stands between the lines
#   <!-- pipeline table NAME [NODE] [--set KEY=VALUE …] -->
#   <!-- end -->
# and is what that command prints with --format markdown. A table that is not up to date is left as it is, named, and
# makes the exit code 1. PIPELINE names the executable (default: .build/release/pipeline), PIPELINE_CACHE the cache.
set -euo pipefail

cd "$(dirname "$0")/.."
file=${1:-docs/results.md}
program=${PIPELINE:-.build/release/pipeline}
[ -x "$program" ] || { echo "results.sh: there is no $program; 'make run' builds it" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

missing=0
inside=no
open='^<!-- pipeline (table .*[^ ]) -->$'
while IFS= read -r line || [ -n "$line" ]; do
  if [[ $line =~ $open ]]; then
    [ "$inside" = no ] || { echo "results.sh: $file: a table starts within a table: $line" >&2; exit 1; }
    inside=keep
    echo "$line"
    # The words of the marker are the command's arguments; values with spaces have no place there.
    read -ra words <<<"${BASH_REMATCH[1]}"
    if "$program" "${words[@]}" --format markdown >"$work/table" 2>"$work/errors"; then
      inside=replace
      echo
      # Titles become captions, since headings belong to the page.
      sed -E 's/^### (.*)$/**\1**/' "$work/table"
    else
      missing=1
      echo "results.sh: left as it was: ${BASH_REMATCH[1]}" >&2
      sed 's/^/  /' "$work/errors" >&2
    fi
  elif [ "$line" = '<!-- end -->' ]; then
    [ "$inside" != no ] || { echo "results.sh: $file: an end without a table" >&2; exit 1; }
    inside=no
    echo "$line"
  elif [ "$inside" != replace ]; then
    echo "$line"
  fi
done <"$file" >"$work/page"
[ "$inside" = no ] || { echo "results.sh: $file: a table has no '<!-- end -->'" >&2; exit 1; }
cmp -s "$work/page" "$file" || cp "$work/page" "$file"
exit $missing
