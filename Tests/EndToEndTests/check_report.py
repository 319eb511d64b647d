"""Opens a report in Chromium and does what a reader does: drawers, filters, copies, permalinks, keys, a narrow screen.

usage: check_report.py REPORT CHROMIUM CHROMEDRIVER

The report is that of ReportTests: a small study whose texts try to be markup. Exits with an assertion that failed.
"""
import pathlib
import re
import sys
import time

from selenium import webdriver
from selenium.common.exceptions import JavascriptException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from check_drawings import check_explorer, check_forests, check_wide_tables
from check_screens import check_screens


class Page:
    """A page in a browser of its own, which is off line unless told otherwise."""

    def __init__(self, report, chromium, chromedriver, is_offline=True):
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
        # axe-core takes seconds, and on a machine that does much else more than the usual 30.
        self.driver.set_script_timeout(300)
        if is_offline:
            self.driver.execute_cdp_cmd("Network.enable", {})
            self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
                "offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0})
        self.address = pathlib.Path(report).resolve().as_uri() if is_offline else report

    def size(self, width, dark=False):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def go(self, address):
        # From another page, so that an address that differs in its fragment alone is loaded, too.
        self.driver.get("about:blank")
        self.driver.get(address)

    def open(self, fragment=""):
        self.go(self.address + fragment)
        self.until("return document.documentElement.dataset.ready === 'yes'")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def until(self, script, *arguments):
        for _ in range(800):
            try:
                if self.run(script, *arguments):
                    return
            except JavascriptException:
                # What the script asks of is not in the page yet.
                pass
            time.sleep(0.025)
        title = self.run("return document.querySelector('dialog h2') && document.querySelector('dialog h2').textContent")
        raise AssertionError(f"never true: {script}; the drawer is of {title}")

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, element):
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def expect_quiet(self):
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        assert not said, said


def check_harmless(page):
    assert page.run("return window.stolen === undefined")
    assert not page.all("main script, main b, dialog script")
    assert "<script>stolen()</script>" in page.one(".tables table").text
    policy = page.one("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none';"), policy
    page.run("""const script = document.createElement('script');
        script.textContent = 'window.stolen = 1';
        document.body.append(script);""")
    assert page.run("return window.stolen === undefined"), "a script without a hash ran"
    assert "Content Security Policy" in page.driver.get_log("browser")[0]["message"]


def visible(page, table="#p0-table-0"):
    return page.run("""return [...document.querySelectorAll(arguments[0] + ' tbody tr')].filter(row => row.offsetParent)
        .map(row => [...row.cells].map(cell => cell.textContent))""", table)


def check_tables(page):
    before = visible(page)
    assert len(before) == 16, before
    search = page.one("#p0-table-0 input[type=search]")
    search.send_keys("3-step loss")
    assert [row[:2] for row in visible(page)] == [["3-step", "self loss"], ["3-step", "test loss"]], visible(page)
    search.send_keys(Keys.CONTROL, "a")
    search.send_keys(Keys.DELETE)
    head = page.all("#p0-table-0 th button")[2]
    page.click(head)
    values = [float(row[2].split()[0]) for row in visible(page) if row[1] == "self loss"]
    assert values == sorted(values), values
    assert page.all("#p0-table-0 th")[2].get_attribute("aria-sort") == "ascending"
    page.click(head)
    page.click(head)
    assert visible(page) == before
    page.click(page.one("#p0-table-0 details summary"))
    page.click(page.all("#p0-table-0 .choices input")[0])
    assert len(visible(page)) == 12 and not any(row[1] == "self accuracy, %" for row in visible(page))
    page.click(page.all("#p0-table-0 .choices input")[0])
    page.run("""const choice = document.querySelector('#p0-table-0 select');
        choice.value = 'retrain';
        choice.dispatchEvent(new Event('change'));""")
    assert page.all("#p0-table-0 td.q5") and not page.run(
        "return [...document.querySelectorAll('#p0-table-0 tr')].some(r => r.cells[0].textContent === 'retrain'"
        " && r.querySelector('.q1, .q2, .q3, .q4, .q5'))")


