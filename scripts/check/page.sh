#!/usr/bin/env bash
# Checks the types of the report's scripts by their JSDoc and by data.d.ts; without TypeScript it says so and checks nothing.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../../Sources/Report/Page"
if ! command -v tsc >/dev/null; then
  echo "page.sh: skipped, there is no tsc; 'scripts/setup.sh types' installs it" >&2
  exit 0
fi
# The scripts are one: what one declares, the others see.
tsc --noEmit --allowJs --checkJs --target es2022 --lib es2022,dom,dom.iterable data.d.ts ./*.js
