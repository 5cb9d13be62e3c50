"""A real browser goes through every notebook as a learner does, by `bnbook lab` (`make browser`; minutes)."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from bnbook import chapters, course
from bnbook.grading.message import name_of

playwright = pytest.importorskip("playwright.sync_api")
WAIT = 900_000  # ms: a notebook takes up to a minute and a half on an idle machine, ten times as long on a busy one
playwright.expect.set_options(timeout=60_000)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH, HEIGHT = 1280, 900
# JupyterLab renders only the cells near the window; here all of them, so that each can be looked at.
SETTINGS = {"@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"}}
CONTROL = ".widget-slider, .widget-checkbox"
SMALL = "smallest_slider.ipynb"
# The smallest notebook with a slider: if this fails, the browser or JupyterLab is to blame, not the course.
SMALLEST = """\
import io
import ipywidgets as widgets
import matplotlib.pyplot as plt
slider, picture, text = widgets.IntSlider(), widgets.Image(), widgets.HTML()
def draw(change=None):
    figure, file = plt.figure(figsize=(2, 1)), io.BytesIO()
    figure.gca().bar([0], [slider.value + 1])
    figure.savefig(file)
    plt.close(figure)
    picture.value, text.value = file.getvalue(), f"value {slider.value}"
slider.observe(draw, "value")
draw()
widgets.VBox([slider, picture, text])
"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    """A headless browser: the system's chromium, or playwright's own, which is installed where there is neither."""
    with playwright.sync_playwright() as browsers:
        found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
        path = next(found, browsers.chromium.executable_path)
        if not Path(path).exists():
            subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
        if not Path(path).exists():
            pytest.exit(
                "No browser, and none could be installed: install chromium or Google Chrome, then try again.", 2
            )
        browser = browsers.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """`bnbook lab` on a fresh learner's copy: the address that it prints, as a function of a path on the server."""
    folder, settings = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("settings")
    course.write(folder / SMALL, course.normalize(new_notebook(cells=[new_code_cell(SMALLEST)])))
    for name, values in SETTINGS.items():
        (settings / name).parent.mkdir(parents=True)
        (settings / name).write_text(json.dumps(values), encoding="utf-8")
    # OMP_NUM_THREADS as a learner has it, who has not set it.
    environment = {name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "MPLBACKEND")}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTERLAB_WORKSPACES_DIR": str(settings / "spaces")}
    command = [sys.executable, "-m", "bnbook", "lab", "--no-browser", "--folder", str(folder)]
    log = settings / "log"
    with log.open("w", encoding="utf-8") as written:
        server = subprocess.Popen(command, stdout=written, stderr=written, env=environment)
    try:
        base, token = printed_address(log, server)
        yield lambda path: f"{base}/{path}?token={token}"
        headers = {"Authorization": f"token {token}"}
        stop = urllib.request.Request(f"{base}/api/shutdown", method="POST", headers=headers)
        urllib.request.urlopen(stop, timeout=60).close()
        server.wait(60)
    finally:
        server.terminate()  # does nothing to one that has ended
        server.wait(60)


def printed_address(log, server):
    """Host and token of the address that `bnbook lab` prints."""
    for _ in range(240):
        found = re.search(r"(http://\S+?)/lab\S*\?token=(\w+)", log.read_text(encoding="utf-8"))
        if found:
            return found.groups()
        assert server.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.5)
    raise TimeoutError(f"bnbook lab printed no address within two minutes: {log.read_text(encoding='utf-8')}")


