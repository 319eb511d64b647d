#!/usr/bin/env python3
"""Measures reports against their bars: how large they are, how long they take, and how soon a browser answers.

usage: report.py [--nodes N] [NAME…]      default: 10,000 nodes, and no pipeline of the project

Makes a project of N commands with a table and a report of it, and reports of the pipelines NAME as the cache has them. Exits
with 1 where a bar is broken. Needs a release build (`PIPELINE` names another program), and for the time in the browser
Chromium with its driver and Selenium (`scripts/setup.sh browser`); without them that row is left out.
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from engine import NULL, PIPELINE

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Seconds for the page, and until it answers; bytes of a page of N nodes, and of one of the project.
SECONDS, READY, LARGE, SMALL = 1.0, 1.0, 3e6, 1.5e6
FILE = """description: {nodes} nodes
axes: {{size: {sizes}, repeat: {repeats}}}
stages:
  make:
    stage: command
    for: [size, repeat]
    parameters:
      argv: [sh, -c, 'echo "{{\\"loss\\": ${{size}}.${{repeat}}}}" > figures.json']
      outputs: [figures.json]
      metrics: figures.json
  table: {{stage: table, inputs: {{rows: make}}, parameters: {{title: "Figures"}}}}
"""


def reported(folder, name, target):
    """Median seconds of three reports, and the page; all three must be the same bytes."""
    pages, seconds = [], []
    for number in range(3):
        file = target / f"{name}-{number}.html"
        start = time.perf_counter()
        subprocess.run([PIPELINE, "report", name, "-o", str(file)], cwd=folder, check=True, stdout=NULL)
        seconds.append(time.perf_counter() - start)
        pages.append(file)
    if len({page.read_bytes() for page in pages}) != 1:
        raise SystemExit(f"two reports of {name} differ, though nothing has changed")
    return statistics.median(seconds), pages[0]


def interactive(page):
    """Seconds from the start of the load until the page's script has set up everything; None without a browser."""
    try:
        from selenium import webdriver
    except ImportError:
        return None
    if not pathlib.Path("/usr/bin/chromedriver").exists():
        return None
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        taken = []
        for _ in range(3):
            driver.get("about:blank")
            driver.get(page.as_uri())
            while not (ready := driver.execute_script("return performance.getEntriesByName('ready')[0]?.startTime")):
                time.sleep(0.01)
            taken.append(ready / 1000)
        return statistics.median(taken)
    finally:
        driver.quit()


def measure(folder, name, size_bar, target):
    seconds, page = reported(folder, name, target)
    rows = [("page made, s", seconds, SECONDS), ("page, MB", page.stat().st_size / 1e6, size_bar / 1e6)]
    ready = interactive(page)
    return rows + ([] if ready is None else [("ready in Chromium, s", ready, READY)])


def project(folder, nodes):
    """A project whose nodes are all up to date."""
    sizes = nodes // 50
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "wide.yaml").write_text(FILE.format(nodes=nodes, sizes=sizes, repeats=50))
    subprocess.run([PIPELINE, "run", "wide", "--sync-after", "1e9"], cwd=folder, check=True, stdout=NULL, stderr=NULL)


def main():
    parser = argparse.ArgumentParser(prog="report.py", description="Measures reports against their bars.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="pipelines of the project that have been run")
    parser.add_argument("--nodes", type=int, default=10_000)
    options = parser.parse_args()
    is_broken = False
    print("| report of | figure | measured | at most |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="pipeline-report-") as path:
        folder = pathlib.Path(path)
        jobs = [(ROOT, name, SMALL) for name in options.names]
        if options.nodes:
            project(folder, options.nodes)
            jobs.append((folder, "wide", LARGE))
        for root, name, bar in jobs:
            what = f"{options.nodes:,} nodes" if name == "wide" else name
            for figure, value, most in measure(root, name, bar, folder):
                print(f"| {what} | {figure} | {value:.2f} | {most:g} |{'' if value <= most else '  broken'}")
                is_broken = is_broken or value > most
    sys.exit(1 if is_broken else 0)


if __name__ == "__main__":
    main()
