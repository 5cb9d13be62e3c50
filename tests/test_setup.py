"""The set-up files agree with each other, and the installer ends every failure in one sentence."""

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import requires, version
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bnbook import course, install

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = [r for r in map(Requirement, sum(EXTRAS.values(), PROJECT["dependencies"])) if r.name != "bnbook"]
INSTALLER = Path(install.__file__)


def read(path):
    """The text of a source file."""
    return path.read_text(encoding="utf-8")


def pins():
    """The requirements of constraints.txt by name."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, filter(None, lines))}


def pip_section():
    """The lines that environment.yml hands to pip."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    return next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))


# --- pyproject.toml, constraints.txt, environment.yml


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_every_requirement_is_pinned_within_its_range(requirement):
    pin = pins()[canonicalize_name(requirement.name)]
    (exact,) = pin.specifier
    assert exact.operator == "==" and requirement.specifier.contains(exact.version)


def test_triton_is_for_linux_and_the_one_that_a_cuda_build_of_torch_asks_for():
    (declared,) = [requirement for requirement in DECLARED if requirement.name == "triton"]
    assert declared in map(Requirement, EXTRAS["test"]) and not declared.specifier
    assert str(declared.marker) == str(pins()["triton"].marker) == 'sys_platform == "linux"'
    ((triton,), (torch,)) = pins()["triton"].specifier, pins()["torch"].specifier
    if version("torch").partition("+")[0] == torch.version:  # then this environment was made with the constraints
        asked = [requirement for requirement in map(Requirement, requires("torch")) if requirement.name == "triton"]
        assert all(requirement.specifier.contains(triton.version) for requirement in asked)  # CPU builds ask for none
        assert sys.platform != "linux" or version("triton") == triton.version


def test_every_constraint_is_one_exact_public_version():
    for pin in pins().values():
        (exact,) = pin.specifier
        assert exact.operator == "==" and not pin.url and not set("+*") & set(exact.version), pin


def test_what_the_package_imports_is_declared():
    imported = set()
    for path in (ROOT / "bnbook").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            imported |= {name.partition(".")[0] for name in names}
    imported |= set(re.findall(r'extra\("(\w+)"', "".join(map(read, (ROOT / "bnbook").rglob("*.py")))))
    distribution = {"sklearn": "scikit-learn", "PIL": "pillow"}
    imported = {distribution.get(name, name) for name in imported - sys.stdlib_module_names}
    assert set(map(canonicalize_name, imported)) <= {canonicalize_name(r.name) for r in DECLARED} | {"bnbook"}


def test_environment_yml_names_the_main_packages_and_uses_the_constraints():
    lines = pip_section()
    assert lines[0] == "-c constraints.txt" and "-e .[lab,test]" in lines
    named = {Requirement(line).name for line in lines if not line.startswith("-")}
    assert {"jupyterlab", "numpy", "torch", "matplotlib", "nbval"} <= named <= {r.name for r in DECLARED}


def test_environment_yml_allows_the_pythons_that_the_project_does():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert PROJECT["requires-python"] == ">=3.11" and "python >=3.11,<3.15" in dependencies and "pip" in dependencies
    assert (install.OLDEST, install.NEWEST) == ((3, 11), (3, 14))


def test_readme_names_only_make_targets_that_exist():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"lab", "test", "notebooks", "reset", "clean", "help", "browser"} <= targets
    readme = ROOT / "README.md"
    named = re.findall(r"`make (\w+)", readme.read_text(encoding="utf-8")) if readme.exists() else []
    assert set(named) <= targets


def test_make_is_a_shortcut_a_target_calls_one_command_of_bnbook():
    makefile = (ROOT / "Makefile").read_text()
    for target in ("lab", "test", "notebooks", "bench", "offline", "reset"):
        assert re.search(rf"^{target}: install ##.*\n(\t.*\n)*\t\$\(BNBOOK\) {target}\b", makefile, re.M), target
    shortcuts = re.findall(r"^(\w+):", makefile, re.M)
    assert set(course.SHORTCUTS) <= set(shortcuts), "what a message may name, where there is make"


def test_what_is_always_imported_is_always_installed():
    """Modules of the extras are imported where they are used; these files alone may do it at the top."""
    core = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    for path in (ROOT / "bnbook").rglob("*.py"):
        top = [
            node
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in top if isinstance(node, ast.ImportFrom) and not node.level}
        names = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"bnbook"}
        distributions = {
            canonicalize_name({"sklearn": "scikit-learn", "PIL": "pillow"}.get(name, name)) for name in names
        }
        assert distributions <= core | ({"triton"} if path.name == "norm_triton.py" else set()), path.name


