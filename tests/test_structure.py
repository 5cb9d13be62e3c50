"""The package is laid out as the design says: who imports what, in which order it is read, which names go together."""

import ast
import re
import shutil
import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path

import nbformat
import pytest

from bnbook import __main__ as command_line
from bnbook import chapters, course
from bnbook import run as run_command

PACKAGE = Path(command_line.__file__).parent
STANDARD = set(sys.stdlib_module_names)

# part of the ground: (what it may import from bnbook, what it may import from outside the standard library)
ALLOWED = {
    "norm_numpy": (set(), {"numpy"}),
    "norm_fast": ({"norm_numpy"}, {"numpy"}),
    "norm_torch": (set(), {"torch"}),
    "norm_triton": ({"norm_torch"}, {"torch", "triton"}),
    "data": (set(), {"numpy", "sklearn", "PIL"}),
    "nets": ({"norm_torch"}, {"torch"}),
    "train": (set(), {"numpy", "torch", "tqdm"}),
    "lab": (
        {"norm_numpy", "norm_fast", "norm_torch", "data", "nets", "train"},
        {"numpy", "scipy", "pandas", "torch", "matplotlib", "tqdm"},
    ),
    "grading": (set(), {"numpy", "torch"}),
    "bench": (
        {"norm_numpy", "norm_fast", "norm_torch", "norm_triton", "data", "nets", "train", "lab"},
        {"numpy", "torch"},
    ),
    "gpu": ({"bench"}, {"torch", "matplotlib"}),
    "diagnose": (set(), {"torch", "numpy", "tqdm"}),
    "progress": ({"chapters", "grading"}, {"pandas"}),
    "notebook": ({"lab", "progress"}, {"numpy", "torch", "matplotlib", "threadpoolctl", "IPython"}),
    "course": ({"chapters"}, set()),  # what belongs to the extra `lab` it imports by name, with a sentence if absent
    "elsewhere": ({"course"}, set()),
    "run": ({"chapters", "data", "notebook", "lab"}, {"torch", "matplotlib"}),
    "chapters": (set(), set()),
    "install": (set(), set()),
    "__init__": (set(), set()),
    "__main__": ({"*"}, {"jupyter_client", "torch"}),
}
TOOLS = {"chapters", "course", "elsewhere", "progress", "notebook", "run", "install", "__init__", "__main__"}
GROUND = set(ALLOWED) - TOOLS
ROOM = (GROUND, {"numpy", "torch", "scipy", "pandas", "matplotlib", "tqdm"})
ONE_FILE = {"lab/live.py": {"ipywidgets"}, "sliders.py": {"ipywidgets"}}  # where more may come from outside


def sources():
    """Every source file with the part it belongs to: a module of the ground, or a room by its name."""
    files = sorted(file for file in PACKAGE.rglob("*.py") if "__pycache__" not in file.parts)
    return [(part_of(file.relative_to(PACKAGE).with_suffix("").parts), file) for file in files]


def part_of(names):
    """The part that a module belongs to: ('chapters', 'n02_forward', 'slips') is in room n02_forward."""
    return names[1] if names[0] == "chapters" and len(names) > 1 and names[1] != "__init__" else names[0]


def imports(file, package):
    """Parts of bnbook and outside packages that a file imports, anywhere in it."""
    ours, outside = set(), set()
    here = ("bnbook", *file.relative_to(package).with_suffix("").parts)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = here[: -node.level] if node.level else ()
            path = (*above, *(node.module.split(".") if node.module else ()))
            names = [(*path, alias.name) for alias in node.names]
        else:
            continue
        for name in names:
            if name[0] == "bnbook":
                ours.add(part_of(name[1:]) if len(name) > 1 else "__init__")
            else:
                outside.add(name[0])
    return ours - {part_of(here[1:])}, outside - STANDARD


def refused(part, file, package=PACKAGE):
    """What a file imports and may not."""
    may, may_outside = ROOM if re.fullmatch(r"n\d\d_\w+", part) else ALLOWED[part]
    more = next((more for name, more in ONE_FILE.items() if file.as_posix().endswith(f"/{name}")), set())
    ours, outside = imports(file, package)
    return (set() if "*" in may else ours - may) | (outside - may_outside - more)


@pytest.mark.parametrize("part, file", sources(), ids=lambda value: getattr(value, "name", value))
def test_a_file_imports_only_what_the_design_allows(part, file):
    assert not refused(part, file)


