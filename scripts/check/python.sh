#!/bin/sh
# Checks the Python package: its types by mypy, its behaviour by pytest with the program under test, and that it installs.
#
# usage: python.sh [PYTHON]      default: .build-python/bin/python, which 'setup.sh python' makes
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${1:-$root/.build-python/bin/python}
export PIPELINE_PROGRAM="${PIPELINE_PROGRAM:-$root/.build/release/pipeline}" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$root/python" "$work/python"
cd "$work/python"
"$python" -m mypy --cache-dir "$work/mypy" pipeline_client
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --target "$work/site" .
# The tests take what was installed, not the folder that they stand in.
rm -r pipeline_client
PYTHONPATH=$work/site "$python" -m pytest
