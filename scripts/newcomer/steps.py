"""The steps of the first hour, in their order; each asserts what the newcomer would see."""
import csv
import io
import json
import shutil
import statistics
import subprocess
import sys

from lab import ROOT, seconds

SETS, MODELS, SEEDS = ["alpha", "beta", "gamma"], ["nearest", "polynomial"], range(5)
FITS = sorted(f"fit[{model},data={data},seed={seed}]" for model in MODELS for data in SETS for seed in SEEDS)


def install(lab):
    """install the program into a folder of one's own"""
    lab.call(sys.executable, "-B", ROOT / "scripts/install", lab.built, "--prefix", lab.prefix, folder=lab.folder)
    assert lab.pipeline("--version", folder=lab.folder).stdout.strip()


def begin(lab):
    """init: a small project that runs, from any folder within it"""
    lab.pipeline("init", "project", folder=lab.folder)
    assert lab.run("letters") == ["all", "count[word=pear]", "count[word=plum]"]
    assert lab.pipeline("cat", "letters", "all", "all.txt", folder=lab.project / "pipelines").stdout == "plum 4\npear 4\n"
    assert lab.run("letters") == []


def own_project(lab):
    """an own Python project: 3 data sets, 2 models, 5 seeds; a table and a verdict"""
    lab.copy()
    ran = lab.run("fits")
    assert ran == sorted(FITS + [f"data[data={data}]" for data in SETS] + ["table", "verdict"]), ran
    check_table(lab)
    verdict = lab.pipeline("table", "fits", "verdict").stdout
    assert "polynomial against nearest: " in verdict, verdict
    assert all(len(line) <= 80 for line in lab.pipeline("table", "fits", "--width", "80").stdout.splitlines())
    assert lab.run("fits") == []
    # The README shows this file, and no other.
    shown = (ROOT / "README.md").read_text().split("```yaml\n")
    lab.write("readme.yaml", next(text for text in shown if text.startswith("parameters:\n  ridge")).split("```")[0])
    assert lab.pipeline("plan", "readme").stdout.startswith("readme: 0 of 35 nodes would run")


def errors(lab, ridge):
    """The mean errors, computed beside the pipeline by the project's own functions."""
    lines = [
        "import json, sys; sys.path.insert(0, 'src'); from fit import errors",
        "path = lambda data: f'reference/{data}.csv'",
        f"print(json.dumps([[m, d, errors(m, path(d), s, *([{ridge}] if m == 'polynomial' else []))['rmse']]",
        f"  for m in {MODELS} for d in {SETS} for s in range(5)]))"]
    (lab.project / "reference").mkdir(exist_ok=True)
    for data in SETS:
        table = lab.pipeline("cat", "fits", f"data[data={data}]", "data.csv").stdout
        (lab.project / f"reference/{data}.csv").write_text(table)
    found = {}
    for model, data, value in json.loads(lab.call(sys.executable, "-B", "-c", "\n".join(lines)).stdout):
        found.setdefault((model, data), []).append(value)
    return {key: statistics.fmean(values) for key, values in found.items()}


def check_table(lab, ridge=0.1, words=()):
    text = lab.pipeline("table", "fits", "table", "--format", "csv", *words).stdout
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["metric"] == "rmse"]
    means = {(row["scheme"], row["data"]): float(row["mean"]) for row in rows}
    wanted = errors(lab, ridge)
    assert means.keys() == wanted.keys(), text
    assert all(abs(means[key] - wanted[key]) < 1e-9 for key in wanted), (means, wanted)


def one_parameter(lab):
    """another value of a parameter: explain and compare name it, and only what uses it runs"""
    node = "fit[polynomial,data=beta,seed=2]"
    assert "  fit[polynomial].ridge: 0.1 → 10" in lab.pipeline("explain", "fits", node, "--set", "ridge=10").stdout
    ran = lab.run("fits", "--set", "ridge=10")
    assert ran == sorted([name for name in FITS if "polynomial" in name] + ["table", "verdict"]), ran
    check_table(lab, 10, ["--set", "ridge=10"])
    page = lab.pipeline("compare", "fits~1", "fits~0", "--width", "80", "--lines", "24").stdout
    assert "fit[polynomial].ridge: 0.1 → 10" in page, page
    assert len(page.splitlines()) <= 24 and all(len(line) <= 80 for line in page.splitlines()), page
    # The former value is still there.
    assert lab.run("fits") == []


