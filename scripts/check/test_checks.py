"""Tests of house.py and documents.py on small checkouts: each rule is broken once and found."""
import contextlib
import io
import pathlib
import tempfile
import unittest

import documents
import house


class Checkout(unittest.TestCase):
    """A scratch checkout."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


class HouseTests(Checkout):
    def broken(self):
        return {(str(f.path), f.line) for f in house.House(self.root).broken()}

    def test_a_sound_checkout_has_no_finding(self):
        self.write("Sources/Study/Stages/A.swift", "func a() {\n}\n" + "// long\n" * 290)
        self.write("Sources/Study/Artifacts/A.swift", 'let a = List("/indices", "n", "")\n')
        self.write("pipelines/a.yaml", "stages: {}\n")
        self.assertEqual(self.broken(), set())

    def test_lengths(self):
        self.write("Sources/A.swift", "// a\nfunc a() {\n" + "  b()\n" * 59 + "}\n")
        self.write("Tests/B.swift", "// b\n" * 301)
        self.write("pipelines/c.yaml", "a: 1\nb: " + "b" * 120 + "\n")
        self.assertEqual(self.broken(), {("Sources/A.swift", 2), ("Tests/B.swift", 1), ("pipelines/c.yaml", 2)})

    def test_foundation_is_for_tests_and_tools(self):
        for path in ("Sources/Study/A.swift", "Sources/Tools/bench/A.swift", "Tests/A.swift"):
            self.write(path, "// a\nimport Foundation\nimport FoundationEssentials\n")
        self.assertEqual(self.broken(), {("Sources/Study/A.swift", 2)})

    def test_full_folders_and_large_pipelines(self):
        for number in range(21):
            self.write(f"docs/{number}.md", "")
        self.write("pipelines/c.yaml", "a: 1\n" * 4400)
        self.assertEqual(self.broken(), {("docs", 1), ("pipelines/c.yaml", 1)})

    def test_debts_may_not_grow_and_paid_ones_are_named(self):
        self.write("Tests/B.swift", "// b\n" * 310)
        self.assertEqual(self.check()[0], False)
        self.write(house.DEBTS, "# debts\nTests/B.swift lines-of-file 310\n")
        self.assertEqual(self.check(), (True, ""))
        self.write("Tests/B.swift", "// b\n" * 311)
        self.assertEqual(self.check()[0], False)
        for lines, word in ((309, "write 309 for 310"), (10, "delete its line")):
            self.write("Tests/B.swift", "// b\n" * lines)
            sound, said = self.check()
            self.assertTrue(sound and word in said, said)

    def check(self):
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            return house.check(self.root, self.root / house.DEBTS), said.getvalue()

    def test_strings_that_belong_to_a_declaration(self):
        self.write("Sources/Study/Stages/A.swift",
                   'let a = task.parameters.integer("size")\nlet b = file.read("/indices")\nlet c = "/usr/bin/env"\n')
        self.assertEqual(self.broken(), {("Sources/Study/Stages/A.swift", 1), ("Sources/Study/Stages/A.swift", 2)})


class DocumentTests(Checkout):
    def test_each_kind_of_stale_line(self):
        self.write("Tests/HouseTests/A.swift", "")
        self.write("README.md", "[a](docs/a.md) [gone](docs/gone.md)\n[b](docs/a.md#the-b) [c](docs/a.md#the-c)\n")
        self.write("docs/a.md", "# A\n## The *b*\n`Sources/gone` `Sources/NAME` Create `Sources/new`\n`GoneTests` `HouseTests`\n")
        self.write("docs/alone.md", "[me](#alone)\n# Alone\n")
        self.assertEqual(
            [line.split(": ")[0] for line in documents.findings(self.root)],
            ["README.md:1", "README.md:2", "docs/a.md:3", "docs/a.md:4", "docs/alone.md:1"])

    def test_a_module_that_the_architecture_does_not_name(self):
        self.write("README.md", "[a](docs/architecture.md)\n")
        self.write("docs/architecture.md", "`Old`\n")
        self.write("Package.swift", '.target(name: "Old"),\n.target(\n  name: "New", path: "Sources/New"),\n'
                                    '.target(name: "Toy", path: "Tests/Toy"),\n')
        self.assertEqual(documents.findings(self.root), ["docs/architecture.md:1: the module New is not named"])


if __name__ == "__main__":
    unittest.main()
