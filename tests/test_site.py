"""The web site: what is added to a notebook, the pages as built (`make full`), and in a browser (`make browser`)."""

import base64
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import ipywidgets
import matplotlib.pyplot as plt
import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bnbook import chapters, course
from bnbook.grading.question import Question
from bnbook.lab.live import Live

DOCS = course.ROOT / "docs"
sys.path.append(str(DOCS / "_ext"))

import docstrings  # noqa: E402
import folds  # noqa: E402
import frames  # noqa: E402
import lessons  # noqa: E402


def parsed(html):
    return BeautifulSoup(html, "html.parser")


# --- folds -----------------------------------------------------------------------------------------------------------

EXERCISE = SimpleNamespace(
    name="double",
    hints=("Add.", "Add `x` to itself, if x < 9.", "x + x"),
    solution=lambda: print("def double(x):\n    return x + x", end=""),
)
QUESTION = Question("how-many", 3, "Three <channels>.", {10: ("Rows.", "a = 1; b = 2", "2"), "none": ("No.", "c", "0")})


def test_each_hint_is_folded_inside_the_one_before_and_the_solution_beside_them():
    first, solution = parsed(folds.exercise(EXERCISE)).div.find_all("details", recursive=False)
    assert [fold.summary.text for fold in first.find_all("details")] == ["Hint 2 of 3", "Hint 3 of 3"]
    assert first.details.p.text == "Add x to itself, if x < 9." and first.details.code.text == "x"
    assert "x + x" in first.details.details.text and "def double" not in first.text
    assert solution.pre.text.strip() == "def double(x):\n    return x + x"


def test_every_answer_is_folded_in_an_order_that_says_nothing_with_its_own_reply():
    outer = parsed(folds.question(QUESTION)).div.details
    answers = outer.find_all("details", recursive=False)
    assert [answer.summary.text for answer in answers] == ["3", "10", "none"]
    assert "Right. Three <channels>." in answers[0].text
    assert (
        "Rows." in answers[1].text and answers[1].pre.text.strip() == "a = 1\nb = 2" and "Three" not in answers[1].text
    )


# --- notebooks -------------------------------------------------------------------------------------------------------

CHECKS = SimpleNamespace(EXERCISES=(EXERCISE,), QUESTIONS=(QUESTION,))


def test_help_stands_below_the_check_and_the_replies_below_the_question(tmp_path):
    text = 'On your own: `checks.answer("how-many", ...)` knows.\n\n**Next.** 02'
    sources = ["checks.double(double)", "checks.double(lambda x: x)", 'checks.answer("how-many", answer)']
    nb = new_notebook(cells=[*map(new_code_cell, sources), new_markdown_cell(text)])
    before = nbformat.writes(nb)
    *cells, last = lessons.for_the_site(nb, CHECKS, tmp_path).cells
    assert [cell.cell_type for cell in cells] == ["code", "markdown", "code", "code", "markdown"]
    assert "Help with double" in cells[1].source and "Help with how-many" in cells[4].source
    assert last.source.index("Help with how-many") < last.source.index("**Next.**")
    assert nbformat.writes(nb) == before


def test_every_exercise_and_question_of_the_course_has_its_folds_in_its_notebook(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "_moving", lambda *arguments: "")
    for path in course.notebooks():
        checks = chapters.room("n" + path.stem, "checks")
        shown = lessons.for_the_site(nbformat.read(path, as_version=4), checks, tmp_path)
        text = "\n".join(cell.source for cell in shown.cells)
        missing = [x.name for x in (*checks.EXERCISES, *checks.QUESTIONS) if f'"Help with {x.name}"' not in text]
        assert not missing, f"{path.name}: no cell or paragraph of its own for {missing}"


# --- frames ----------------------------------------------------------------------------------------------------------


def toy(**controls):
    """A Live whose text says where its controls are."""

    def draw(**values):
        return plt.figure(figsize=(1, 1)).subplots(), f"At {values}.\n\ndetails"

    return Live(draw, **controls)


def test_of_the_cells_only_what_the_sliders_need_is_run():
    cells = ["import json as j\nraise SystemExit", "a = j.loads('1')\nb = no_such_name", "a = a + 1\na"]
    assert frames.live(cells) == 2


