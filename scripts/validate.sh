#!/usr/bin/env bash
# Runs the long checks against the truth and writes what came out into docs/validation.md, each section between its
# own markers. usage: scripts/validate.sh [SECTION]...   (default: all; exits 1 if a bar that must hold is missed)
set -euo pipefail
cd "$(dirname "$0")/.."
pipeline=${PIPELINE:-.build/release/pipeline}
failed=0

# write SECTION: puts standard input between <!-- SECTION --> and <!-- /SECTION -->.
write() {
  python3 -I -c '
import re, sys
path, name, text = "docs/validation.md", sys.argv[1], sys.stdin.read().strip()
page = open(path, encoding="utf-8").read()
pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
if not pattern.search(page): sys.exit(f"{path} has no markers of section {name}")
page = pattern.sub(lambda match: match[1] + text + "\n" + match[2], page)
open(path, "w", encoding="utf-8").write(page)' "$1"
}

# Removals from logistic regression by influence, against refits.
logistic() {
  local verdict=0
  # Within `||` the shell's -e is off: nothing is written of a run that failed.
  "$pipeline" run logistic >/dev/null || return 1
  local bars
  bars=$(python3 -I - "$pipeline" <<'PYTHON'
import csv, io, subprocess, sys

def table(node):
    text = subprocess.run([sys.argv[1], "table", "logistic", node, "--format", "csv"], check=True,
                          capture_output=True, text=True).stdout
    return [row for row in csv.DictReader(io.StringIO(text))]

def row(rows, kind, loss):
    return next(r for r in rows if r["groups_of_kind"] == kind and r["change_of_loss_on"] == loss)

linear, loss, errors = table("linear"), table("loss"), table("errors")
# Name, value, bar, whether above it is good, whether it must hold: for coherent groups, one or two terms of a series in
# q (I - H⁻¹ H_U) are no good approximation, which is a result and no defect.
checks = []
for split in ("removed images", "test"):
    checks.append((f"leave one out, loss on {split}: Pearson ≥ .99",
                   float(row(linear, "one image (first order)", split)["Pearson"]), .99, True, True))
for kind in ("random", "coherent"):
    for scheme in ("first order", "second order"):
        checks.append((f"{kind} groups, {scheme}, gᵀΔ, total loss of the removed images: Spearman ≥ .9",
                       float(row(linear, f"{kind} ({scheme})", "removed images")["Spearman"]), .9, True, True))
    for split in ("removed images", "test"):
        for scheme in ("first order", "second order", "newton"):
            checks.append((f"{kind} groups, {scheme}, loss at θ + Δ, mean on {split}: Spearman ≥ .9",
                           float(row(loss, f"{kind} ({scheme})", split)["Spearman"]), .9, True,
                           kind == "random" or scheme == "newton"))
for line in errors:
    kind, share = line["groups_of_kind"], 100 * float(line["share_removed"])
    ratio = float(line["second-order_:_first-order"])
    checks.append((f"{kind} groups, {share:g} %: second order's error below first order's", ratio, 1, False, True))
    checks.append((f"{kind} groups, {share:g} %: second order's error at most half of first order's", ratio, .5, False,
                   kind == "random"))
print("| check | measured | |\n|---|---|---|")
good = [value >= bar if above else value <= bar for _, value, bar, above, _ in checks]
for (name, value, *_), met in zip(checks, good):
    print(f"| {name} | {value:.4f} | {'met' if met else 'missed'} |")
print(f"\n{sum(good)} of {len(checks)} met.")
sys.exit(0 if all(met for met, check in zip(good, checks) if check[4]) else 1)
PYTHON
  ) || verdict=1
  [ -n "$bars" ] || return 1
  {
    echo "$bars"
    echo
    "$pipeline" table logistic --format markdown
    echo
    echo "Made by \`scripts/validate.sh logistic\`."
  } | write logistic
  echo "$bars" | tail -1
  return $verdict
}

for section in "${@:-logistic}"; do
  case $section in
    logistic) "$section" || failed=1 ;;
    *) echo "validate.sh: no section '$section'; there is logistic" >&2; exit 64 ;;
  esac
done
exit $failed
