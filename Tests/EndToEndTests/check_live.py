"""Watches runs of `pipeline run` in a browser: a node that fails, a kill, and a run that comes to its end.

usage: check_live.py ADDRESS PIPELINE-PROGRAM CHROMIUM CHROMEDRIVER

ADDRESS is what `pipeline serve` printed. The pipeline `waves` is that of ServeTests. Its nodes go on until a file appears,
so nothing here depends on how quick a machine is. Exits with an assertion that failed.
"""
import os
import pathlib
import signal
import subprocess
import sys

from check_report import Page
from check_screens import axe_findings


def content(page, place):
    return page.run("return document.getElementById(arguments[0])?.textContent ?? ''", place)


def until(page, place, *words):
    page.until("const text = document.getElementById(arguments[0])?.textContent ?? '';"
               "return arguments[1].every(word => text.includes(word))", place, list(words))


def press(page, selector):
    """Clicks what may be replaced at any moment: it is found and pressed at once."""
    page.run("document.querySelector(arguments[0]).click()", selector)


def check_press(page):
    """While a reader presses something, nothing is replaced under the pointer; afterwards all that was missed is shown."""
    page.run("""window.pressed = document.getElementById('live-head').firstChild;
        document.body.dispatchEvent(new PointerEvent('pointerdown', {bubbles: true}));""")
    page.run("window.since = performance.now()")
    page.until("return performance.now() > window.since + 2500")
    assert page.run("return window.pressed.isConnected"), "what is pressed was replaced"
    page.run("document.body.dispatchEvent(new PointerEvent('pointerup', {bubbles: true}))")
    page.until("return !window.pressed.isConnected")


def start(program, *options):
    return subprocess.Popen([program, "run", "waves", "--jobs", "3", "--keep-going", *options],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def let(name):
    pathlib.Path(name).touch()


def states(page, stage):
    return page.run("""const box = [...document.querySelectorAll('svg.graph .stage')].find(
        box => box.querySelector('.name').textContent === arguments[0]);
        return [...box.querySelectorAll('rect:not(.box)')].map(cell => cell.getAttribute('class')).join(' ');""", stage)


def check_reads_well(page):
    for width, dark in ((1280, False), (360, True), (1280, False)):
        page.size(width, dark)
        assert page.run("return document.documentElement.scrollWidth <= innerWidth"), f"wider than {width}"
        findings = axe_findings(page)
        assert not findings, findings


def check_list(page, address):
    """The first page names a run while it is in progress, and leads to it."""
    page.go(address)
    page.until("return document.body.textContent.includes('No run is in progress')")
    check_reads_well(page)
    assert "waves" in page.run("return [...document.querySelectorAll('th a')].map(link => link.textContent)")


def check_run(page, address, program):
    page.go(address)
    run = start(program)
    page.until("return [...document.querySelectorAll('.work a')].some(link => link.textContent === 'waves')")
    press(page, ".work a")
    page.until("return document.documentElement.dataset.ready === 'yes'")
    # Three nodes at work, and what they print as they print it.
    until(page, "live-head", "0 of 8 nodes", "3 at work", "3 of 3 cores")
    until(page, "live-nodes", *(f"step[sea=north,n={n}]" for n in (1, 2, 3)), "1 begins", "<script>window.stolen = 'log'</script>")
    page.until("return document.querySelectorAll('svg.graph .s2').length >= 3")
    let("more-1")
    until(page, "live-nodes", "1 goes on")
    assert page.run("return window.stolen === undefined")
    check_press(page)
    check_reads_well(page)
    # Tables of what there is so far, with intervals once there are two.
    let("done-1")
    until(page, "live-tables", "of 1 of 5 results")
    let("done-2")
    until(page, "live-tables", "of 2 of 5 results", "±")
    # The drawer of a node that is at work.
    press(page, "#live-nodes [data-node]")
    page.until("return document.querySelector('dialog').open")
    page.one("dialog header button").click()
    return run


def check_failure(page):
    let("done-3")
    until(page, "live-failures", "1 node failed", "fails", "the last words before the end")
    page.until("return document.querySelectorAll('svg.graph .s3').length === 1")


def check_kill(page, run, program):
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    until(page, "live-head", "The run was killed")
    page.until("return document.querySelectorAll('svg.graph .s2').length === 0")
    # The next run is followed without a word from the reader.
    run = start(program)
    until(page, "live-head", "at work")
    page.until("return !document.getElementById('live-head').textContent.includes('was killed')")
    return run


def check_end(page, run):
    """The table appears, and whoever has used the page is asked before it is loaded anew."""
    for n in (4, 5):
        let(f"done-{n}")
    assert run.wait(timeout=60) == 1, "the run has a node that fails"
    until(page, "live-head", "No run is in progress", "failed")
    until(page, "live-link", "There are new results")
    page.click(page.one("#live-link button"))
    page.until("return document.readyState === 'complete' && document.documentElement.dataset.ready === 'yes'"
               " && document.querySelector('.tables table') !== null")
    assert "0.5" in page.one(".tables table").text, page.one(".tables table").text
    assert states(page, "step") == "s0 s0 s0 s0 s0", states(page, "step")


def check_others(page, address, program):
    """A run with options has a page of its own, with the nodes that its options make."""
    run = start(program, "--set", "n=[1,3,9]")
    page.go(address)
    page.until("return [...document.querySelectorAll('.work a')].some(link => link.textContent === 'waves --set n=[1,3,9]')")
    press(page, ".work a")
    page.until("return document.documentElement.dataset.ready === 'yes'")
    until(page, "live-nodes", "step[sea=north,n=9]")
    assert len(states(page, "step").split()) == 3
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    until(page, "live-head", "The run was killed")


def main():
    address, program, chromium, chromedriver = sys.argv[1:]
    page = Page(address, chromium, chromedriver, is_offline=False)
    run = None
    try:
        page.size(1280)
        check_list(page, address)
        run = check_run(page, address, program)
        check_failure(page)
        run = check_kill(page, run, program)
        check_end(page, run)
        check_others(page, address, program)
        page.expect_quiet()
    finally:
        page.driver.quit()
        if run and run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