def test_positions_are_on_the_sliders_grid_with_its_first_one_and_by_factors_where_it_spans_many():
    linear = ipywidgets.FloatSlider(value=0.5, min=-2.0, max=3.0, step=0.1)
    assert frames.positions(linear) == [-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0]
    wide = ipywidgets.IntSlider(value=8, min=2, max=64)
    assert frames.positions(wide) == [2, 4, 8, 16, 32, 64]
    assert frames.positions(ipywidgets.Checkbox()) == [False, True]
    assert frames.positions(ipywidgets.Dropdown(options=["tanh", "relu"])) == ["tanh", "relu"]


def test_all_places_are_there_and_each_is_one_step_from_the_last():
    places = frames.all_places([3, 2, 4])
    assert sorted(places) == sorted(itertools.product(range(3), range(2), range(4)))
    for one, next_one in itertools.pairwise(places):
        assert sum(abs(i - j) for i, j in zip(one, next_one, strict=True)) == 1


def test_one_control_at_a_time_is_away_from_the_start():
    places = frames.one_at_a_time([3, 2], (1, 0))
    assert sorted(places) == [(0, 0), (1, 0), (1, 1), (2, 0)]


@pytest.mark.parametrize("most", [50, 3])
def test_the_figure_shows_the_start_and_knows_every_frame(most, monkeypatch, tmp_path):
    monkeypatch.setattr(frames, "MOST", most)
    live = toy(
        n=ipywidgets.IntSlider(value=2, min=1, max=3, description="n"), on=ipywidgets.Checkbox(description="<on>")
    )
    figure = parsed(frames.draw(live, tmp_path / "_static" / "toy")).figure
    stored = json.loads(figure.script.text)
    places = {(n, on) for n in range(3) for on in range(2) if most == 50 or n == 1 or on == 0}
    assert set(stored) == {f"{n},{on}" for n, on in places}
    for place, frame in stored.items():
        n, on = map(int, place.split(","))
        assert frame["alt"] == f"At {{'n': {n + 1}, 'on': {bool(on)}}}."
        assert (tmp_path / "_static" / "toy" / Path(frame["src"]).name).read_bytes().startswith(b"\x89PNG")
    assert figure.img["alt"] == stored["1,0"]["alt"] and figure.pre.text == stored["1,0"]["text"]
    slider, box = figure.find_all("input")
    assert slider["value"] == "1" and slider["aria-valuetext"] == "2" and not box.has_attr("checked")
    assert box.parent.text.strip() == "<on>" and figure.find(class_="bn-controls").has_attr("hidden")


def test_a_stored_picture_that_is_out_of_date_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(frames, "live", lambda code: toy(n=ipywidgets.IntSlider()))
    stored = new_output("execute_result", {"image/png": "", "text/plain": "At noon."}, execution_count=1)
    nb = new_notebook(cells=[new_code_cell("sliders.toy()", outputs=[stored])])
    with pytest.raises(ValueError, match="At noon.*store it again"):
        lessons.for_the_site(nb, CHECKS, tmp_path)


# --- docstrings and alternative texts ------------------------------------------------------------------------------


def test_a_docstring_keeps_its_lines_and_columns():
    lines = ["Scale *x* by `g`.", "", "    y = g * x", "", "x  (N, C)", "g  (C,)", ""]
    docstrings.verbatim(None, "function", "f", None, None, lines)
    assert lines[0] == r"Scale \*x\* by ``g``."
    assert lines[2] == ".. code-block:: text"
    assert [line[3:] for line in lines[4:9]] == ["", "    y = g * x", "", "x  (N, C)", "g  (C,)"]


def test_the_docstring_of_a_module_is_text_and_only_what_is_indented_is_code():
    lines = ["Small nets.", "", "Used in 07.", "", "- one_thing", "- another", "", "    net = cnn()"]
    docstrings.verbatim(None, "module", "m", None, None, lines)
    assert [line for line in lines if line] == [
        *("Small nets.", "Used in 07.", r"- one\_thing", "- another"),
        *(".. code-block:: text", "       net = cnn()"),
    ]


