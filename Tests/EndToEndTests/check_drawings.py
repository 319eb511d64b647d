"""Looks at forest plots and wide tables on screens of several widths, and at the explorer: all words in sight, nothing cut without a sign."""
FOREST = """
    const test = (against, mean, lower, upper) => (
      { figure: 'f', against, setting: '', column: 'all', verdict: 'worse', pairs: 9, mean, lower, upper, failed: 0 });
    const tests = { node: 'n', title: '', scheme: 'a', unit: 'spreads', below: 'worse', above: 'better', rows: [
      ...['near', 'nearer', 'nearest', 'next'].map(name => test(name, 0.1, 0, 0.2)), test('far', 5, -900, 910), test('out', 700, 600, 800)] };
    const box = document.createElement('div');
    box.append(...forest(tests, arguments[0]));
    return [box.textContent, box.querySelectorAll('.arrow').length, Number(box.querySelector('svg').getAttribute('width'))];
"""


def check_forests(page):
    """Each has room on its screen; what goes beyond the axis has an arrow and its numbers, and the axis the words of its rule."""
    for width in (1280, 800, 400, 360):
        page.size(width)
        page.until("""return [...document.querySelectorAll('.forest')].every(forest => [...forest.querySelectorAll('.scroll')].length
            && [...forest.querySelectorAll('.scroll')].every(box => box.scrollWidth <= box.clientWidth))""")
    text = page.run("return document.querySelector('.forest').textContent")
    assert "◂ closer to retraining" in text and "further ▸" in text and "3-step is" in text, text
    for room in (330, 1000):
        text, arrows, width = page.run(FOREST, room)
        assert arrows == 3 and width <= room, (arrows, width)
        assert "◂ worse" in text and "better ▸" in text and "closer" not in text, text
        assert "5.0000 (-900.0000 to 910.0000)" in text and "2 of 6 intervals go on beyond the axis" in text, text
    page.size(1280)


def check_wide_tables(page):
    """What a row is about and its verdict are in sight on a phone, and names stay there when a table scrolls."""
    page.size(360)
    table = "[...document.querySelectorAll('.tables .table')].find(box => box.querySelector('th:nth-child(4)')?.textContent === 'verdict')"
    cells = page.run(f"""const region = {table}.querySelector('.scroll'), row = region.querySelector('tbody tr');
        return [region.clientWidth, ...[0, 3].map(at => row.cells[at].getBoundingClientRect().right - region.getBoundingClientRect().left)];""")
    assert cells[2] <= cells[0], cells
    place = f"""const region = {table}.querySelector('.scroll'), cell = region.querySelector('tbody .pinned');
        region.scrollLeft = arguments[0];
        return cell.getBoundingClientRect().left - region.getBoundingClientRect().left;"""
    assert abs(page.run(place, 200)) < 3
    page.size(1280)
    page.run(f"const search = {table}.querySelector('input'); search.value = 'not shown';"
             "search.dispatchEvent(new Event('input'));")
    left = page.run(f"return [...{table}.querySelectorAll('tbody tr')].filter(row => !row.hidden).map(row => row.cells[3].textContent)")
    assert left and set(left) == {"not shown"}, left


def choose(page, place, value):
    page.run("""const choice = document.querySelectorAll('.explore select')[arguments[0]];
        choice.value = arguments[1];
        choice.dispatchEvent(new Event('change'));""", place, value)


def check_explorer(page):
    """It opens on the first figure of the first table; the pairs behind a verdict have no lines between their sizes."""
    label = "document.querySelector('.explore svg[role=img]').getAttribute('aria-label')"
    assert page.run(f"return {label}") == "group/accuracy by size"
    choose(page, 0, "differences of verdict")
    page.until(f"return {label} === 'step length by size'")
    assert page.all(".explore svg .zero") and page.all(".explore svg .dot") and not page.all(".explore svg polyline")
    choose(page, 0, "table")
    page.run("""const choice = document.querySelectorAll('.explore select')[1];
        choice.value = 'test/accuracy';
        choice.dispatchEvent(new Event('change'));""")
    page.until("return document.querySelector('.explore svg[role=img]').getAttribute('aria-label') === 'test/accuracy by size'")
    link = page.driver.current_url
    page.open("#" + link.split("#")[1])
    page.until("return document.querySelector('.explore svg[role=img]').getAttribute('aria-label') === 'test/accuracy by size'")
