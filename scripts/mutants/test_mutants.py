"""Tests of the mutation run's own tools, on a small checkout of their own."""
import dataclasses
import pathlib
import tempfile
import textwrap
import unittest

import faults as lists
import report
import suites
from laboratory import Laboratory

CODE = """\
// Adds.
func add(_ a: Int, _ b: Int) -> Int { a + b }
func twice(_ a: Int) -> Int {
  let b = a + a
  print(b)
  print(b)
  return b
}
"""


def fault(name="f", old="a + b", new="a - b", after="", statement=False):
    return lists.Fault("area", name, "Sources/Sum.swift", old, new, "Sums are wrong.", after, statement)


class Places(unittest.TestCase):
    def test_an_expression_stands_in_brackets(self):
        text = lists.rewritten("Sources/Sum.swift", CODE, [fault()])
        self.assertIn(f"{{ (mutantIsOn({fault().number}) ? (a - b) : (a + b)) }}", text)
        self.assertTrue(text.startswith("import MutantSwitch\n// Adds."))

    def test_a_statement_becomes_a_branch(self):
        one = fault(old="print(b)", new="", after="print(b)\n", statement=True)
        with self.assertRaises(lists.Stale):
            one.place(CODE)
        one = fault(old="print(b)", new="", after="let b = a + a", statement=True)
        self.assertIn(f"if (mutantIsOn({one.number})) {{  }} else {{ print(b) }}\n  print(b)",
                      lists.rewritten("Sources/Sum.swift", CODE, [one]))

    def test_c_includes_the_switch(self):
        self.assertTrue(lists.rewritten("net.h", "a + b", [fault()]).startswith('#include "MutantSwitch.h"\n'))

    def test_an_old_text_that_is_gone_or_stands_twice_is_stale(self):
        for old in ("a * b", "print(b)"):
            with self.assertRaises(lists.Stale):
                fault(old=old).place(CODE)

    def test_an_expression_that_goes_on_is_refused(self):
        with self.assertRaises(lists.Stale):
            fault(old="a + a", new="a").place("let b = a + a.count")

    def test_a_member_without_its_base_is_refused(self):
        with self.assertRaises(lists.Stale):
            fault(old=".first", new=".last").place("let b = a[0].first")
        self.assertEqual(fault(old=".first", new=".last").place("let b = f(.first)"), 10)

    def test_places_that_overlap_are_refused(self):
        with self.assertRaises(lists.Stale):
            lists.rewritten("Sources/Sum.swift", CODE, [fault(), fault("g", old="{ a + b }", new="{ 0 }")])

    def test_several_places_of_a_file(self):
        text = lists.rewritten("Sources/Sum.swift", CODE, [fault("g", old="a + a", new="a"), fault()])
        self.assertEqual(text.count("mutantIsOn("), 2)

    def test_the_number_follows_from_the_name_alone(self):
        self.assertEqual(fault(old="x").number, fault(old="y").number)
        self.assertNotEqual(fault("f").number, fault("g").number)
        self.assertNotEqual(fault().number, 0)


