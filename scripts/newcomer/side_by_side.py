"""The newcomer's project in three tools: lines, commands, and seconds for the first run, a no-op and one change.

usage: python3 scripts/newcomer/side_by_side.py --tools DIR [--program PATH] [--rounds N]

--tools names a Python environment with dvc and snakemake (pip install dvc snakemake). The table that each tool makes is compared
with the others', so that all three do the same work. Prints a table in Markdown.
"""
import argparse
import csv
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).parent


class Tool:
    """One way to run the project: its files, and the commands of a day."""

    def __init__(self, name, files, commands, folder, environment):
        self.name, self.files, self.commands = name, files, commands
        self.folder = folder / name.split()[0].lower()
        self.environment = environment

    def prepare(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(HERE / "project/src", self.folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for source, place in self.files.items():
            shutil.copyfile(HERE / source, self.folder / place)
        for command in self.commands["begin"]:
            self.call(command)

    def call(self, command):
        answer = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, shell=True)
        if answer.returncode:
            raise SystemExit(f"{self.name}: {command}: status {answer.returncode}\n{answer.stdout}{answer.stderr}")
        return answer

    def seconds(self, command):
        start = time.perf_counter()
        self.call(command)
        return time.perf_counter() - start

    def day(self):
        """Seconds for each of the steps of a day, from nothing."""
        self.prepare()
        run = self.commands["run"]
        found = {"first run": self.seconds(run), "no-op": self.seconds(run)}
        found["a parameter"] = self.seconds(self.commands["parameter"])
        self.call(self.commands.get("back", run))
        models = self.folder / "src/models.py"
        models.write_text(models.read_text().replace("def nearest(", "# The rows nearest to x.\ndef nearest("))
        found["a comment in a helper"] = self.seconds(run)
        return found

    def table(self):
        """The mean errors by model and data set."""
        text = self.call(self.commands["table"]).stdout
        rows = list(csv.DictReader(text.splitlines()))
        return {
            (row.get("model") or row["scheme"], row["data"]): round(float(row["mean"]), 9)
            for row in rows if row["metric"] == "rmse"}

    def lines(self):
        """Lines of what the tool asks for beside the project's own programs, without blank ones and comments."""
        texts = [(HERE / source).read_text().splitlines() for source in self.files]
        return sum(bool(line.strip()) and not line.strip().startswith("#") for lines in texts for line in lines)


def tools(options, folder):
    paths = f"{options.tools.absolute() / 'bin'}:{options.program.absolute().parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": paths, "HOME": str(folder), "DVC_NO_ANALYTICS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PIPELINE_CACHE", None)
    snakemake = "snakemake -c2 --quiet all"
    return [
        Tool("pipeline", {"project/fits.yaml": "fits.yaml"}, {
            "begin": [], "run": "pipeline run fits", "parameter": "pipeline run fits --set ridge=10",
            "table": "pipeline table fits table --format csv"}, folder, environment),
        Tool("DVC", {"peers/dvc.yaml": "dvc.yaml", "peers/summarise.py": "src/summarise.py"}, {
            "begin": ["git init -q", "dvc init -q"], "run": "dvc repro -q",
            "parameter": "sed -i 's/ridge: 0.1/ridge: 10/' dvc.yaml && dvc repro -q",
            "back": "sed -i 's/ridge: 10/ridge: 0.1/' dvc.yaml && dvc repro -q", "table": "cat table.csv"}, folder, environment),
        Tool("Snakemake", {"peers/Snakefile": "Snakefile", "peers/summarise.py": "src/summarise.py"}, {
            "begin": [], "run": snakemake, "parameter": f"{snakemake} --config ridge=10", "table": "cat table.csv"},
            folder, environment),
    ]


def main():
    parser = argparse.ArgumentParser(prog="scripts/newcomer/side_by_side.py", description="One project in three tools.")
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    parser.add_argument("--program", type=pathlib.Path, default=HERE.parent.parent / ".build/release/pipeline")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="side-by-side-") as folder:
        all_tools = tools(options, pathlib.Path(folder))
        # In turn, so that a busy moment of the machine falls on all of them.
        rounds = [[tool.day() for tool in all_tools] for _ in range(options.rounds)]
        tables = [tool.table() for tool in all_tools]
    if any(table != tables[0] for table in tables):
        raise SystemExit(f"the tools do not make the same table: {tables}")
    steps = list(rounds[0][0])
    print("| | " + " | ".join(tool.name for tool in all_tools) + " |\n|---" * 1 + "|---" * len(all_tools) + "|")
    print("| lines beside the programs | " + " | ".join(str(tool.lines()) for tool in all_tools) + " |")
    print("| commands before the first run | " + " | ".join(str(len(tool.commands["begin"])) for tool in all_tools) + " |")
    for step in steps:
        medians = [statistics.median(one[place][step] for one in rounds) for place in range(len(all_tools))]
        print(f"| {step}, s | " + " | ".join(f"{value:.3g}" for value in medians) + " |")


if __name__ == "__main__":
    main()