def helper_module(lab):
    """a changed helper module: its file is named, and results that stay the same stop there"""
    before = lab.edit("src/models.py", "def nearest(", "# The rows nearest to x.\ndef nearest(")
    said = lab.pipeline("explain", "fits", FITS[0]).stdout
    assert "content of src/models.py: " in said and "fit.py" not in said, said
    assert lab.run("fits") == FITS, "the table does not run again: no figure has changed"
    (lab.project / "src/models.py").write_text(before)
    assert lab.run("fits") == [], "what was there before is there again"


def failing_node(lab):
    """a node that fails: the rest goes on, the log is kept, and a mended one runs alone"""
    before = lab.edit("src/fit.py", "    misses =", "    if 'gamma' in path or seed == 3: misses = undefined\n    misses =")
    answer = lab.pipeline("run", "fits", "--keep-going", "--keep-scratch", status=1)
    assert "NameError: name 'undefined' is not defined" in answer.stderr, answer.stderr
    assert "its folder is kept" in answer.stderr, answer.stderr
    log = lab.pipeline("logs", "fits", "fit[nearest,data=beta,seed=3]").stdout
    assert "Traceback" in log and "NameError" in log, log
    status = lab.pipeline("status", "fits").stdout
    assert "failed: fit[nearest,data=beta,seed=3]" in status, status
    (lab.project / "src/fit.py").write_text(before)
    assert lab.run("fits") == []
    # A failure that no key knows of: a service that was down. Only what failed, and what stands on it, runs again.
    lab.write("service.yaml", f"""
        axes: {{day: 3}}
        stages:
          fetch:
            stage: command
            for: day
            parameters:
              argv: [sh, -c, "test ${{day}} != 1 || test -e '{lab.folder}/up' || exit 3; echo ${{day}} > o"]
              outputs: [o]
          all: {{stage: command, inputs: {{i: fetch}}, parameters: {{argv: [sh, -c, "cat inputs/i/*/o > o"], outputs: [o]}}}}
        """)
    lab.pipeline("run", "service", "--keep-going", status=1)
    (lab.folder / "up").write_text("")
    assert lab.run("service", "--retry-failed") == ["all", "fetch[day=1]"]
    assert lab.pipeline("cat", "service", "all", "o").stdout == "0\n1\n2\n"


def flaky_node(lab):
    """a flaky node: tried again after the exit status that means so, and after no other"""
    counter = lab.folder / "tries"
    file = f"""
        stages:
          fetch:
            stage: command
            parameters:
              argv: [sh, -c, "echo >> '{counter}'; test $(wc -l < '{counter}') -ge 3 || exit 75; echo done > o"]
              outputs: [o]
              retries: 4
              retry_statuses: [75]
              retry_pause: 0.01
        """
    lab.write("flaky.yaml", file)
    answer = lab.pipeline("run", "flaky")
    assert "sh exited with status 75; trying again (2 of 4)" in answer.stderr, answer.stderr
    counter.unlink()
    lab.write("flaky.yaml", file.replace("exit 75", "exit 1"))
    lab.pipeline("run", "flaky", status=1)
    assert len(counter.read_text()) == 1


