"""Runs suites of tests with one fault in force, and says whether they noticed."""
import dataclasses
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid

# How the testing library marks what has failed; the rest of the line names it.
FAILED = re.compile(r"^✘ Test (?:case passing \d+ arguments? .* to )?(.+?)(?: recorded an issue| failed after|$)")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# A fault that makes tests hang is noticed when they take so much longer than without it, in seconds and as a factor.
PATIENCE, FACTOR = 60, 4


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one run: `survived`, or `failed`, `crashed` or `timed out`, and by which test or ending."""
    ending: str
    by: str = ""
    seconds: float = 0.0


class NotGreen(Exception):
    """Tests fail without any fault: nothing can be said of any."""


def pattern(names):
    """The filter that chooses whole targets and suites, TARGET or TARGET.SUITE."""
    return "|".join("^" + re.escape(name) + (r"\." if "." not in name else "") for name in names)


class Suites:
    """The tests of a laboratory, run on a folder of temporary files of their own."""

    def __init__(self, laboratory, environment=os.environ):
        self.laboratory = laboratory
        self.environment = environment
        self.seconds = {}
        self.lock = threading.Lock()

    def baseline(self, chosen, skipped):
        """Runs suites without a fault and keeps how long they took."""
        with self.lock:
            if (chosen, skipped) not in self.seconds:
                outcome = self._run(0, chosen, skipped, limit=3600)
                if outcome.ending == "failed":
                    # On a crowded machine a test may fail now and then; twice is no accident.
                    outcome = self._run(0, chosen, skipped, limit=3600)
                if outcome.ending != "survived":
                    raise NotGreen(f"{', '.join(chosen)}: {outcome.ending} without a fault: {outcome.by}")
                self.seconds[chosen, skipped] = outcome.seconds
            return self.seconds[chosen, skipped]

    def judge(self, fault, area):
        """Runs an area's suites with a fault, each part only where no part before it has noticed."""
        for chosen, skipped in area.phases:
            limit = PATIENCE + FACTOR * self.baseline(chosen, skipped)
            outcome = self._run(fault.number, chosen, skipped, limit)
            if outcome.ending == "failed" and not self._fails_alone(fault.number, outcome.by, limit):
                # A test that fails now and then says nothing of the fault, or it fails in company only: once more.
                outcome = self._run(fault.number, chosen, skipped, limit)
            if outcome.ending != "survived":
                return dataclasses.replace(outcome, by="stored results: " + outcome.by) \
                    if chosen == area.stored else outcome
        return outcome

    def _fails_alone(self, number, test, limit):
        name = r"[/.]" + re.escape(test.partition("(")[0]) + r"\("
        return self._run(number, (), (), limit, only=name).ending != "survived"

    def _command(self, chosen, skipped, only):
        # Under nohup or in the background of a shell, signals are ignored that tests are about.
        command = ["env", "--default-signal", str(self.laboratory.tests), "--testing-library", "swift-testing",
                   "--filter", only or pattern(chosen)]
        return command + (["--skip", pattern(skipped)] if skipped else [])

    def _run(self, number, chosen, skipped, limit, only=None):
        token = uuid.uuid4().hex
        folder = pathlib.Path(tempfile.mkdtemp(prefix="mutant-"))
        # Python with h5py stands in the checkout, where `make` has set it up.
        python = {"PIPELINE_PYTHON": str(self.laboratory.root / ".build-python/bin/python")}
        environment = dict(
            python | dict(self.environment), TMPDIR=str(folder), PIPELINE_MUTANT=str(number), MUTANT_RUN=token, NO_COLOR="1",
            PIPELINE_EXECUTABLE=str(self.laboratory.products / "pipeline"))
        start = time.monotonic()
        process = subprocess.Popen(
            self._command(chosen, skipped, only), cwd=self.laboratory.folder, env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        try:
            ending, by = self._watch(process, start + limit)
        finally:
            end_all(token, folder)
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)
        return Outcome(ending, by, time.monotonic() - start)

    def _watch(self, process, deadline):
        """Reads what the tests say up to the first failure, their end, or the time limit."""
        lines = queue.Queue()

        def read():
            with process.stdout:
                for line in process.stdout:
                    lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        last, passed = "", False
        while True:
            ended = process.poll() is not None
            try:
                line = lines.get(timeout=5 if ended else 0.5)
            except queue.Empty:
                # What it has started may hold its output open for ever.
                if ended:
                    break
                if time.monotonic() > deadline:
                    return "timed out", last
                continue
            if line is None or time.monotonic() > deadline:
                break
            line = COLOUR.sub("", line)
            found = FAILED.match(line)
            if found:
                return "failed", found[1].strip()
            passed = passed or bool(re.match(r"^✔ Test run with [1-9]\d* tests?", line))
            last = line.strip() or last
        if time.monotonic() > deadline:
            return "timed out", last
        status = process.wait()
        if status == 0 and passed:
            return "survived", ""
        name = signal.Signals(-status).name if status < 0 else f"status {status}"
        return "crashed", f"{name} after: {last}"


def end_all(token, folder):
    """Ends what a run has started and left: workers and programs lead sessions of their own."""
    for _ in range(20):
        found = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if belongs(pid, token, folder)]
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)


def belongs(pid, token, folder):
    """Whether a process was started by a run: by its environment, or by where it stands."""
    try:
        if f"MUTANT_RUN={token}".encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes():
            return pid != os.getpid()
        return os.readlink(f"/proc/{pid}/cwd").startswith(str(folder))
    except OSError:
        return False