@pytest.mark.parametrize(
    "name, line, wrong",
    [
        ("norm_numpy.py", "import torch", {"torch"}),
        ("nets/build.py", "from ..train import fit", {"train"}),
        ("train.py", "from bnbook.chapters.n01_why_normalize import functions", {"n01_why_normalize"}),
        ("lab/engine.py", "import ipywidgets", {"ipywidgets"}),
        ("lab/live.py", "import ipywidgets", set()),
        ("lab/shared.py", "from . import engine", set()),
        (
            "chapters/n02_forward/slips/parts.py",
            "from ...n01_why_normalize.functions import he_std",
            {"n01_why_normalize"},
        ),
        ("chapters/n02_forward/plots.py", "from bnbook.chapters import n01_why_normalize", {"n01_why_normalize"}),
        ("chapters/n02_forward/plots.py", "from . import functions", set()),
        ("chapters/n02_forward/plots.py", "from bnbook import course", {"course"}),
        ("chapters/n02_forward/checks.py", "import polars, sklearn", {"polars", "sklearn"}),
        ("chapters/n02_forward/sliders.py", "def f():\n    import ipywidgets", set()),
    ],
)
def test_an_arrow_in_the_wrong_direction_is_seen(name, line, wrong, tmp_path):
    file = tmp_path / "bnbook" / name
    file.parent.mkdir(parents=True)
    file.write_text(line, encoding="utf-8")
    assert refused(part_of(Path(name).with_suffix("").parts), file, tmp_path / "bnbook") == wrong


def test_the_reading_order_is_an_import_order_and_complete():
    order = list(command_line.ORDER)
    assert set(order) == set(ALLOWED) - {"chapters", "install", "__init__", "__main__"}
    for position, module in enumerate(order):
        assert ALLOWED[module][0] - {"chapters"} <= set(order[:position])


@pytest.mark.parametrize("module", command_line.modules())
def test_every_module_says_after_what_to_read_it_and_where_it_is_built(module):
    text = ast.get_docstring(ast.parse(command_line._source(module).read_text(encoding="utf-8")))
    assert any(line.startswith("Read after ") for line in text.splitlines())
    assert any(line.startswith(("Built in notebook", "Used ")) for line in text.splitlines())


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, bnbook; print(sorted({m.split('.')[0] for m in sys.modules} & {'numpy', 'torch', 'matplotlib'}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_triton_is_imported_by_its_own_module_alone():
    assert [part for part, file in sources() if "triton" in imports(file, PACKAGE)[1]] == ["norm_triton"]


def test_a_room_says_what_its_notebook_is_and_importing_that_imports_nothing():
    for name in chapters.rooms():
        tree = ast.parse((chapters.FOLDER / name / "__init__.py").read_text(encoding="utf-8"))
        assert not [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))], name
        room = chapters.room(name)
        assert room.QUESTION.endswith("?") and len(room.AIMS) >= 1 and 5 <= room.MINUTES <= 180
        built = re.findall(r"`(\w+)`", room.BUILDS)
        asked = [exercise.name for exercise in chapters.room(name, "checks").EXERCISES]
        assert sorted(built) == sorted(asked), name
    assert [name[1:] for name in chapters.rooms()] == [path.stem for path in course.notebooks()]


def test_a_new_notebook_is_one_notebook_and_one_room_and_nothing_else(tmp_path):
    """A toy room in a copy of the package: the map, `check`, `run` and the tables find it without another edit."""
    root = PACKAGE.parent
    shutil.copytree(PACKAGE, tmp_path / "bnbook", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "notebooks", tmp_path / "notebooks")
    shutil.copy(root / "README.md", tmp_path)
    room = tmp_path / "bnbook" / "chapters" / "n99_toy"
    room.mkdir()
    for name, text in TOY.items():
        (room / f"{name}.py").write_text(text, encoding="utf-8")
    cell = nbformat.v4.new_code_cell("from bnbook.chapters.n99_toy import checks\n\nchecks.double(lambda x: 2 * x)")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "notebooks" / "99_toy.ipynb")

    def shell(code):
        return subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    assert re.search(
        r"^n99_toy +\d+ lines  What is a toy\?$", shell("from bnbook.__main__ import main; main([])"), re.M
    )
    run = "from bnbook.__main__ import main; main(['run', 'toys', '--out', 'out'])"
    assert shell(run).startswith("one toy\n") and (tmp_path / "out" / "toys.json").exists()
    judged = "from bnbook.chapters.n99_toy.checks import double; print(double.judge(lambda x: x + x + 1).slip.__name__)"
    assert shell(judged) == "one_more\n"
    assert "[99](notebooks/99_toy.ipynb) | What is a toy? | `double` | 5 |" in shell(
        "from bnbook import course; course.write_tables(); print(open('README.md').read())"
    )


