"""A folder far from the repository, and the installed program in it: what the newcomer's steps are made of."""
import json
import os
import pathlib
import shutil
import subprocess
import time

HERE = pathlib.Path(__file__).parent
PROJECT = HERE / "project"
ROOT = HERE.parent.parent


class Lab:
    """An empty folder of a user who has never seen the repository."""

    def __init__(self, folder, program):
        self.folder = folder
        self.built = program
        self.project = folder / "project"
        self.prefix = folder / "prefix"
        # Nothing of the surroundings: another cache, or a program of the same name, would spoil what is shown.
        self.environment = {
            "PATH": f"{self.prefix}/bin:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8", "COLUMNS": "80",
        }

    def call(self, *command, status=0, folder=None, **more):
        """Runs a command in the project; another exit status than the one expected is a fault."""
        place = folder or self.project
        environment = {**self.environment, **{name: str(value) for name, value in more.items()}}
        answer = subprocess.run(
            [str(word) for word in command], cwd=place, env=environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL)
        said = f"{' '.join(map(str, command))}: status {answer.returncode}\n{answer.stdout}{answer.stderr}"
        assert answer.returncode == status, said
        return answer

    def pipeline(self, *words, **more):
        return self.call("pipeline", *words, **more)

    def run(self, *words, **more):
        """Runs a pipeline; the names of the nodes that ran."""
        answer = self.pipeline("run", *words, "--json", **more)
        return sorted(node["node"] for node in json.loads(answer.stdout)["ran"])

    def copy(self):
        """Puts the newcomer's own files into the project."""
        shutil.copytree(PROJECT, self.project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))

    def edit(self, path, old, new):
        """Changes a file as an editor does; returns its text of before."""
        file = self.project / path
        text = file.read_text()
        assert text.count(old) == 1, f"{path} has {text.count(old)} times: {old}"
        file.write_text(text.replace(old, new))
        return text

    def write(self, path, text):
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
