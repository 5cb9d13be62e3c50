"""Parts of the site's pages made from what the course has already: the notebooks, the rooms, README, the docstrings."""

import base64
import importlib
import pkgutil
import re

import nbformat
from alt import sentences
from myst_parser.slugs import github_slugify

from bnbook import chapters, course, data
from bnbook.__main__ import modules
from bnbook.chapters.n12_claims import experiments
from bnbook.chapters.n12_claims.plots.verdicts import _effect
from bnbook.diagnose.rules.finding import READ


def parts():
    """{a file that a page includes: its text}."""
    claims = judged()
    readme = (course.ROOT / "README.md").read_text(encoding="utf-8")
    return {
        "notebooks.md": table(section(readme, "Notebooks")),
        "words.md": table(section(readme, "Words")),
        "ways.md": ways(section(_markdown("00"), "Ways through")),
        "symptoms.md": table(section(_markdown("13"), "Summary")),
        "findings.md": findings(),
        "verdicts.md": verdicts(claims),
        "claims.md": "\n\n".join(map(_in_full, claims)),
    }


def section(text, heading):
    """What stands below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    if not found:
        raise ValueError(f"no heading '## {heading}', which a page of the site is made from: see docs/_ext/pages.py.")
    return found[1]


def table(text):
    """The first table of a text, as it is."""
    return re.search(r"^\|(?:.*\n)(?:\|.*(?:\n|\Z))+", text, re.M)[0]


def _notebook(number):
    path = next(path for path in course.notebooks() if path.name.startswith(number))
    return nbformat.read(path, as_version=4)


def _markdown(number):
    return "\n\n".join(cell.source for cell in _notebook(number).cells if cell.cell_type == "markdown")


# --- the landing page ------------------------------------------------------------------------------------------------


def picture():
    """The first figure of notebook 00: its PNG, and the sentence that says what it shows."""
    nb = _notebook("00")
    outputs = (output for cell in nb.cells for output in cell.get("outputs", ()))
    png = next(output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {}))
    return base64.b64decode(png), next(iter(sentences(nb).values()))


def ways(text):
    """The table of ways through, from notebook 00: numbers become links, hours follow from the rooms' minutes."""
    heading, rule, *rows = table(text).splitlines()
    return "\n".join([heading, rule, *map(_way, rows)])


def _way(row):
    you, read, time = (cell.strip() for cell in row.strip("| ").split("|"))
    paths = {path.name[:2]: path for path in course.notebooks()}
    minutes = {number: chapters.room("n" + path.stem).MINUTES for number, path in paths.items()}
    chosen = list(minutes) if read == "in order" else _numbers(read)
    if chosen:
        hours = f"{sum(minutes[number] for number in chosen) / 60:.1f} hours"
        time = f"{time}, {hours} of work" if "break" in time else hours
    linked = re.sub(r"\b\d\d\b", lambda found: f"[{found[0]}](notebooks/{paths[found[0]].name})", read)
    return f"| {you} | {linked} | {time} |"


def _numbers(read):
    """The notebooks that '07 to 12' or '04, 10, 13' means; none if only parts of them are meant."""
    if found := re.fullmatch(r"(\d\d) to (\d\d)", read):
        return [f"{n:02}" for n in range(int(found[1]), int(found[2]) + 1)]
    return re.findall(r"\d\d", read) if re.fullmatch(r"[\d, ]+", read) else []


# --- symptoms and claims ---------------------------------------------------------------------------------------------


def findings():
    """Every name that `diagnose` gives, and the section of the course that explains it."""
    paths = {path.name[:2]: path for path in course.notebooks()}
    rows = ["| finding | explained in |", "|---|---|"]
    for name, read in READ.items():
        number, heading = read.split(", ", 1)
        link = f"notebooks/{paths[number].name}#{github_slugify(heading)}"
        rows.append(f"| `{name}` | [{number}, {heading}]({link}) |")
    return "\n".join(rows)


def judged():
    """The claims of notebook 12 with their verdicts, computed from its stored runs."""
    stored = {name: experiments.evidence(name) for name in experiments.PARTS}
    return experiments.judged(stored, data.digits())


def verdicts(claims):
    """A row for each claim: the verdict, and the line of evidence that decides."""
    rows = ["| BatchNorm ... | verdict | evidence |", "|---|---|---|"]
    for claim in claims:
        rows.append(f"| {claim.claim} | **{claim.verdict}** | {_effects(claim, claim.decisive, '<br>')} |")
    return "\n".join(rows)


def _in_full(claim):
    effects = _effects(claim, claim.lines, "\n- ")
    return f"**{claim.claim}**: {claim.verdict}. True if {claim.sharpened}.\n\n- {effects}\n- Source: {claim.source}"


def _effects(claim, lines, between):
    return between.join(f"{line.what}: {_effect(line, claim.unit)}" for line in lines)


# --- the package -----------------------------------------------------------------------------------------------------


def api():
    """{page: its text}, one for each module of the ground, and one for the functions of the rooms."""
    names = modules()
    pages = {f"api/{name}.rst": _page(f"bnbook.{name}", _documented(f"bnbook.{name}")) for name in names}
    rooms = [f"bnbook.chapters.{name}.functions" for name in chapters.rooms() if chapters.room(name, "functions")]
    pages["api/chapters.rst"] = _page("The functions of the rooms", dict.fromkeys(rooms, ""))
    listed = "\n".join(f"   {name}" for name in [*names, "chapters"])
    return pages | {"api/index.rst": f"{_title('The package')}{API}\n.. toctree::\n   :maxdepth: 1\n\n{listed}\n"}


API = """\
Every public function and class, from its docstring: the formula, the shapes and units, what is returned, what is
raised, and the source. In reading order: a module imports only from modules above it.
"""


def _documented(name):
    """{module: the members to show}: of a package what it brings, or its files where it brings nothing."""
    module = importlib.import_module(name)
    brings = [key for key, value in vars(module).items() if getattr(value, "__module__", "").startswith(f"{name}.")]
    if brings:
        return {name: ", ".join(brings)}
    files = [info.name for info in pkgutil.iter_modules(getattr(module, "__path__", ()))]
    return dict.fromkeys([name, *(f"{name}.{file}" for file in files)], "")


def _page(title, documented):
    options = "   :members: {}\n   :imported-members:\n   :show-inheritance:\n"
    automodules = [
        f".. automodule:: {name}\n"
        + (options if members else options.replace("   :imported-members:\n", "")).format(members)
        for name, members in documented.items()
    ]
    return _title(title) + "\n".join(automodules)


def _title(text):
    return f"{text}\n{'=' * len(text)}\n\n"
