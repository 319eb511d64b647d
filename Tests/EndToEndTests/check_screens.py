"""Looks at a report on screens of several kinds, on paper and without a script: nothing too wide, and nothing that axe-core finds grave."""
import pathlib
import re

from axe_core_python.selenium import Axe


def axe_findings(page):
    """What axe-core finds serious or worse, of each rule the first place."""
    return [(rule["id"], rule["nodes"][0]["html"][:200], len(rule["nodes"]))
            for rule in Axe().run(page.driver)["violations"] if rule["impact"] in ("serious", "critical")]


def check_screens(page):
    for width, dark in ((1280, False), (1280, True), (360, True)):
        page.size(width, dark)
        page.open()
        assert page.run("return document.documentElement.scrollWidth <= innerWidth"), f"wider than {width}"
        grave = axe_findings(page)
        assert not grave, grave
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.open()
    assert not page.one("nav").is_displayed() and page.one("#p0-table-0 table").is_displayed()
    grave = axe_findings(page)
    assert not grave, grave
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.driver.get("about:blank")
    page.driver.get(page.address)
    assert "3-step" in page.one("#p0-table-0 table").text and page.one("figure img").is_displayed()
    assert page.one("svg.graph").is_displayed() and not page.all(".tools")
    assert "artifacts/" in page.one("section.files table").get_attribute("textContent")
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    # axe-core is a script itself: the same page without its own.
    whole = pathlib.Path(page.address.removeprefix("file://"))
    bare = whole.with_name("bare.html")
    bare.write_text(re.sub(r"<script>.*</script>", "", whole.read_text("utf-8"), flags=re.DOTALL), "utf-8")
    page.go(bare.as_uri())
    assert not page.all(".tools") and page.one("#p0-table-0 table").is_displayed()
    grave = axe_findings(page)
    assert not grave, grave
