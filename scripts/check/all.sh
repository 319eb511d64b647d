#!/usr/bin/env bash
# Sets up, builds, and runs every test; what mostly waits (packages, downloads, checks that start programs) goes on beside the builds.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

swift=${SWIFT:-swift}
logs=$(mktemp -d)
declare -A jobs=()

# Nothing that was started here outlives this script, and neither do its logs.
leave() {
  for job in "${jobs[@]}"; do kill -TERM -- "-$job" 2>/dev/null || true; done
  for job in "${jobs[@]}"; do wait "$job" 2>/dev/null || true; done
  rm -rf "$logs"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# step COMMAND…: runs a command and waits for it, so that a signal to this script is acted upon at once.
step() {
  setsid "$@" </dev/null &
  jobs[step]=$!
  local status=0
  wait "${jobs[step]}" || status=$?
  unset "jobs[step]"
  return $status
}

# beside NAME COMMAND…: starts a command in a process group of its own. What it says is kept for `join`.
beside() {
  local name=$1
  shift
  setsid "$@" >"$logs/$name" 2>&1 </dev/null &
  jobs[$name]=$!
}

# join NAME: waits for what `beside` has started, and fails as it did, after printing what it said.
join() {
  local status=0
  wait "${jobs[$1]}" || status=$?
  unset "jobs[$1]"
  [ "$status" = 0 ] || {
    cat "$logs/$1"
    echo "test: $1 failed with exit code $status; what it said is above" >&2
    exit 1
  }
  echo "test: $1 passed"
}

# These two may ask for a password.
scripts/setup.sh browser
scripts/setup.sh slurm
beside python scripts/setup.sh python

step $swift build -c release --product pipeline
step $swift build -c release --product pipeline-serve
join python

# Of the program alone, so the tests need not be built; one after the other, since each keeps a processor busy now and then.
beside checks bash -euc '
  .build/release/pipeline fetch mnist vit-s14
  scripts/check/python.sh
  python3 scripts/stress --short
  python3 -B scripts/newcomer --short'
# --build-tests would also build what no test starts.
step $swift build -c release --product pipelinePackageTests
join checks

# The runner has a thread a processor, and these suites wait for browsers and daemons most of the time.
waiting='EndToEndTests\.(Report|Serve|Slurm|Submit|Travel)Tests'
beside suites .build/release/pipelinePackageTests.xctest --testing-library swift-testing --filter "$waiting"
status=0
step $swift test -c release --skip-build --disable-xctest --skip "$waiting" || status=$?
join suites
exit $status
