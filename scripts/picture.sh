#!/usr/bin/env bash
# Draws self loss against group size, with 95 % intervals, from a pipeline's table: scripts/picture.sh NAME OUT.svg
set -euo pipefail

name=${1:?usage: scripts/picture.sh NAME OUT.svg [--set KEY=VALUE …]}
out=${2:?usage: scripts/picture.sh NAME OUT.svg [--set KEY=VALUE …]}
shift 2
command -v gnuplot >/dev/null || { echo "picture.sh: gnuplot is missing: apt-get install gnuplot-nox" >&2; exit 1; }

data=$(mktemp)
trap 'rm -f "$data"' EXIT
${PIPELINE:-.build/release/pipeline} table "$name" table --format csv "$@" | tr -d '\r' >"$data"
total=$(${PIPELINE:-.build/release/pipeline} table "$name" table --format json "$@" | sed -n 's/.*"column_total" : \([0-9]*\).*/\1/p')

gnuplot <<GNUPLOT
set terminal svg size 900,500 font "Helvetica,14" background "white"
set output "$out"
set datafile separator ","
set title "Loss on the removed images, by how they were removed ($name)"
set xlabel "images removed, of ${total:-all} of the label"
set ylabel "mean cross-entropy (95 % interval over repeats)"
set key below horizontal Left reverse
set grid ytics lc "#dddddd"
set border 3
set tics nomirror
set yrange [0:*]
rows(scheme) = sprintf("< awk -F, -v OFS=, '\$1 == \"%s\" && \$3 == \"self loss\" { print \$2, \$7, \$9 }' $data", scheme)
plot rows("original") using 1:2 with lines lw 2 dt 2 lc "#888888" title "untouched net", \
  rows("retrain") using 1:2:3 with yerrorlines lw 2 pt 7 lc "#000000" title "retrained without them", \
  rows("1-step") using (\$1+12):2:3 with yerrorlines lw 2 pt 5 lc "#0072b2" title "one influence step", \
  rows("3-step") using (\$1+24):2:3 with yerrorlines lw 2 pt 9 lc "#d55e00" title "three steps: near, moderate, far"
GNUPLOT