TOY = {
    "__init__": "QUESTION = 'What is a toy?'\nAIMS = ('toys',)\nMINUTES = 5\nBUILDS = '`double`'\n",
    "functions": "def double(x):\n    return 2 * x\n",
    "questions": "QUESTIONS = ()\n",
    "slips": "from bnbook.grading.exercise import slip_of\n\n\n@slip_of('double')\ndef one_more(x):\n"
    '    """adding one: {double} and not {right_double}."""\n    return 2 * x + 1\n',
    "checks": "from bnbook.grading import desk\nfrom bnbook.grading.compare import Probe\n"
    "from bnbook.grading.exercise import Exercise\n\nfrom . import functions\nfrom .questions import QUESTIONS\n\n"
    "double = Exercise(name='double', room=__name__, finished=functions.double, inputs=('x',), outputs=('double',),\n"
    "    probes=lambda: [Probe('x = 3', (3.0,))], example=lambda: (1.0,), hints=('a', 'b', 'c'))\n"
    "EXERCISES = (double,)\nhint, solution, answer = desk(EXERCISES, QUESTIONS)\n",
    "experiments": "def toys(seeds=2):\n    return {'experiment': 'toys', 'n': 1}\n",
    "plots": "import matplotlib.pyplot as plt\n\n\n"
    "def toys(data):\n    return plt.subplots()[1], 'one toy\\nand no more'\n",
}


@pytest.mark.parametrize("room, exercise", chapters.exercises(), ids=lambda value: getattr(value, "name", value))
def test_an_exercise_is_a_function_of_the_ground_or_of_its_own_room_with_slips_there(room, exercise):
    checks = chapters.room(room, "checks")
    assert getattr(checks, exercise.name) is exercise and exercise.name == exercise.finished.__name__
    assert exercise.room == checks.__name__
    home = exercise.finished.__module__
    holders = [import_module(home), import_module(home.rpartition(".")[0])]
    assert any(getattr(holder, exercise.name, None) is exercise.finished for holder in holders)
    assert part_of(tuple(home.split("."))[1:]) in GROUND | {room}
    assert exercise.slips() and all(
        slip.__module__.startswith(f"bnbook.chapters.{room}.slips") for slip in exercise.slips()
    )


def test_right_answers_load_no_slips():
    code = (
        "import sys; from bnbook.chapters.n02_forward import checks; from bnbook.norm_numpy import normalize; "
        "checks.normalize(normalize); print([name for name in sys.modules if 'slips' in name])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.endswith("[]\n")


def test_the_arithmetic_has_the_same_names_and_arguments_in_numpy_and_torch():
    from bnbook import norm_numpy, norm_torch

    for name in ("normalize", "normalize_backward", "batch_norm", "batch_norm_backward", "batch_norm_eval", "fold"):
        assert signature(getattr(norm_numpy, name)) == signature(getattr(norm_torch, name)), name
    assert signature(norm_numpy.update_running) == signature(norm_torch.update_running)


@pytest.mark.parametrize("room", chapters.rooms())
def test_an_experiment_that_a_notebook_draws_can_be_run_by_name(room):
    """plots.NAME(experiments.NAME(...)), or of what evidence holds: then `run NAME` makes both."""
    nb = nbformat.read(course.ROOT / "notebooks" / f"{room[1:]}.ipynb", as_version=4)
    code = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
    both = set(re.findall(r"\bplots\.(\w+)\(", code)) & set(re.findall(r"\bexperiments\.(\w+)\(", code))
    stored = set(re.findall(r"\bevidence\(\"(\w+)\"\)", code))
    found = {name for name, home in run_command.experiments_and_drawings().items() if home == room}
    assert both | stored <= found
    for name in found:
        experiment, draw = (getattr(chapters.room(room, part), name) for part in ("experiments", "plots"))
        assert not [p for p in list(signature(draw).parameters.values())[1:] if p.default is p.empty], (
            f"plots.{name}(data)"
        )
        assert not [p for p in list(signature(experiment).parameters.values())[1:] if p.default is p.empty], name


def test_public_functions_have_docstrings():
    for module, file in sources():
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{module}: {node.name}"


README = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_module_of_the_ground():
    listed = re.findall(r"^\| `(\w+)` \|", README.split("## The package")[1].split("## Words")[0], re.M)
    assert listed == [*command_line.modules(), "chapters"]


def test_the_tables_of_notebooks_in_the_readme_and_in_00_are_those_made_from_the_rooms():
    readme, start = course.tables()
    first = nbformat.read(course.notebooks()[0], as_version=4)
    assert readme in README and sum(start in cell.source for cell in first.cells) == 1


def test_a_notebook_opens_with_what_its_room_says():
    for path in course.notebooks():
        room, first = chapters.room(f"n{path.stem}"), nbformat.read(path, as_version=4).cells[0].source
        text = " ".join(first.split())
        assert (
            first.startswith(f"# {path.name[:2]} · {room.QUESTION}\n") and f"*About {room.MINUTES} minutes.*" in first
        )
        assert all(aim in text for aim in room.AIMS), path.name


def test_the_readme_states_the_size_of_the_arithmetic_and_real_commands():
    size = int(re.search(r"The arithmetic is (\d+) lines", README).group(1))
    assert abs(size - command_line.lines("norm_numpy")) <= 10
    makefile = (PACKAGE.parent / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make (\w+)", README, re.M):  # a command, not the verb
        assert f"\n{target}:" in makefile, target