class Lists(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "Sources").mkdir()
        (self.folder / "Sources/Sum.swift").write_text(CODE)

    def area(self, *faults):
        return {"area": lists.Area("area", "sums", ("SumTests",), (), (), faults)}

    def test_what_fits_has_no_problem(self):
        self.assertEqual(lists.problems(self.folder, self.area(fault())), [])

    def test_each_stale_fault_is_named(self):
        found = lists.problems(self.folder, self.area(fault("f", old="a * b"), fault("g", old="print(b)"), fault("h")))
        self.assertEqual([line.split(":")[0] for line in found], ["area/f", "area/g"])

    def test_a_name_stands_once(self):
        self.assertEqual(len(lists.problems(self.folder, self.area(fault(), fault(old="a + a")))), 1)

    def test_brackets_are_closed_where_they_are_opened(self):
        for old, whole in (
            ("f(a)[0]", True), ('"${" + a', True), ("f(a, b)", True), ("a.map { $0 != 0 }", True), ("-a", True),
            ("where f(a) {", False), ("a) + (b", False), ("a, b", False), ("return a", False), ("?? a", False),
            ("a ||", False), ("from: a", False), ("a = b", False), ("a == b", True), ("a != b[c] { f() }", False)):
            self.assertEqual(fault(old=old).is_whole, whole, old)

    def test_a_file_that_is_gone(self):
        (self.folder / "Sources/Sum.swift").unlink()
        self.assertIn("there is no file", lists.problems(self.folder, self.area(fault()))[0])

    def test_a_list_is_read(self):
        path = self.folder / "sums.toml"
        path.write_text(textwrap.dedent("""\
            # How sums are made.
            tests = ["SumTests"]

            [[fault]]
            name = "less"
            file = "Sources/Sum.swift"
            old = 'a + b'
            new = '''
              a - b
            '''
            wrong = "Sums are differences."
            """))
        area = lists.read(path)
        self.assertEqual((area.name, area.about, area.tests, area.stored), ("sums", "How sums are made.", ("SumTests",), ()))
        self.assertEqual(area.faults[0].new, "a - b")

    def test_our_own_lists_are_large_and_well_formed(self):
        areas = lists.areas()
        everything = [each for area in areas.values() for each in area.faults]
        self.assertGreaterEqual(len(everything), 150)
        for each in everything:
            self.assertNotEqual(each.old, each.new, each)
            self.assertTrue(each.wrong.endswith("."), each)


class Copies(unittest.TestCase):
    def test_an_unchanged_file_keeps_its_time(self):
        root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (root / "Sources").mkdir()
        (root / "Sources/Sum.swift").write_text(CODE)
        (root / "Sources/Other.swift").write_text("// Nothing.\n")
        (root / "Package.swift").write_text("let package = Package()\n")
        laboratory = Laboratory(root, root / ".build/copy")
        areas = {"area": lists.Area("area", "sums", ("SumTests",), (), (), (fault(),))}
        laboratory.fill(areas)
        copy = root / ".build/copy/Sources/Sum.swift"
        self.assertIn("mutantIsOn", copy.read_text())
        self.assertIn("MutantSwitch", (root / ".build/copy/Package.swift").read_text())
        before = copy.stat().st_mtime_ns
        (root / "Sources/Other.swift").unlink()
        laboratory.fill(areas)
        self.assertEqual(copy.stat().st_mtime_ns, before)
        self.assertFalse((root / ".build/copy/Sources/Other.swift").exists())
        self.assertTrue((root / ".build/copy/Sources/MutantSwitch/switch.c").exists())