# --- bnbook/install.py


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_with_wheels_is_installed_from_them_alone(packed, tmp_path, monkeypatch):
    ran = []
    if packed:
        (tmp_path / "wheels").mkdir()
    monkeypatch.setattr(install, "ROOT", str(tmp_path))
    monkeypatch.setattr(install, "LOG", str(tmp_path / "log"))
    done = SimpleNamespace(stdout=[], wait=lambda: 0)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: ran.append(command) or done)
    install.install()
    assert ran[0][-3:] == (
        ["--no-index", "--find-links", "wheels"] if packed else ["constraints.txt", "-e", ".[lab,test]"]
    )


def test_an_old_python_can_parse_the_installer():
    ast.parse(INSTALLER.read_text(), feature_version=(3, 6))


def test_the_installer_uses_the_standard_library_only():
    tree = ast.parse(INSTALLER.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def said(action, *args):
    """The sentence that an action of the installer ends with: one line, exit code 1."""
    with pytest.raises(SystemExit) as end:
        action(*args)
    assert isinstance(end.value.code, str) and "\n" not in end.value.code  # a text is exit code 1
    return end.value.code


def test_an_old_python_is_told_which_one_is_needed(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    sentence = said(install.check_python, (3, 8, 18))
    assert sentence.startswith("Python 3.11 or newer is needed, this is 3.8.18: install one")


def test_an_old_python_names_the_newer_one_that_is_there(monkeypatch):
    monkeypatch.setattr(subprocess, "call", lambda *args, **kwargs: 0)
    for there, typed in (
        (("python3.12", "make"), "`make lab PYTHON=python3.12`"),
        (("python3.12",), f"`python3.12 {os.path.join('bnbook', 'install.py')}`"),
    ):
        monkeypatch.setattr(shutil, "which", lambda name, there=there: name if name in there else None)
        assert typed in said(install.check_python, (3, 10, 2))


def test_a_missing_venv_module_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(install, "find_spec", lambda name: None if name == "ensurepip" else name)
    assert "sudo apt install python3." in said(install.check_room)


def test_too_little_disk_is_said_with_both_numbers(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=400_000_000))
    assert said(install.check_room).startswith("3 GB of disk are needed and 0.4 GB are free")


@pytest.mark.parametrize(
    "line, remedy",
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/x'", "writable for you"),
        ("WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'", "check the network"),
        ("ERROR: No matching distribution found for torch==2.13.0", "finds no torch==2.13.0 for this machine"),
        ("ERROR: Cannot install a and b", "pip failed (ERROR: Cannot install a and b)"),
        ("Killed", "pip failed (it said nothing)"),
    ],
)
def test_what_pip_says_becomes_what_to_do(line, remedy):
    assert remedy in install.explain(["Collecting torch", line])


def copy_of_the_setup(folder):
    """A folder with nothing but the installer and what it reads."""
    (folder / "bnbook").mkdir()
    for name in ("bnbook/install.py", "bnbook/__init__.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder / "bnbook" / "install.py"


def run_installer(script):
    """Run it as `make` does, with no package index within reach."""
    environment = dict(os.environ, PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull)
    return subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment)


def test_offline_ends_in_one_sentence_and_a_second_run_starts_where_it_ended(tmp_path):
    script = copy_of_the_setup(tmp_path)
    for _ in range(2):
        run = run_installer(script)
        assert run.returncode == 1 and run.stderr.count("\n") == 1 and "it is offline" in run.stderr
        assert "making it again" not in run.stdout  # what stands is sound: only packages are missing


def test_ctrl_c_ends_in_one_sentence_and_exit_code_130(tmp_path, monkeypatch, capsys):
    script = copy_of_the_setup(tmp_path)

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("time.time", interrupted)  # which it asks for first
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(script), run_name="__main__")
    monkeypatch.undo()
    assert end.value.code == 130
    assert capsys.readouterr().err == "\nInterrupted: run this again, it repairs what is half-made.\n"


def test_a_half_made_environment_is_made_again(tmp_path):
    script = copy_of_the_setup(tmp_path)
    half = tmp_path / ".venv"
    half.mkdir()
    (half / "bnbook-state").write_text("incomplete")
    (half / "left-over").touch()
    run = run_installer(script)
    assert "making it again" in run.stdout and (half / "pyvenv.cfg").exists()
    assert not (half / "left-over").exists() and not (tmp_path / ".venv-broken").exists()


def test_a_complete_environment_is_left_alone(tmp_path):
    script = copy_of_the_setup(tmp_path)
    names = runpy.run_path(str(script))  # the same code, with the paths of the copy
    names["state"](names["fingerprint"]())
    python = Path(names["PYTHON"])
    python.parent.mkdir(parents=True)
    python.touch()
    run = run_installer(script)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
