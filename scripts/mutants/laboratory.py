"""A copy of the checkout in which all faults stand behind one switch, so that one build serves them all."""
import filecmp
import pathlib
import shutil
import subprocess

import faults as lists

# What the tests read of a checkout, beside the package itself.
COPIED = ["Sources", "Tests", "Package.swift", "Package.resolved", "pipelines", "docs", "scripts", "README.md",
          "CHANGELOG.md", "CONTRIBUTING.md", "Makefile"]
# Where packages that were fetched already stand, so that the copy needs no network.
FETCHED = ["checkouts", "repositories", "workspace-state.json"]

HEADER = """\
#ifndef MUTANT_SWITCH_H
#define MUTANT_SWITCH_H

#include <stdbool.h>

extern unsigned mutantInForce;

static inline bool mutantIsOn(unsigned fault) { return mutantInForce == fault; }

#endif
"""
SOURCE = """\
#include "MutantSwitch.h"

#include <stdlib.h>

unsigned mutantInForce;

__attribute__((constructor)) static void readMutant(void) {
  const char *text = getenv("PIPELINE_MUTANT");
  mutantInForce = text ? (unsigned)strtoul(text, NULL, 10) : 0;
}
"""
# Optimised, for the numerics take a minute of each suite otherwise; a debug build, for only that has the tests' own access.
MANIFEST = """
for target in package.targets where target.type != .system {
  if target.type != .test { target.dependencies.append("MutantSwitch") }
  target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-O"])]
}
package.targets.append(.target(name: "MutantSwitch"))
"""
SWITCH = pathlib.Path("Sources/MutantSwitch")


class Laboratory:
    """The copy: a folder that is kept between runs, so that only what has changed is compiled again."""

    def __init__(self, root, folder):
        self.root = root
        self.folder = folder

    def fill(self, all_areas):
        """Brings the copy to the state of the checkout, with a switch for each fault."""
        wanted = self._files()
        wanted |= lists.by_file(fault for area in all_areas.values() for fault in area.faults)
        for path, group in wanted.items():
            self._lay(path, group)
        for name, text in (("include/MutantSwitch.h", HEADER), ("switch.c", SOURCE)):
            self._write(SWITCH / name, text.encode())
        self._write("Package.swift", (self.root / "Package.swift").read_bytes() + MANIFEST.encode())
        self._forget(set(wanted))
        self._borrow()
        cache = self.folder / "cache"
        if not cache.is_symlink():
            cache.symlink_to(self.root / "cache")

    def _files(self):
        files = {}
        for name in COPIED:
            top = self.root / name
            for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
                if file.is_file() and "__pycache__" not in file.parts:
                    files[str(file.relative_to(self.root))] = []
        return files

    def _lay(self, path, group):
        source, target = self.root / path, self.folder / path
        if group:
            self._write(path, lists.rewritten(path, source.read_text(encoding="utf-8"), group).encode())
        elif path != "Package.swift" and not (target.exists() and filecmp.cmp(source, target, shallow=False)):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)

    def _write(self, path, data):
        # An unchanged file keeps its time, so that it is not compiled again.
        target = self.folder / path
        if not target.exists() or target.read_bytes() != data:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def _forget(self, wanted):
        for name in ("Sources", "Tests"):
            for file in (self.folder / name).rglob("*"):
                path = file.relative_to(self.folder)
                if file.is_file() and str(path) not in wanted and not path.is_relative_to(SWITCH):
                    file.unlink()

    def _borrow(self):
        target = self.folder / ".build"
        if (target / "workspace-state.json").exists():
            return
        target.mkdir(parents=True, exist_ok=True)
        for name in FETCHED:
            source = self.root / ".build" / name
            if source.is_dir():
                shutil.copytree(source, target / name, symlinks=True, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy2(source, target / name)

    def build(self):
        """Builds the tests and all programs, once; a fault that does not compile ends here."""
        subprocess.run(["swift", "build", "--build-tests"], cwd=self.folder, check=True)

    @property
    def products(self):
        """The folder of the programs that were built."""
        return self.folder / ".build" / "debug"

    @property
    def tests(self):
        """The program that runs the tests."""
        return self.products / "pipelinePackageTests.xctest"
