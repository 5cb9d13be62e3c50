"""A real browser opens JupyterLab, runs a notebook and moves a slider (`make browser`; needs chromium)."""

import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from bnbook import course

playwright = pytest.importorskip("playwright.sync_api")
playwright.expect.set_options(timeout=30_000)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SMALL = "smallest_slider.ipynb"
WITH_WIDGETS = [path.name for path in course.notebooks() if "sliders." in path.read_text(encoding="utf-8")]
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


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab on a fresh learner's copy: a function of the notebook's name."""
    course.learner_copy(tmp_path)
    course.write(tmp_path / SMALL, course.normalize(new_notebook(cells=[new_code_cell(SMALLEST)])))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    options = ["--no-browser", "--allow-root", f"--port={port}", f"--IdentityProvider.token={token}"]
    server = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], cwd=tmp_path)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api?token={token}", server)
        yield lambda name: f"{address}/lab/tree/{name}?token={token}&reset"
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address, server):
    """Wait until the server answers."""
    for _ in range(120):
        try:
            return urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            assert server.poll() is None, "JupyterLab ended"
            time.sleep(0.5)
    raise TimeoutError("JupyterLab did not start within a minute")


@pytest.fixture
def page():
    """A tab of a headless browser."""
    if not CHROMIUM:
        pytest.skip("no chromium here")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page(viewport={"width": 1400, "height": 1000})
        browser.close()


@pytest.mark.browser
@pytest.mark.parametrize("name", [SMALL, *WITH_WIDGETS])
def test_moving_a_slider_or_ticking_a_box_changes_the_text_and_the_picture(lab, page, name):
    page.set_default_timeout(60_000)
    control = ".widget-slider, .widget-checkbox"
    page.goto(lab(name))
    page.locator(".jp-CodeCell").first.wait_for()
    page.get_by_text("| Idle").wait_for()  # the status bar: the kernel is there
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    output = page.locator(f".jp-OutputArea-output:has({control})").first
    scroll_to(page, output)
    text, picture = output.locator(".widget-html-content").first, output.locator("img").first
    before = text.inner_text(), picture.get_attribute("src")
    handle, box = output.locator(".noUi-handle"), output.locator("input[type=checkbox]")
    handle.first.press("ArrowRight") if handle.count() else box.first.press("Space")
    playwright.expect(text).not_to_have_text(before[0])
    playwright.expect(picture).not_to_have_attribute("src", before[1])


def scroll_to(page, output):
    """Scroll down and up until the output is there: JupyterLab renders only what is near the window."""
    page.locator(".jp-WindowedPanel-outer").first.hover()
    for step in range(300):
        if output.count() and output.is_visible():
            output.scroll_into_view_if_needed()
            return
        page.mouse.wheel(0, 800 if step // 40 % 2 == 0 else -800)
        page.wait_for_timeout(200)
    errors = page.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()
    raise TimeoutError(f"no slider appeared within a minute; errors on the page: {errors}")
