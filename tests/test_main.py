"""The command line: what is printed, what is written, which exit code."""

import argparse
import ast
import contextlib
import functools
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bnbook import __main__ as command_line
from bnbook import chapters
from bnbook import run as run_command


def run(capsys, *arguments):
    """Exit code, standard output, standard error."""
    try:
        code = command_line.main(list(arguments))
    except SystemExit as stop:
        code = stop.code
    return code, *capsys.readouterr()


def test_without_a_command_it_prints_the_map_in_reading_order(capsys):
    code, out, _ = run(capsys)
    lines = re.findall(r"^(\w+) +(\d+) lines  (.+)$", out, re.M)
    assert code == 0 and [name for name, *_ in lines] == [*command_line.modules(), *chapters.rooms()]
    assert "Read after nothing: start here." in out and "(the relatives); `merge` in 14." in out
    sizes = {name: int(size) for name, size, _ in lines}
    assert sizes["norm_numpy"] == len((command_line.PACKAGE / "norm_numpy.py").read_text().splitlines())
    room = command_line.PACKAGE / "chapters" / "n12_claims"
    assert sizes["n12_claims"] == sum(len(file.read_text().splitlines()) for file in room.rglob("*.py"))


def test_help_lists_every_command(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0 and all(
        re.search(rf"^    {name}\b", out, re.M)
        for name in (
            "check",
            "run",
            "bench",
            "gpu",
            "diagnose",
            "lab",
            "test",
            "reset",
            "notebooks",
            "colab",
            "offline",
        )
    )


# --- what messages name

# A command in the middle of a message, which not every reader's system has.
NAMED = re.compile(
    r"\bmake (?:lab|test|install|reset|notebooks|full|bench|gpu)\b|python3? -m \w+|pip install|\.venv[/\\]\w"
)
# Where one is named after a look at what there is.
LOOKS = {
    *(("__main__.py", "_typed"), ("course.py", "command"), ("course.py", "extra"), ("install.py", "check_python")),
}


def commands_named(source, file):
    """Commands in the texts of a source file, but for docstrings of functions and places that look first."""
    found, tree = [], ast.parse(source)
    quiet = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            first = node.body[0]
            quiet |= {id(first.value)} if isinstance(first, ast.Expr) else set()
            quiet |= {id(part) for part in ast.walk(node) if (file, node.name) in LOOKS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
            found += NAMED.findall(node.value)
    return found


def test_no_message_names_a_command_that_the_readers_system_may_lack():
    package = command_line.PACKAGE
    allowed = {
        "install.py": {".venv/i", "make lab", "make test"},  # its log, just written; the docstring, for developers
        # What to type in Colab, which has pip, and on the system that a stick is made for.
        "elsewhere.py": {"pip install", ".venv\\S", ".venv/b"},
        "runtime.py": {"pip install"},  # of 16: `%pip`, which every notebook has
        "bench.py": {"python -m bnbook"},  # a mark in docs/speed.md, which nobody types
    }
    for path in package.rglob("*.py"):
        found = commands_named(path.read_text(encoding="utf-8"), path.name)
        assert set(found) <= allowed.get(path.name, set()), f"{path.relative_to(package)}: {found}"


@pytest.mark.parametrize(
    "source, named",
    [
        ('raise ValueError("type `make lab` again")', ["make lab"]),
        ('print(f"run python -m bnbook check {x}")', ["python -m bnbook"]),
        ('"""Used by `python3 -m bnbook lab`."""', ["python3 -m bnbook"]),
        ('print("see .venv/bin/bnbook")', [".venv/b"]),
        ('print("to make one, pip install it")', ["pip install"]),
        ('def f():\n    """Calls make lab."""\n    print("make it smaller")', []),
        ('def extra():\n    return "pip install"', ["pip install"]),
    ],
)
def test_a_message_that_names_a_command_is_seen(source, named):
    assert commands_named(source, "other.py") == named


def test_commands_say_where_to_get_the_course_where_there_is_only_the_package(capsys, tmp_path, monkeypatch):
    from bnbook import course

    monkeypatch.setattr(course, "ROOT", tmp_path)
    monkeypatch.setattr(course, "metadata", lambda name: {"Project-URL": "Homepage, https://somewhere/bnbook"})
    for words in (
        ("lab",),
        ("test",),
        ("notebooks",),
        ("reset", "02"),
        ("colab", "new"),
        ("offline", str(tmp_path / "o")),
    ):
        monkeypatch.chdir(tmp_path)
        code, out, err = run(capsys, *words)
        assert code == 2 and out == "" and err.count("\n") == 1 and not list(tmp_path.iterdir()), words
        assert "get the course at https://somewhere/bnbook and run this there" in err


WITHOUT_JUPYTER = """
import sys
absent = ("jupyterlab", "ipywidgets", "IPython", "jupyter_client", "nbformat", "nbclient")
sys.modules.update(dict.fromkeys(absent))  # as if they were not installed
import warnings
warnings.simplefilter("ignore")  # of tqdm, which would like ipywidgets
from bnbook import __main__ as command_line
from bnbook.chapters.n02_forward import sliders
import matplotlib
matplotlib.use("Agg")
import numpy as np
live = sliders.batch_norm(np.arange(64.0))
print(sorted(live._repr_mimebundle_()[0]))
command_line._exercises = lambda brief: []  # which are checked above, and take seconds
print(command_line.main(["check", "--brief"]), command_line.main(["notebooks"]))
"""


def test_without_jupyter_the_package_works_and_what_needs_it_says_so(tmp_path):
    ran = subprocess.run([sys.executable, "-c", WITHOUT_JUPYTER], capture_output=True, text=True, check=True)
    says, bundle, *check, codes = ran.stdout.splitlines()
    assert "these sliders do not move: the picture shows their first position" in says
    assert bundle == "['image/png', 'text/plain']" and codes == "0 2" and check[-1] == "Everything works."
    (kernel,) = [line for line in check if not line.startswith("ok ")][:-1]
    assert kernel.startswith("none  Jupyter kernel: only the notebooks need one")
    assert ran.stderr.startswith("bnbook: nb") and "the extra 'lab' brings: `" in ran.stderr
    assert ran.stderr.count("\n") == 1


# --- test


def recorded(monkeypatch, fails=None):
    """The commands that `test` would run; the one that has `fails` among its words fails."""
    ran = []

    def start(command, **options):
        ran.append(command[1:])
        return subprocess.CompletedProcess(command, int(fails in command))

    monkeypatch.setattr(command_line.subprocess, "run", start)
    return ran


def test_test_lints_then_runs_tests_and_all_notebooks_and_stops_where_one_fails(capsys, monkeypatch):
    from bnbook import course

    ran, all_of_them = recorded(monkeypatch), [str(path) for path in course.notebooks()]
    assert run(capsys, "test")[0] == 0
    assert [words[:3] for words in ran[:2]] == [["-m", "ruff", "check"], ["-m", "ruff", "format"]]
    assert ran[-1][:4] == ["-m", "pytest", "-q", "tests"] and "--nbval" in ran[-1] and set(all_of_them) < set(ran[-1])
    ran = recorded(monkeypatch, fails="--check")
    assert run(capsys, "test")[0] == 1 and len(ran) == 2


def test_test_takes_some_notebooks_by_number_or_those_that_changed(capsys, monkeypatch):
    from bnbook import course

    ran = recorded(monkeypatch)
    assert run(capsys, "test", "02", "05")[0] == 0
    assert [Path(word).name for word in ran[-1] if word.endswith(".ipynb")] == ["02_forward.ipynb", "05_images.ipynb"]
    monkeypatch.setattr(course, "changed", lambda base: course.chosen(["13"]) if base == "main" else [])
    assert run(capsys, "test", "--changed", "main")[0] == 0
    assert [Path(word).name for word in ran[-1] if word.endswith(".ipynb")] == ["13_clinic.ipynb"]


def test_an_unknown_command_is_refused(capsys):
    code, _, err = run(capsys, "chek")
    assert code == 2 and "invalid choice: 'chek'" in err


def test_check_reports_each_thing_and_ends_well(capsys):
    code, out, _ = run(capsys, "check")
    lines = out.splitlines()
    assert code == 0 and lines[-1] == "Everything works." and all(line.startswith("ok ") for line in lines[:-1])
    assert "ok    check of batch_norm in 02" in lines and "ok    check of batch_norm in 05" in lines
    _, out, _ = run(capsys, "check", "--brief")
    assert "ok    checks of notebook 02" in out.splitlines() and "batch_norm" not in out


def test_check_fails_with_the_reason_when_something_is_broken(capsys, monkeypatch):
    def broken(x, gamma, beta, eps=1e-5):
        return x, gamma, beta

    from bnbook.chapters.n02_forward import checks

    judge = type(checks.batch_norm).judge

    def judge_with_a_broken_one(exercise, yours):
        return judge(exercise, broken if exercise is checks.batch_norm else yours)

    monkeypatch.setattr(type(checks.batch_norm), "judge", judge_with_a_broken_one)
    code, out, _ = run(capsys, "check")
    assert code == 1 and "FAIL  check of batch_norm in 02: RuntimeError: " in out and "1 of these failed" in out


def test_run_writes_data_and_figure_and_prints_the_verdict(capsys, tmp_path, monkeypatch):
    from bnbook.chapters.n00_start_here import experiments

    monkeypatch.setattr(experiments, "first_look", functools.partial(experiments.first_look, rates=(0.2,)))
    out_folder = tmp_path / "deep" / "er"
    arguments = ("run", "first_look", "--seeds", "2", "--device", "cpu", "--out", str(out_folder))
    code, out, _ = run(capsys, *arguments)
    saved = json.loads((out_folder / "first_look.json").read_text())
    assert code == 0 and saved["experiment"] == "first_look" and saved["versions"]["torch"]
    assert [arm["seeds"] for arm in saved["arms"]] == [2, 2] and len(saved["runs"]) == 4
    assert (out_folder / "first_look.png").stat().st_size > 10_000
    assert "learning rate" in out.lower() and "Written: " in out


def _quick(monkeypatch):
    """An experiment of two short trainings in place of the first one."""
    from bnbook.chapters.n00_start_here import experiments, plots
    from bnbook.lab.engine import Setting, run_all

    def first_look(data, seeds=5, device="cpu"):
        setting = Setting(steps=2, every=1)
        runs = run_all([setting] * seeds, data, device)
        return {"experiment": "first_look", "versions": {"torch": "some"}, "runs": runs}

    def draw(results):
        import matplotlib.pyplot as plt

        return plt.subplots()[1], "first line\nsecond line\nthird line"

    monkeypatch.setattr(experiments, "first_look", first_look)
    monkeypatch.setattr(plots, "first_look", draw)


def test_run_records_data_device_command_and_text_and_prints_two_lines(capsys, tmp_path, monkeypatch):
    from bnbook import data

    _quick(monkeypatch)
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "run", "first_look", "--seeds", "3", "--out", "my results")
    saved = json.loads((tmp_path / "my results" / "first_look.json").read_text())
    assert code == 0 and len(saved["runs"]) == 3 and saved["versions"] == {"torch": "some"}
    assert saved["command"] == "python -m bnbook run first_look --seeds 3 --out 'my results'"
    assert saved["data"] == {"name": "digits", **data.fingerprint(data.digits())}
    assert saved["device"] in ("cpu", "cuda") and saved["text"] == "first line\nsecond line\nthird line"
    where = Path("my results") / "first_look.json"
    assert out.splitlines() == ["first line", "second line", f"Written: {where} and first_look.png"]
    _, out, _ = run(capsys, "run", "first_look", "--seeds", "2", "--out", "my results")
    assert out.splitlines()[2] == f"Written over what was there: {where} and first_look.png"
    assert len(json.loads((tmp_path / where).read_text())["runs"]) == 2


def test_run_takes_the_users_own_images(capsys, tmp_path, monkeypatch):
    _quick(monkeypatch)
    x = np.random.default_rng(0).integers(0, 256, (300, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", x_train=x, y_train=np.arange(300) % 10)
    own = ("run", "first_look", "--seeds", "2", "--data", "images", "--folder", str(tmp_path), "--out", str(tmp_path))
    assert run(capsys, *own)[0] == 0
    whole = json.loads((tmp_path / "first_look.json").read_text())["data"]
    assert run(capsys, *own, "--limit", "100")[0] == 0
    part = json.loads((tmp_path / "first_look.json").read_text())["data"]
    assert [whole.pop(name) for name in ("train", "val", "test")] == [180, 60, 60]
    assert [part.pop(name) for name in ("train", "val", "test")] == [100, 60, 60]
    assert whole.pop("sha256") != part.pop("sha256")
    assert whole == part == {"name": "images", "shape": [1, 8, 8], "classes": 10}


def test_an_experiment_on_numbers_alone_records_no_data(capsys, tmp_path):
    code, out, _ = run(capsys, "run", "variance_errors", "--out", str(tmp_path), "--device", "cpu")
    saved = json.loads((tmp_path / "variance_errors.json").read_text())
    assert code == 0 and len(out.splitlines()) == 3
    assert saved["data"] is None and saved["device"] == "cpu" and saved["versions"]["numpy"] == np.__version__


def _stops(monkeypatch, error, after):
    """An experiment that keeps its runs and ends early with error, the first time: after that many of its 4 runs."""
    from bnbook.chapters.n00_start_here import experiments
    from bnbook.lab import engine

    _quick(monkeypatch)
    left = [error]

    def first_look(data, seeds=5, device="cpu", keep=None):
        settings = [engine.Setting(steps=2, every=1, seed=seed) for seed in range(4)]
        if left:
            engine.run_all(settings[:after], data, device, keep=keep)
            raise left.pop()
        return {"experiment": "first_look", "runs": engine.run_all(settings, data, device, keep=keep)}

    monkeypatch.setattr(experiments, "first_look", first_look)


ENDINGS = [
    (KeyboardInterrupt(), 130, "stopped: "),
    (OSError(28, "No space left on device"), 2, "[Errno 28] No space left on device; "),
    (RuntimeError("CUDA out of memory.\nTried to allocate 2 GiB"), 2, "CUDA out of memory. Tried to allocate 2 GiB; "),
    (MemoryError(), 2, "MemoryError; "),
    (ValueError("some data is unfit"), 2, "some data is unfit; "),
]


@pytest.mark.parametrize("error, code, says", ENDINGS)
def test_a_long_run_that_ends_early_says_how_to_go_on_and_does(error, code, says, capsys, tmp_path, monkeypatch):
    _stops(monkeypatch, error, after=3)
    arguments, part = ("run", "first_look", "--out", str(tmp_path)), tmp_path / "first_look.part"
    found, out, err = run(capsys, *arguments)
    go_on = f"the runs that are finished are kept in {part}, and the same command goes on from there"
    assert (found, out, err) == (code, "", f"bnbook: {says}{go_on}\n")
    assert [len(json.loads(line)) for line in part.read_text().splitlines() if line] == [3]
    found, out, err = run(capsys, *arguments)
    assert found == 0 and out.startswith(f"Going on with the runs that are finished in {part}.\n")
    assert len(json.loads((tmp_path / "first_look.json").read_text())["runs"]) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first_look.json", "first_look.png"]


@pytest.mark.parametrize("error, code, says", ENDINGS)
def test_a_run_that_ends_before_anything_is_kept_says_so(error, code, says, capsys, tmp_path, monkeypatch):
    _stops(monkeypatch, error, after=0)
    found, out, err = run(capsys, "run", "first_look", "--out", str(tmp_path))
    again = "nothing is kept, and the same command starts again" if code == 130 else ""
    assert (found, out, err) == (code, "", f"bnbook: {says}{again}\n" if again else f"bnbook: {says[:-2]}\n")


def test_a_fault_in_an_experiment_shows_where_it_is_and_how_to_go_on(tmp_path, monkeypatch):
    _stops(monkeypatch, ZeroDivisionError("a fault"), after=3)
    with pytest.raises(ZeroDivisionError) as raised:
        command_line.main(["run", "first_look", "--out", str(tmp_path)])
    part = tmp_path / "first_look.part"
    assert raised.value.__notes__ == [
        f"the runs that are finished are kept in {part}, and the same command goes on from there"
    ]


@pytest.mark.parametrize("ending", ["json", "png"])
def test_a_disk_that_is_full_at_the_end_leaves_the_earlier_result_whole_and_the_runs_kept(
    ending, capsys, tmp_path, monkeypatch
):
    from matplotlib.figure import Figure

    from bnbook.lab import results

    _stops(monkeypatch, ValueError, after=3)
    run(capsys, "run", "first_look", "--out", str(tmp_path))
    for name in ("json", "png"):
        (tmp_path / f"first_look.{name}").write_text("earlier")

    def full(*arguments, **keywords):
        file = arguments[1]
        Path(file).write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*((results, "save") if ending == "json" else (Figure, "savefig")), full)
        code, _, err = run(capsys, "run", "first_look", "--out", str(tmp_path))
    assert code == 2 and "No space left on device; the runs that are finished are kept in " in err
    assert (tmp_path / f"first_look.{ending}").read_text() == "earlier"
    lines = (tmp_path / "first_look.part").read_text().splitlines()
    assert [len(json.loads(line)) for line in lines if line] == [3, 1]
    assert not list(tmp_path.glob("*.half"))


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_in_a_terminal_ends_the_bar_and_then_says_one_sentence(tmp_path):
    script = """if True:
        import functools, sys
        from bnbook import __main__
        from bnbook.chapters.n00_start_here import experiments
        from bnbook.lab import engine
        def first_look(data, seeds=5, device="cpu", keep=None, progress=False):
            settings = [engine.Setting(net="mlp", steps=5, seed=seed) for seed in range(10_000)]
            return engine.run_all(settings, data, device, progress=progress, keep=keep, together=1)
        experiments.first_look = first_look
        sys.exit(__main__.main(["run", "first_look", "--out", "."]))
    """
    main, terminal = os.openpty()
    termios = importlib.import_module("termios")  # which Windows has not
    termios.tcsetwinsize(terminal, (24, 100))
    command = [sys.executable, "-c", script]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    for _ in range(600):
        if (tmp_path / "first_look.part").exists():
            break
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal, on Linux
        while piece := os.read(main, 10_000):
            shown += piece
    os.close(main)
    *bar, last = re.split(r"[\r\n]+", shown.decode().strip())
    assert running.wait(30) == 130 and "Traceback" not in shown.decode()
    assert any("/50.0k [" in line for line in bar), shown
    assert last == (
        "bnbook: stopped: the runs that are finished are kept in first_look.part, "
        "and the same command goes on from there"
    )


def test_larger_images_are_announced_as_slower(capsys, tmp_path, monkeypatch):
    _quick(monkeypatch)
    x = np.random.default_rng(0).integers(0, 256, (600, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", x_train=x, y_train=np.arange(600) % 10)
    own = ("run", "first_look", "--data", "images", "--folder", str(tmp_path), "--out", str(tmp_path))
    code, out, _ = run(capsys, *own)
    # 784 / 64 of the pixels in (3 * 640 + 120) / (3 * 640 + 500) of the passes through the net.
    assert code == 0 and out.startswith("On these images a cnn takes up to 10 times as long as on the digits.\n")
    assert "times as long" not in run(capsys, "run", "first_look", "--out", str(tmp_path))[1]


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(capsys, tmp_path, monkeypatch):
    def full(dir):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    code, _, err = run(capsys, "run", "first_look", "--out", str(tmp_path / "new"))
    assert code == 2 and err.startswith("bnbook: cannot write into ") and "(No space left on device); choose an" in err


def test_a_gpu_is_taken_by_name_or_number_where_there_is_one(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for asked, takes, chosen in (("cuda:1", ["device"], "cuda:1"), (None, ["device"], "cuda"), (None, [], "cpu")):
        options = argparse.Namespace(device=asked, name="first_look")
        assert run_command._chosen_device(options, takes, "cuda") == chosen
    with pytest.raises(
        ValueError, match="device is 'cuda:2'; first_look can run on cpu or cuda or cuda:0 or cuda:1 here"
    ):
        run_command._chosen_device(argparse.Namespace(device="cuda:2", name="first_look"), ["device"], "cuda")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("run", "first_lok"), "there is no experiment 'first_lok': choose one of "),
        (("run", "first_look", "--seeds", "1"), "seeds is 1"),
        (("run", "variance_errors", "--seeds", "3"), "variance_errors takes no --seeds: it is one computation"),
        (("run", "variance_errors", "--data", "digits"), "variance_errors takes no data: it looks at numbers alone"),
        (("run", "variance_errors", "--limit", "9"), "variance_errors takes no data: it looks at numbers alone"),
        (("run", "variance_errors", "--device", "cuda"), "device is 'cuda'; variance_errors can run on cpu here"),
        (("run", "first_look", "--device", "gpu"), "device is 'gpu'; first_look can run on cpu"),
        (("run", "first_look", "--data", "mnist"), "--data mnist needs --folder PATH: where you have put its files"),
        (("run", "first_look", "--folder", "."), "--folder and --limit go with --data mnist, fashion_mnist, cifar10,"),
        (("run", "first_look", "--limit", "9"), "--folder and --limit go with --data mnist, fashion_mnist, cifar10,"),
        (("run", "first_look", "--data", "cifar10", "--folder", "no"), "no is not a folder; give the one"),
        (("run", "first_look", "--data", "mnist", "--folder", "."), ". lacks train-images-idx3-ubyte.gz, "),
        (("run", "first_look", "--out", "file"), "cannot write into file ("),
        (("run", "first_look", "--out", "file/deeper"), "deeper ("),
        (("reset", "99"), "no notebook '99'"),
        (("notebooks", "99"), "no notebook 99"),
        (("test", "99"), "no notebook 99"),
        (("test", "--changed", "no-such-branch"), "git cannot say what changed since 'no-such-branch': "),
        (("offline", "file", "--check"), "file is a file; choose a new folder"),
        (("offline", "."), " is not empty; choose a new folder"),
    ],
)
def test_mistakes_get_one_sentence_and_exit_code_2(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    code, _, err = run(capsys, *arguments)
    assert code == 2 and err.startswith("bnbook: ") and says in err and err.count("\n") == 1


def test_running_an_experiment_leaves_the_environment_as_it_is(tmp_path):
    before = dict(os.environ)
    assert command_line.main(["run", "variance_errors", "--out", str(tmp_path)]) == 0
    changed = {name for name in before.keys() | os.environ.keys() if before.get(name) != os.environ.get(name)}
    assert changed <= {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}, "a backend would reach kernels"