def keep_copies(page):
    page.run("""window.copies = [];
        // What the page says is gone after two seconds, which a busy machine can miss.
        window.heard = [];
        new MutationObserver(() => window.heard.push(document.querySelector('.said').textContent))
            .observe(document.querySelector('.said'), {childList: true});
        Object.defineProperty(navigator, 'clipboard', {value: {writeText: text => {
          window.copies.push(text);
          return Promise.resolve();
        }}, configurable: true});""")


def check_copies(page):
    keep_copies(page)
    for button in page.all("#p0-table-0 .tools button"):
        page.click(button)
    csv, latex, markdown = page.run("return window.copies")
    assert csv.startswith("scheme,figure,size 10") and csv.count("\r\n") == 17, csv
    assert "\"<script>stolen()</script> שלום \"\"x'\"," in csv, csv
    assert "\\toprule" in latex and "self accuracy, \\%" in latex and "$\\pm$" in latex and "±" not in latex, latex
    assert "$<$script$>$" in latex, latex
    assert markdown.splitlines()[1] == "| --- | --- | ---: | ---: |", markdown
    page.until("return window.heard.includes('Markdown copied')")


def check_drawers(page):
    cell = page.one("#p0-table-0 td.open")
    page.click(cell)
    page.until("return document.querySelector('dialog').open")
    drawer = page.one("dialog")
    assert cell.text in drawer.text and "Nodes behind it" in drawer.text
    assert len(page.all("dialog circle.dot")) == 3
    link = page.driver.current_url
    page.click(page.one("dialog button.link"))
    page.until("return document.querySelector('dialog h2').textContent === 'evaluate[3-step,size=10,repeat=0]'")
    text = drawer.text
    for words in ("SHA-256", "never built", "peak memory", "pipeline path small 'evaluate[3-step,size=10,repeat=0]'",
                  "artifacts/", "relearn_limit"):
        assert words in text, (words, text)
    keep_copies(page)
    for button in page.all("dialog .command button"):
        page.click(button)
    node = "'evaluate[3-step,size=10,repeat=0]'"
    assert page.run("return window.copies") == [
        f"pipeline path small {node}", f"pipeline run small {node} --cache EMPTY-FOLDER", f"pipeline explain small {node}"]
    # What it takes leads further, to a node whose address opens it in a page of its own.
    taken = next(part for part in page.all("dialog details") if part.text.startswith("net "))
    assert taken.get_attribute("open"), "a short list of inputs stands open"
    page.click(taken.find_element(By.CSS_SELECTOR, "button.link"))
    page.until("return document.querySelector('dialog h2').textContent.startsWith('three-step[')")
    place = page.driver.current_url
    page.open("#" + place.split("#")[1])
    page.until("return document.querySelector('dialog').open"
               " && document.querySelector('dialog h2').textContent.startsWith('three-step[')")
    page.open("#" + link.split("#")[1])
    page.until("return document.querySelector('dialog h2').textContent.startsWith('3-step · self accuracy')")
    page.one("dialog").send_keys(Keys.ESCAPE)
    page.until("return !document.querySelector('dialog').open")
    page.open("#" + link.split("#")[1])
    page.until("return document.querySelector('dialog').open")
    page.one("dialog header button").click()


def check_keys(page):
    page.run("document.querySelector('#p0-table-0 td.open').focus()")
    chain = page.driver.switch_to.active_element
    chain.send_keys(Keys.ARROW_DOWN)
    page.driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    place = page.run("const c = document.activeElement; return [Number(c.parentNode.dataset.r), c.cellIndex]")
    assert place == [1, 3], place
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.until("return document.querySelector('dialog').open")
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.until("return document.activeElement.cellIndex === 3")
    assert len(page.all("#p0-table-0 td[tabindex='0']")) == 1


