"""The package is laid out as the design says: who imports what, in which order it is read, which names go together."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from bnbook import __main__ as command_line

PACKAGE = Path(command_line.__file__).parent
STANDARD = set(sys.stdlib_module_names)

# module: (what it may import from bnbook, what it may import from outside the standard library)
ALLOWED = {
    "norm_numpy": (set(), {"numpy"}),
    "norm_fast": ({"norm_numpy"}, {"numpy"}),
    "norm_torch": (set(), {"torch"}),
    "norm_triton": ({"norm_torch"}, {"torch", "triton"}),
    "data": (set(), {"numpy", "sklearn", "PIL"}),
    "nets": ({"norm_torch"}, {"torch"}),
    "train": (set(), {"numpy", "torch", "tqdm"}),
    "bench": ({"norm_numpy", "norm_fast", "norm_torch", "norm_triton", "data", "nets", "train"}, {"numpy", "torch"}),
    "experiments": ({"norm_fast", "norm_torch", "nets", "train", "bench"}, {"numpy", "torch", "scipy", "tqdm"}),
    "plots": (set(), {"numpy", "matplotlib"}),
    "slips": ({"norm_numpy", "norm_torch"}, {"numpy", "torch"}),
    "checks": ({"norm_numpy", "norm_torch", "nets", "train", "experiments", "slips"}, {"numpy", "torch"}),
    "diagnose": (set(), {"torch"}),
    "widgets": ({"norm_numpy", "plots"}, {"numpy", "matplotlib", "ipywidgets"}),
    "notebook": (set(), {"numpy", "torch", "matplotlib", "threadpoolctl"}),
    "course": (set(), {"nbformat", "nbclient"}),
    "install": (set(), set()),
    "__init__": (set(), set()),
    "__main__": ({"*"}, {"jupyter_client", "torch"}),
}


def sources():
    """Every source file with the module it belongs to."""
    files = [file for file in PACKAGE.rglob("*.py") if "__pycache__" not in file.parts]
    return [(file.relative_to(PACKAGE).parts[0].removesuffix(".py"), file) for file in files]


def imports(tree, module, inside):
    """Names of bnbook modules and of outside packages imported anywhere in a file."""
    ours, outside = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(alias.name, 0, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "", node.level, [alias.name for alias in node.names])]
        else:
            continue
        for name, level, members in names:
            if level > inside or name.split(".")[0] == "bnbook":
                path = name.removeprefix("bnbook").strip(".")
                ours |= {path.split(".")[0]} if path else set(members)
            elif level == 0:
                outside.add(name.split(".")[0])
    return ours - {module}, outside - STANDARD


@pytest.mark.parametrize("module, file", sources(), ids=lambda value: getattr(value, "name", value))
def test_a_module_imports_only_what_the_design_allows(module, file):
    may, may_outside = ALLOWED[module]
    inside = len(file.relative_to(PACKAGE).parts) - 1  # level 1 inside a chapter folder stays in that folder
    ours, outside = imports(ast.parse(file.read_text(encoding="utf-8")), module, inside)
    assert "*" in may or ours <= may, f"{file.name} imports {ours - may} from bnbook"
    assert outside <= may_outside, f"{file.name} imports {outside - may_outside}"


def test_the_reading_order_is_an_import_order_and_complete():
    order = list(command_line.ORDER)
    assert set(order) == set(ALLOWED) - {"install", "__init__", "__main__"}
    for position, module in enumerate(order):
        assert ALLOWED[module][0] <= set(order[:position])


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
    for module, file in sources():
        if module != "norm_triton":
            assert "triton" not in imports(ast.parse(file.read_text(encoding="utf-8")), module, 0)[1]


def test_every_exercise_is_a_function_of_the_package_with_slips_of_the_same_name():
    from importlib import import_module

    from bnbook import checks, slips

    for name, exercise in checks.EXERCISES.items():
        assert getattr(checks, name) is exercise and exercise.name == name == exercise.finished.__name__
        home = exercise.finished.__module__
        assert getattr(import_module(home), name) is exercise.finished
        assert home.split(".")[1] not in ("checks", "slips") or home == "bnbook.checks.gradient"
        assert exercise.slips() is getattr(slips, name)


def test_the_arithmetic_has_the_same_names_and_arguments_in_numpy_and_torch():
    import inspect

    from bnbook import norm_numpy, norm_torch

    for name in ("normalize", "normalize_backward", "batch_norm", "batch_norm_backward", "batch_norm_eval", "fold"):
        assert inspect.signature(getattr(norm_numpy, name)) == inspect.signature(getattr(norm_torch, name)), name
    assert inspect.signature(norm_numpy.update_running) == inspect.signature(norm_torch.update_running)


def test_every_experiment_has_a_drawing_of_the_same_name():
    assert "first_look" in command_line.experiment_names()


def test_public_functions_have_docstrings():
    for module, file in sources():
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{module}: {node.name}"


README = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_module_and_every_notebook_with_its_question_and_minutes():
    import re

    import nbformat

    from bnbook import course

    listed = re.findall(r"^\| `(\w+)` \|", README.split("## The package")[1].split("## Words")[0], re.M)
    assert listed == command_line.modules()
    start = "".join(cell.source for cell in nbformat.read(course.notebooks()[0], as_version=4).cells)
    rows = re.findall(r"^\| \[(\d\d)\]\(notebooks/(.+?)\) \| (.+?) \| .+ \| (\d+) \|$", README, re.M)
    assert [name for _, name, *_ in rows] == [path.name for path in course.notebooks()]
    for number, name, question, minutes in rows:
        first = nbformat.read(course.ROOT / "notebooks" / name, as_version=4).cells[0].source
        assert f"# {number} · {question}" in first and f"*About {minutes} minutes.*" in first
        assert question in start, "notebook 00 lists every notebook"


def test_the_readme_states_the_size_of_the_arithmetic_and_real_commands():
    import re

    size = int(re.search(r"The arithmetic is (\d+) lines", README).group(1))
    assert abs(size - command_line.lines("norm_numpy")) <= 10
    makefile = (PACKAGE.parent / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make (\w+)", README, re.M):  # a command, not the verb
        assert f"\n{target}:" in makefile, target
