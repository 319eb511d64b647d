#!/usr/bin/env bash
# Kills, flipped bits, several hosts, full disks: checks the engine's guarantees; --short in under a minute.
# The long form times it beside ninja, Snakemake and DVC, too, where those are on PATH, and with --write makes the page.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 scripts/stress.py "$@"
