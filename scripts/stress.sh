#!/usr/bin/env bash
# Kills, flipped bits, several hosts, full disks: checks the engine's guarantees; --short in under a minute.
# The long form writes docs/reliability.md; with PEERS=DIR (a Python environment with snakemake and dvc) it times them too.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 scripts/stress.py ${PEERS:+--peers "$PEERS"} "$@"