@pytest.fixture
def page(browser, lab):
    """A tab; afterwards its kernel is stopped."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_default_timeout(60_000)
    yield page
    if os.environ.get("SCREENSHOTS"):
        keep_pictures(page, Path(os.environ["SCREENSHOTS"]))
    page.close()
    api, host = browser.new_context().request, lab("api/kernels")
    for kernel in api.get(host).json():
        api.delete(host.replace("api/kernels", f"api/kernels/{kernel['id']}"))


ERROR = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"
# Every code cell has its number, or one has failed that is not meant to.
DONE = """([error, meant]) => document.querySelectorAll(error).length > meant
    || [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].every(each => /\\d/.test(each.innerText))"""


def keep_pictures(page, folder):
    """What the tab shows, for a person to look at: SCREENSHOTS=FOLDER make browser."""
    name, step = page.locator(".jp-mod-current .lm-TabBar-tabLabel").last.inner_text(), 3000
    page.set_viewport_size({"width": WIDTH, "height": step})
    panel = page.locator(".jp-WindowedPanel-outer").first
    for top in range(0, panel.evaluate("each => each.scrollHeight"), step - 150):
        panel.evaluate("(each, top) => each.scrollTo(0, top)", top)
        page.wait_for_timeout(300)
        page.screenshot(path=folder / f"{name[:2]}_{top:05}.png")


def run_all(page, address, meant):
    """Open a notebook and run it by the menu until the last cell is done, or one fails beside those meant to."""
    page.goto(f"{address}&reset")
    page.locator(".jp-CodeCell").first.wait_for()
    page.get_by_text("| Idle").wait_for()  # the status bar: the kernel is there
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(DONE, arg=[ERROR, meant], timeout=WAIT)


# Which outputs are wider than their place, and which pictures are broken.
TOO_WIDE = """() => [...document.querySelectorAll(".jp-OutputArea-output")]
    .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.innerText.slice(0, 200))"""
BROKEN = """() => [...document.querySelectorAll(".jp-OutputArea-output img")]
    .filter(each => !each.complete || !each.naturalWidth).length"""


@pytest.mark.parametrize("name", [SMALL, *(path.name for path in course.notebooks())])
def test_a_notebook_runs_in_the_browser_its_sliders_move_and_its_first_exercise_is_judged(name, lab, page):
    source = [] if name == SMALL else code_cells(name)
    meant = [number for number, cell in enumerate(source) if "raises-exception" in cell.metadata.get("tags", [])]
    run_all(page, lab(f"lab/tree/{name}"), len(meant))
    cells = page.locator(".jp-CodeCell")
    failed = [number for number in range(cells.count()) if cells.nth(number).locator(ERROR).count()]
    assert failed == meant, [cells.nth(number).inner_text() for number in failed]
    assert page.evaluate(TOO_WIDE) == [] and page.evaluate(BROKEN) == 0
    outputs = page.locator(f".jp-OutputArea-output:has({CONTROL})")
    assert (outputs.count() > 0) == (name == SMALL or any("sliders." in cell.source for cell in source))
    for number in range(outputs.count()):
        move(outputs.nth(number))
    if source:
        answer_the_first_exercise(name, source, cells)
        answer_the_first_question(name, source, cells)


def code_cells(name):
    nb = nbformat.read(course.ROOT / "notebooks" / name, as_version=4)
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def move(output):
    """Move each slider to an end, tick each box: text and picture follow. (A step may change nothing that is seen.)"""
    text, picture = output.locator(".widget-html-content").first, output.locator("img").first
    for control in output.locator(".noUi-handle, input[type=checkbox]").all():
        before = text.inner_text(), picture.get_attribute("src")
        if control.get_attribute("type") == "checkbox":
            control.press("Space")
        else:
            at_end = control.get_attribute("aria-valuenow") == control.get_attribute("aria-valuemax")
            control.press("Home" if at_end else "End")
        playwright.expect(picture).not_to_have_attribute("src", before[1])
        playwright.expect(text).not_to_have_text(before[0])


def answer_the_first_exercise(name, source, cells):
    """Type a known mistake, then the finished function, and run the check of each."""
    at = next(i for i, cell in enumerate(source) if re.fullmatch(r"checks\.(\w+)\(\1\)", cell.source))
    exercise = getattr(chapters.room(f"n{name[:-6]}", "checks"), source[at].source[7:].partition("(")[0])
    slip = exercise.slips()[0]
    for written, says in (
        (slip, name_of(slip)),
        (exercise.finished, f"{exercise.name}: agrees with bnbook on "),
    ):
        line = f"from {written.__module__} import {written.__name__}"
        type_into(cells.nth(at - 1), f"{line} as {exercise.name}", 2)
        playwright.expect(cells.nth(at).locator(".jp-OutputArea")).to_contain_text(says)


def answer_the_first_question(name, source, cells):
    """Type a wrong option, then the right one."""
    at = next(i for i, cell in enumerate(source) if cell.source.startswith("answer = None\nchecks.answer("))
    asked = re.search(r'checks\.answer\("([\w-]+)"', source[at].source)[1]
    question = next(q for q in chapters.room(f"n{name[:-6]}", "checks").QUESTIONS if q.name == asked)
    for option, says in ((next(iter(question.wrong)), f"{asked}: not "), (question.right, f"{asked}: right. ")):
        type_into(cells.nth(at), f"answer = {option!r}; checks.answer({asked!r}, answer)", 1)
        playwright.expect(cells.nth(at).locator(".jp-OutputArea")).to_contain_text(says)


def type_into(cell, text, runs):
    """Replace what a cell holds, key by key, and press Shift+Enter: once for it, once more for the cell below."""
    editor = cell.locator(".cm-content")
    editor.click()
    editor.press("ControlOrMeta+a")
    editor.press_sequentially(text)
    for _ in range(runs):
        cell.page.keyboard.press("Shift+Enter")