def check_stages_and_time(page):
    box = page.run("return [...document.querySelectorAll('.graph .stage')].find("
                   "box => box.querySelector('.name').textContent === 'three-step')")
    box.send_keys(Keys.ENTER)
    page.until("return document.querySelector('.stage-nodes h3')?.textContent.startsWith('three-step')")
    assert len(page.all(".stage-nodes tbody tr")) == 6
    assert page.all(".timeline .bar.dim") and len(page.all(".timeline .bar:not(.dim)")) == 6
    link = page.driver.current_url
    page.open("#" + link.split("#")[1])
    assert len(page.all(".stage-nodes tbody tr")) == 6
    assert page.all(".timeline .critical")
    page.run("document.querySelector('.timeline .bar.critical').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    page.until("return document.querySelector('dialog').open")
    page.one("dialog").send_keys(Keys.ESCAPE)
    failures = page.one("section.failures").text
    assert "</pre><script>window.stolen = 3</script>" in failures and "pipeline run small 'fails'" in failures, failures


def check_answers(page):
    """The answer stands first, with the difference that its table has; what speaks against it stands below it."""
    answers = [item.text for item in page.all(".answers li")]
    verdict, numbers = page.one("table.short td").text.splitlines()[:2]
    assert f"{verdict} against " in answers[0] and numbers.split(";")[0] in answers[0], (answers[0], verdict, numbers)
    against = [item.text for item in page.all(".trust .bad")]
    reasons = [item.text.removeprefix("Why ") for item in page.all("p.reason") if item.text.startswith("Why ")]
    assert reasons and all(any(line.endswith(reason) for line in against) for reason in reasons), (reasons, against)


def check_files(page):
    """Words find the nodes that have all of them; a value is found whole."""
    search = page.one(".finder input[type=search]")
    search.send_keys("evaluate 3-step size=10 repeat=1")
    page.until("return document.querySelectorAll('.finder li').length === 1")
    found = page.one(".finder li").text
    assert found.startswith("evaluate[3-step,size=10,repeat=1] artifacts/"), found
    rows = {row.find_element(By.CSS_SELECTOR, "th").get_attribute("textContent"): row.get_attribute("textContent")
            for row in page.all("section.files tbody tr")}
    row = rows["evaluate[3-step,size=10,repeat=1]"]
    assert len(rows) == 72 and found.split()[1] in row and found.split()[-1] in row, (found, row)
    assert found.split()[-2] == "SHA-256" and found.split()[1] != found.split()[-1], found
    search.send_keys(Keys.CONTROL, "a")
    search.send_keys("size=1")
    page.until("return document.querySelector('.finder [role=status]').textContent === '0 nodes'")
    page.click(page.all("section.files details summary")[-1])
    assert page.all("section.files details")[-1].get_attribute("open")


def check_distances(page):
    """The histogram has every image once, in the bands that the clustering made; the digits are those of the data set."""
    bars = page.all(".figures .distances")
    assert bars, "there is no histogram"
    label = page.run("return document.querySelector('.distances svg[role=img]').getAttribute('aria-label')")
    counts = [int(count) for count in re.findall(r"(?:near|moderate|far): (\d+) ", label)]
    words = page.one(".distances figcaption").text
    assert len(counts) == 3 and f"{sum(counts)} images, mean" in words, (label, words)
    canvases = page.all(".figures .digits canvas")
    assert len(canvases) == 2
    inks = page.run("""return [...document.querySelectorAll('.digits canvas')].map(canvas => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, at) => at % 4 === 0 && value < 128 && data[at + 3] === 255).length; });""")
    assert all(ink > 200 for ink in inks), inks
    page.run("""const canvas = document.querySelector('.digits canvas'), box = canvas.getBoundingClientRect();
        canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + 5, clientY: box.top + 5, bubbles: true}));""")
    assert re.search(r"image \d+: distance [\d.]+", page.one(".digits canvas + small").text)
    page.click(page.one(".distances figcaption button.link"))
    page.until("return document.querySelector('dialog h2').textContent.startsWith('neighbours')")
    page.one("dialog header button").click()


def main():
    page = Page(*sys.argv[1:])
    try:
        page.size(1280)
        page.open()
        for check in (check_answers, check_forests, check_wide_tables, check_tables, check_copies, check_drawers, check_keys,
                      check_stages_and_time, check_explorer, check_distances, check_files, check_screens):
            check(page)
            page.expect_quiet()
        page.open()
        check_harmless(page)
    finally:
        page.driver.quit()


if __name__ == "__main__":
    main()