class Judgements(unittest.TestCase):
    """A shell script stands for the program of the tests."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def judge(self, script, stored=()):
        laboratory = Laboratory(self.folder, self.folder)
        laboratory.products.mkdir(parents=True)
        laboratory.tests.write_text("#!/bin/sh\nfilter=$4\n" + script)
        laboratory.tests.chmod(0o755)
        area = lists.Area("area", "sums", ("SumTests",), (), stored, (fault(),))
        return suites.Suites(laboratory).judge(fault(), area)

    PASSES = "echo '✔ Test run with 3 tests in 1 suite passed after 0.1 seconds.'\n"
    WITHOUT = f"if [ $PIPELINE_MUTANT = 0 ]; then {PASSES.strip()}; exit 0; fi\n"

    def test_tests_that_pass_have_not_noticed(self):
        self.assertEqual(self.judge(self.PASSES).ending, "survived")

    def test_a_failure_names_its_test_and_ends_the_run(self):
        outcome = self.judge(self.WITHOUT + 'echo "✘ Test adds() recorded an issue at SumTests.swift:3:5: no"\nsleep 60\n')
        self.assertEqual((outcome.ending, outcome.by), ("failed", "adds()"))
        self.assertLess(outcome.seconds, 30)

    def test_a_test_that_fails_now_and_then_is_not_believed(self):
        counts = self.folder / "counts"
        outcome = self.judge(
            self.WITHOUT + f"echo $filter >> {counts}\n"
            + f"if [ $(wc -l < {counts}) = 1 ]; then echo '✘ Test adds(to:) recorded an issue'; exit 1; fi\n" + self.PASSES)
        self.assertEqual(outcome.ending, "survived")
        self.assertEqual(counts.read_text().splitlines(), [r"^SumTests\.", r"[/.]adds\(", r"^SumTests\."])

    def test_a_crash_is_noticed(self):
        self.assertEqual(self.judge(self.WITHOUT + "kill -ILL $$\n").ending, "crashed")

    def test_tests_that_end_without_a_word_have_crashed(self):
        self.assertEqual(self.judge(self.WITHOUT + "exit 0\n").ending, "crashed")

    def test_without_a_green_run_nothing_is_judged(self):
        with self.assertRaises(suites.NotGreen):
            self.judge('echo "✘ Test adds() failed after 0.1 seconds"\n')

    def test_a_filter_that_fits_no_test_is_not_green(self):
        with self.assertRaises(suites.NotGreen):
            self.judge("echo '✔ Test run with 0 tests in 0 suites passed after 0.1 seconds.'\n")

    def test_stored_results_come_last_and_are_told_apart(self):
        outcome = self.judge(
            self.WITHOUT + f"case $filter in *Result*) echo '✘ Test same() failed after 1 s';; *) {self.PASSES.strip()};; esac\n",
            stored=("SumTests.ResultTests",))
        self.assertEqual((outcome.ending, outcome.by), ("failed", "stored results: same()"))

    def test_what_a_run_has_left_is_ended(self):
        self.judge(self.PASSES + f"setsid sleep 300 & echo $! > {self.folder}/left\n")
        state = pathlib.Path(f"/proc/{(self.folder / 'left').read_text().strip()}/stat")
        self.assertTrue(not state.exists() or " Z " in state.read_text())

    def test_the_nearest_suites_run_first_and_once(self):
        area = lists.Area("area", "sums", ("SumTests",), ("SumTests.Near",), ("SumTests.ResultTests",), ())
        self.assertEqual(area.phases, [
            (("SumTests.Near",), ()), (("SumTests",), ("SumTests.Near", "SumTests.ResultTests")), (("SumTests.ResultTests",), ())])

    def test_filters_mean_whole_targets_and_suites(self):
        self.assertEqual(suites.pattern(["SumTests", "StageTests.ResultTests"]), r"^SumTests\.|^StageTests\.ResultTests")


class Pages(unittest.TestCase):
    def test_a_survivor_is_shown_with_its_difference(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        results = report.Results(folder / "results.json")
        noticed, left, untried = fault("noticed"), fault("left", old="a + a", new="a"), fault("untried", old="b")
        results.put(noticed, suites.Outcome("failed", "adds()", 1))
        results.put(left, suites.Outcome("survived", "", 2))
        areas = {"area": lists.Area("area", "Sums.", ("SumTests",), (), (), (noticed, left, untried))}
        text = report.page(areas, report.Results(folder / "results.json"), 4)
        self.assertIn("**1 of 2 faults are noticed (50.0 %), 0 of them by stored results alone.**", text)
        self.assertIn("- a + a\n+ a\n", text)
        self.assertIn("1 of 3 have not been tried.", text)
        self.assertIn("| area | Sums | 3 | 2 | 1 | 0 |", text)
        self.assertNotIn("Faults that are none", text)

    def test_a_fault_that_is_none_is_shown_and_not_counted(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        results = report.Results(folder / "results.json")
        same = dataclasses.replace(fault("same"), equivalent="Nothing is ever negative.")
        results.put(same, suites.Outcome("survived", "", 1))
        areas = {"area": lists.Area("area", "Sums.", ("SumTests",), (), (), (same, fault("other", old="a + a", new="a")))}
        text = report.page(areas, results, 4)
        self.assertIn("| area | Sums | 1 | 0 | 0 | 0 |", text)
        self.assertIn("area/same: Nothing is ever negative.\n\n```diff", text)
        self.assertNotIn("## Survivors", text)

    def test_areas_take_turns(self):
        one, two, three = (lists.Fault(area, name, "", "", "", "") for area, name in (("a", "1"), ("a", "2"), ("b", "3")))
        self.assertEqual(list(map(str, lists.in_turns([one, two, three]))), ["a/1", "b/3", "a/2"])

    def test_an_outcome_of_another_place_does_not_count(self):
        results = report.Results(pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "results.json")
        results.put(fault(), suites.Outcome("failed", "adds()", 1))
        self.assertIsNone(results.of(fault(new="b - a")))


if __name__ == "__main__":
    unittest.main()