def large_file(lab):
    """a large file through two nodes: streamed, and free when nothing has changed"""
    size = lab.megabytes * 1_000_000
    source = lab.project / "large.bin"
    with open(source, "wb") as file:
        for _ in range(lab.megabytes):
            file.write(bytes(1_000_000))
    subprocess.run(["touch", "-d", "2026-01-01", source], check=True)
    lab.write("large.yaml", """
        stages:
          read: {stage: command, parameters: {argv: [cp, large.bin, copy.bin], files: [large.bin], outputs: [copy.bin]}}
          count: {stage: command, inputs: {i: read}, parameters: {argv: [wc, -c, inputs/i/copy.bin], stdout: n, outputs: [n]}}
        """)
    assert lab.run("large") == ["count", "read"]
    assert lab.pipeline("cat", "large", "count", "n").stdout.split()[0] == str(size)
    for node in ["read", "count"]:
        log = json.loads(lab.pipeline("log", "large", node, "--json").stdout)
        assert log[0]["peakMemory"] < 300e6, f"{node} held {log[0]['peakMemory'] / 1e6:.0f} MB"
    assert lab.run("large") == []
    lab.noop = seconds(lambda: lab.pipeline("run", "large"))
    source.unlink()


def some_of_them(lab):
    """some of the combinations only: exclude and when, and a table over the rest"""
    lab.write("few.yaml", "extends: fits.yaml\nexclude: {data: gamma, seed: [3, 4]}\nstages: {fit: {when: seed>0}}\n")
    assert lab.run("few") == ["table", "verdict"], "the fits are those of fits.yaml"
    text = lab.pipeline("table", "few", "table", "--format", "csv").stdout
    counts = {row["data"]: row["count"] for row in csv.DictReader(io.StringIO(text)) if row["metric"] == "rmse"}
    assert counts == {"alpha": "4", "beta": "4", "gamma": "2"}, counts
    plan = lab.pipeline("plan", "few").stdout
    assert "fit[nearest] has 10 of 15 nodes: 'exclude' leaves out 2, 'when' leaves out 3" in plan, plan


def files_out(lab):
    """export: files, tables and an index in a folder; a later export takes away what has gone"""
    lab.pipeline("export", "fits", "--into", "out")
    index = json.loads((lab.project / "out/index.json").read_text())
    assert len(index["files"] if isinstance(index, dict) else index) == 3 + 30 + 2
    assert (lab.project / "out/fit-nearest-data=alpha-seed=0/m.json").exists()
    assert (lab.project / "out/table.csv").read_text().startswith("scheme,")
    assert lab.run("fits", "--set", "seed=1") == ["table", "verdict"]
    lab.pipeline("export", "fits", "--set", "seed=1", "--into", "out")
    left = sorted(path.name for path in (lab.project / "out").glob("fit-*"))
    assert left == [f"fit-{model}-data={data}-seed=0" for model in MODELS for data in SETS], left


def own_unlearning(lab):
    """an own unlearning method in Python beside one step, three steps and retraining, with a verdict"""
    for part in ["fragments", "examples/own-method.yaml", "examples/methods/unlearn.py"]:
        source, target = ROOT / "pipelines" / part, lab.project / "pipelines" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    own = ROOT / ".build-python/bin/python"
    words = ["images.train_images=4000", "images.test_images=500", "repeat=2", f"python={own}"]
    words = [word for setting in words for word in ("--set", setting)]
    ran = lab.run("own-method", *words)
    assert {"method[ascent,size=200,repeat=0]", "method[scrub,size=200,repeat=1]"} <= set(ran), ran
    text = lab.pipeline("table", "own-method", "table", "--format", "csv", *words).stdout
    losses = {(row["scheme"], row["split"], row["metric"]): float(row["mean"]) for row in csv.DictReader(io.StringIO(text))}
    forgot, before = (losses[scheme, "group", "loss"] for scheme in ("ascent", "original"))
    assert forgot > before, f"ascent leaves the removed images' loss at {forgot}, before it was {before}"
    verdict = lab.pipeline("table", "own-method", "verdict[ascent]", *words).stdout
    assert "ascent against 3-step" in verdict, verdict
    # A change of the method runs it again, and no training.
    lab.edit("pipelines/examples/methods/unlearn.py", "EPOCHS, BATCH = 2", "EPOCHS, BATCH = 3")
    stages = {name.split("[")[0] for name in lab.run("own-method", *words)}
    assert stages == {"method", "unlearned", "evaluate", "table", "verdict"}, stages


ALL = [
    install, begin, own_project, one_parameter, helper_module, failing_node, flaky_node, large_file, some_of_them, files_out,
    own_unlearning,
]