def test_every_figure_of_a_cell_gets_its_own_sentence():
    pytest.importorskip("docutils")
    import alt

    pngs = {name: base64.b64encode(name.encode()).decode() for name in ("first", "second")}
    outputs = [
        new_output("display_data", {"image/png": png}, metadata={"image/png": {"alt": f"The {name}\none."}})
        for name, png in pngs.items()
    ]
    found = alt.sentences(new_notebook(cells=[new_code_cell("x", outputs=outputs)]))
    assert found == {hashlib.sha256(name.encode()).hexdigest(): f"The {name} one." for name in pngs}


# --- the site as built -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built pages: what SITE says (build/site after `make site`), or built for these tests."""
    if "SITE" in os.environ:
        return Path(os.environ["SITE"]).resolve()
    for package in ("sphinx", "myst_nb", "sphinx_book_theme"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("built") / "site"
    made = subprocess.run([sys.executable, DOCS / "build.py", folder], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


def pages(site):
    """{path: the page}; viewcode's and Sphinx's own pages too."""
    return {path: parsed(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


@pytest.fixture(scope="session")
def built(site):
    return pages(site)


@pytest.mark.full
def test_no_page_loads_anything_from_elsewhere(built, site):
    elsewhere = re.compile(r"^(?:https?:)?//")
    for path, page in built.items():
        loaded = [*page.select("script[src], img[src], iframe[src], source[src]"), *page.select("link[href]")]
        found = [address for tag in loaded if elsewhere.match(address := tag.get("src") or tag["href"])]
        assert not found, f"{path.name} loads {found}"
    for style in site.rglob("*.css"):
        assert not re.search(r"""url\(["']?(?:https?:)?//|@import ["']http""", style.read_text(encoding="utf-8")), style


@pytest.mark.full
def test_every_picture_is_described_by_the_sentence_stored_with_it(built, site):
    for path, page in built.items():
        texts = [image.get("alt", "") for image in page.find_all("img")]
        bad = [text for text in texts if len(text) < 20 or re.search(r"\.(?:png|svg|jpe?g)$", text)]
        assert not bad, f"{path.name}: {bad}"
    for path in course.notebooks():
        nb = nbformat.read(path, as_version=4)
        outputs = [
            output for cell in nb.cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})
        ]
        stored = [" ".join(output.metadata["image/png"]["alt"].split()) for output in outputs]
        shown = built[site / "notebooks" / f"{path.stem}.html"].select(".cell_output img, .bn-frames img")
        assert [image["alt"] for image in shown] == stored, path.name


@pytest.mark.full
def test_headings_begin_with_one_and_skip_no_level(built, site):
    for path, page in built.items():
        if path.parent.name in ("_modules", "_static") or path.name in (
            "genindex.html",
            "search.html",
            "py-modindex.html",
        ):
            continue
        levels = [int(heading.name[1]) for heading in page.select("article :is(h1, h2, h3, h4, h5, h6)")]
        assert levels[0] == 1 and levels.count(1) == 1, f"{path.name}: {levels}"
        assert all(b <= a + 1 for a, b in itertools.pairwise(levels)), f"{path.name}: {levels}"


@pytest.mark.full
def test_every_link_inside_the_site_leads_somewhere(built, site):
    ids = {path: {tag["id"] for tag in page.select("[id]")} for path, page in built.items()}
    outside = set()
    for path, page in built.items():
        for link in page.select("a[href]"):
            target = urlsplit(link["href"])
            if target.scheme:
                outside.add(link["href"])
                continue
            to = (path.parent / unquote(target.path)).resolve() if target.path else path
            assert to.exists(), f"{path.name}: no page {link['href']}"
            fragment = unquote(target.fragment)
            assert not fragment or to not in ids or fragment in ids[to], f"{path.name}: no place {link['href']}"
    print("not followed, for they lead outside:", *sorted(outside), sep="\n")
    assert all(address.startswith("https://") for address in outside)


@pytest.mark.full
def test_one_can_go_from_notebook_to_notebook(built, site):
    names = [f"{path.stem}.html" for path in course.notebooks()]
    for name, next_name in itertools.pairwise(names):
        page = built[site / "notebooks" / name]
        assert page.select_one("a.right-next")["href"] == next_name
        assert built[site / "notebooks" / next_name].select_one("a.left-prev")["href"] == name


@pytest.mark.full
def test_the_ways_through_take_what_the_rooms_say(built, site):
    rows = [[cell.text for cell in row.find_all("td")] for row in built[site / "index.html"].select("table tr")]
    minutes = [chapters.room(name).MINUTES for name in chapters.rooms()]
    assert f"{sum(minutes) / 60:.1f} hours" in next(time for _, read, time in filter(bool, rows) if read == "in order")


# --- in a browser ----------------------------------------------------------------------------------------------------

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = "axe-core@4.14.1"
SEEN = ("index", "notebooks/02_forward", "notebooks/05_images", "api/norm_numpy", "claims", "symptoms", "teach/index")


@pytest.fixture(scope="session")
def browser():
    """A headless browser."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("no chromium here")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, site):
    """Opens a page of the site: a function of its name and of a context's options. Every request is for a file."""
    contexts, asked = [], []

    def open_page(name, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert all(address.startswith(("file:", "data:", "blob:")) for address in asked), asked


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, kept in build/axe."""
    folder = course.ROOT / "build" / "axe"
    file = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        if not shutil.which("npm"):
            pytest.skip("no npm here, which installs axe-core")
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), AXE], check=True)
    return file.read_text(encoding="utf-8")


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", SEEN)
def test_axe_finds_nothing_serious_and_the_page_fits_its_window(name, width, theme, visit, axe):
    page = visit(name, viewport={"width": width, "height": 900}, color_scheme=theme)
    page.evaluate("() => window.MathJax?.startup?.promise")
    page.wait_for_timeout(500)  # the theme looks after half a second at most which blocks of code scroll
    page.evaluate(axe)
    violations = page.evaluate("async () => (await axe.run()).violations")
    bad = [
        (v["id"], [node["html"] for node in v["nodes"]]) for v in violations if v["impact"] in ("serious", "critical")
    ]
    assert not bad
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_arrow_keys_move_a_slider_its_picture_and_its_text(visit):
    page = visit("notebooks/02_forward")
    figure = page.locator(".bn-frames")
    picture, text = figure.locator("img"), figure.locator("pre")
    before = picture.get_attribute("src"), picture.get_attribute("alt"), text.inner_text()
    figure.get_by_label("batch").press("ArrowRight")
    after = picture.get_attribute("src"), picture.get_attribute("alt"), text.inner_text()
    assert all(a != b for a, b in zip(before, after, strict=True)) and "batch of 16" in after[1]
    page.wait_for_function("() => document.querySelector('.bn-frames img').naturalWidth > 100")
    figure.get_by_label("gamma").press("ArrowLeft")
    assert figure.get_by_label("batch").get_attribute("aria-valuetext") == "8"  # one at a time: back at its start


@pytest.mark.browser
def test_a_menu_and_a_box_move_the_picture_too(visit):
    page = visit("notebooks/01_why_normalize")
    figure = page.locator(".bn-frames")
    figure.get_by_label("activation").select_option("relu")
    figure.get_by_label("standardize in every layer").press("Space")
    assert "layers of relu" in figure.locator("pre").inner_text()
    assert "standardized" in figure.locator("pre").inner_text()


@pytest.mark.browser
def test_without_javascript_there_is_a_still_picture_with_its_words(visit):
    page = visit("notebooks/02_forward", java_script_enabled=False)
    figure = page.locator(".bn-frames")
    assert figure.locator("img").is_visible() and "batch of 8" in figure.locator("pre").inner_text()
    assert not figure.locator("input").first.is_visible()


@pytest.mark.browser
def test_hints_open_by_the_keyboard_one_after_the_other(visit):
    page = visit("notebooks/02_forward")
    help_with = page.get_by_role("group", name="Help with normalize")
    first, second = help_with.get_by_text("Hint 1 of 3"), help_with.get_by_text("Hint 2 of 3")
    assert first.is_visible() and not second.is_visible()
    first.press("Enter")
    assert second.is_visible()


@pytest.mark.browser
def test_the_search_finds_a_word_without_a_server(visit):
    page = visit("search", java_script_enabled=True)
    page.goto(page.url + "?q=SyncBatchNorm")
    page.locator("#search-results li a").first.wait_for()
    assert page.locator("#search-results li").count() > 0
