"""The laboratory: a folder with a pipeline of commands and a cache, and the processes that work on it."""
import collections
import hashlib
import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIPELINE = os.environ.get("PIPELINE", str(ROOT / ".build/release/pipeline"))
NULL = subprocess.DEVNULL
# In memory where there is room: ext4 without a journal looks past every inode freed of late, and most are here.
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 1 << 30 else None

FAN = """parameters:
  tag: 0
axes:
  i: {width}
stages:
  base:
    stage: command
    parameters: {{argv: [sh, -c, "{note} cat src > b", base], files: [src], outputs: [b]}}
  evaluate:
    stage: command
    for: [i]
    inputs: {{base: base}}
    parameters: {{argv: [sh, -c, "{note} (cat inputs/base/b; echo $0) > e; {grow} e", "evaluate${{i}}"], outputs: [e]}}
  again:
    stage: command
    for: [i]
    inputs: {{from: evaluate}}
    parameters: {{argv: [sh, -c, "{note} (cat inputs/from/e; echo $0) > a", "again${{i}}", "${{tag}}"], outputs: [a]}}
  summary:
    stage: command
    inputs: {{parts: again}}
    parameters: {{argv: [sh, -c, "{note} cat inputs/parts/*/a > sum", summary], outputs: [sum]}}
"""


class Laboratory:
    """A fan of `width` branches of two commands each, from one source to one sum.

    Each command first writes its name to a log, so that executions can be counted; then it does `work`, a piece of
    shell in which FOLDER is the laboratory's. `block` bytes are added to each output of `evaluate`.
    """

    def __init__(self, width, work="", folder=None, block=0):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="stress-", dir=PLACE))
        self.width, self.log, self.cache = width, self.folder / "log", self.folder / "cache"
        self.file = self.folder / "fan.yaml"
        self.program = PIPELINE
        (self.folder / "src").write_text("x\n")
        grow = f"head -c {block} /dev/zero | tr '\\\\0' 'y' >> " if block else ": "
        note = f"echo $0 >> {self.log}; {work.replace('FOLDER', str(self.folder))}"
        self.file.write_text(FAN.format(width=width, note=note, grow=grow))

    @property
    def nodes(self):
        return 2 * self.width + 2

    def keep(self):
        """Keeps a copy of the cache, to which `restore` goes back."""
        shutil.copytree(self.cache, self.folder / "kept")

    def restore(self):
        shutil.rmtree(self.cache)
        shutil.copytree(self.folder / "kept", self.cache)

    def command(self, *more, jobs=2):
        return [self.program, "run", str(self.file), "--cache", str(self.cache), "--jobs", str(jobs), *more]

    def run(self, *more, jobs=2, before=()):
        return subprocess.run([*before, *self.command(*more, jobs=jobs)], capture_output=True, text=True)

    def start(self, *more, jobs=2, before=()):
        return subprocess.Popen(list(before) + self.command(*more, jobs=jobs), stdout=NULL, stderr=NULL)

    def verify(self):
        return subprocess.run([PIPELINE, "cache", "verify", "--cache", str(self.cache)], capture_output=True, text=True)

    def artifacts(self, cache=None):
        """SHA-256 of each artifact, by the name of its file."""
        paths = ((cache or self.cache) / "artifacts").glob("*/*.h5")
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def executions(self):
        """How often each command has started."""
        return collections.Counter(self.log.read_text().split() if self.log.exists() else [])

    def clear(self):
        shutil.rmtree(self.cache, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


STUDY = """stages:
  images: {stage: load-images, parameters: {folder: images}}
  train: {inputs: {images: images}, parameters: {epochs: 1}}
  features: {inputs: {images: images, net: train}, parameters: {count: 50}}
"""


class Study(Laboratory):
    """Three stages of the study on 200 random images: a data set, a net and features."""

    nodes = 3

    def __init__(self):
        super().__init__(0)
        self.file = self.folder / "study.yaml"
        self.file.write_text(STUDY)
        images = self.folder / "images"
        images.mkdir()
        rng = random.Random(1)
        for split, count in (("train", 200), ("t10k", 50)):
            head = struct.pack(">IIII", 0x803, count, 28, 28)
            (images / f"{split}-images-idx3-ubyte").write_bytes(head + rng.randbytes(count * 784))
            labels = bytes(number % 10 for number in range(count))
            (images / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + labels)


def children(process):
    """The workers of a scheduler, by process number."""
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    except OSError:
        return []
