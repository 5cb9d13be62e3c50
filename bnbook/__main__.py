"""The command line: `bnbook` prints the map of the package, `bnbook --help` the commands.

Read after notebook.
"""

import argparse
import ast
import functools
import importlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from . import chapters, run

PACKAGE = Path(__file__).parent

# The reading order of the ground, which is the order of imports: a module imports only from modules above it. The rooms
# of the notebooks stand on all of it.
ORDER = (
    *("norm_numpy", "norm_fast", "norm_torch", "norm_triton", "data", "nets", "train", "lab", "grading", "bench"),
    *("gpu", "diagnose", "progress", "notebook", "course", "elsewhere", "guide", "run"),
)


def main(argv=None):
    """Run one command; returns its exit code: 0 done, 1 something found, 2 could not run, 130 stopped by Ctrl-C."""
    parser = _parser(sys.argv[1:] if argv is None else argv)
    options = parser.parse_args(argv)
    options.command = shlex.join(["python", "-m", "bnbook", *(sys.argv[1:] if argv is None else argv)])
    try:
        return options.run(options) or 0
    except (ValueError, RuntimeError, OSError, MemoryError) as error:
        print(f"bnbook: {str(error) or type(error).__name__}", file=sys.stderr)
        return 2  # could not run; 1 is for what `check` and `diagnose` find
    except KeyboardInterrupt as stop:
        print(f"bnbook: stopped{str(stop) and ': '}{stop}", file=sys.stderr)
        return 130  # what a shell expects of a command that Ctrl-C ended


def _parser(argv):
    parser = argparse.ArgumentParser(
        prog=_typed(),
        description="A course on Batch Normalization. Without a command: the map of the package.",
    )
    parser.set_defaults(run=show_map)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    check = commands.add_parser("check", help="is my installation sound? Versions, device, every check of the course")
    check.add_argument("--brief", action="store_true", help="leave out what differs between sound machines")
    check.set_defaults(run=run_check)

    run.add_arguments(commands.add_parser("run", help="run an experiment: data as JSON, figure as PNG, verdict here"))
    _add_progress(commands)

    bench = commands.add_parser("bench", help="how fast every version of BatchNorm is on this machine (minutes)")
    bench.add_argument(
        "shapes",
        nargs="*",
        help="such as 64x64x32x32 or 128x100 (default: those of docs/speed.md); or engine: 168 trainings at once",
    )
    bench.add_argument("--rounds", type=int, default=15, help="times that each is measured (default 15)")
    bench.add_argument("--out", type=Path, metavar="FILE.json", help="write all the times there, too")
    bench.add_argument("--readme", action="store_true", help="put the table into docs/speed.md")
    bench.set_defaults(run=run_bench)

    gpu = commands.add_parser(
        "gpu", help="on a machine with an NVIDIA GPU: tests, accuracy, speed, notebooks (8 minutes)"
    )
    gpu.add_argument("--rehearse", action="store_true", help="without a GPU: small, in Triton's interpreter")
    gpu.add_argument(
        "--wheels", type=Path, metavar="DIR", help="install what is missing from the wheels there, offline"
    )
    gpu.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="where to write (default out)")
    gpu.set_defaults(run=run_gpu)

    doctor = commands.add_parser("diagnose", help="what is wrong with the BatchNorm layers of your own model?")
    if argv[:1] == ["diagnose"]:  # imported only then: it needs torch, and the map of the package does not
        from .diagnose import command

        command.add_arguments(doctor)
        doctor.set_defaults(run=command.run)

    _add_course(commands)
    return parser


def _add_course(commands):
    """The commands for the notebooks as files."""
    lab = commands.add_parser("lab", help="open JupyterLab on your own copy of the notebooks")
    lab.add_argument("--folder", help="where your copy is, seen from here (default: work, in the course's folder)")
    lab.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    lab.set_defaults(run=run_lab)

    test = commands.add_parser("test", help="lint, tests, every notebook run and every output compared (minutes)")
    test.add_argument("numbers", nargs="*", help="of the notebooks only these, such as 00 02 (default: all)")
    test.add_argument("--changed", metavar="BASE", help="of the notebooks those changed since this git revision")
    test.set_defaults(run=run_test)

    reset = commands.add_parser("reset", help="take the course's notebook again, keeping yours beside it")
    reset.add_argument("number", help="the notebook's number, such as 02")
    reset.add_argument("--folder", help="where your copy is, seen from here (default: work, in the course's folder)")
    reset.set_defaults(run=run_reset)

    guide = commands.add_parser("guide", help="for who teaches: a notebook's wrong answers, what to ask back, minutes")
    guide.add_argument("number", help="the notebook's number, such as 04")
    guide.set_defaults(run=run_guide)

    notebooks = commands.add_parser("notebooks", help="execute the course's notebooks and store their outputs")
    notebooks.add_argument("numbers", nargs="*", help="only these, such as 00 02 (default: all)")
    notebooks.set_defaults(run=run_notebooks)

    colab = commands.add_parser("colab", help="write a copy of every notebook that runs in Google's Colab")
    colab.add_argument("folder", type=Path)
    colab.set_defaults(run=run_colab)

    offline = commands.add_parser("offline", help="one folder with all that a room without network needs")
    offline.add_argument("folder", type=Path, help="a new folder, on a USB stick for one")
    offline.add_argument("--platform", choices=("linux", "macos", "windows"), default=_this_platform())
    offline.add_argument("--python", default=".".join(map(str, sys.version_info[:2])), help="such as 3.12")
    offline.add_argument("--check", action="store_true", help="install from such a folder and run notebook 00")
    offline.set_defaults(run=run_offline)


def _typed():
    """The command as this person typed it, for lines that begin with `usage:`."""
    return "bnbook" if Path(sys.argv[0]).stem == "bnbook" else "python -m bnbook"


def _this_platform():
    return {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")


# --- the map -------------------------------------------------------------------------------------------------------


def show_map(options=None):
    """Print the ground in reading order and then the rooms: name, lines, and what each says of itself."""
    print("The ground, in reading order:")
    for name in modules():
        first, *rest = ast.get_docstring(ast.parse(_source(name).read_text(encoding="utf-8"))).splitlines()
        print(f"{name:<20}{lines(name):>6} lines  {first}")
        for note in _notes(rest):
            print(textwrap.fill(note, 118, initial_indent=" " * 34, subsequent_indent=" " * 34))
    print("\nOne room for each notebook, in bnbook/chapters:")
    for name in chapters.rooms():
        print(f"{name:<20}{lines(f'chapters/{name}'):>6} lines  {chapters.room(name).QUESTION}")


def _notes(text):
    """Of a docstring's lines, the sentences that say after what to read it and where it is built or used, whole."""
    starts = ("Read after", "Built in", "Used ")
    notes, inside = [], False
    for line in text:
        inside = line.startswith(starts) or (inside and line.strip() != "")
        if line.startswith(starts):
            notes.append(line)
        elif inside:
            notes[-1] += " " + line
    return notes


def modules():
    """The modules of the ground that there are, in reading order."""
    return [name for name in ORDER if _source(name).exists()]


def lines(name):
    """Lines of a module, with all the files of a package."""
    files = sorted((PACKAGE / name).rglob("*.py")) or [_source(name)]
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def _source(name):
    file = PACKAGE / f"{name}.py"
    return file if file.exists() else PACKAGE / name / "__init__.py"


# --- check ---------------------------------------------------------------------------------------------------------


def run_check(options):
    """Print one line for each thing that must work; 1 if one does not."""
    bad = 0
    for says, look in (
        ("Python and its packages", _versions),
        ("PyTorch on this machine", _device),
        ("data: 1,797 handwritten digits", _digits),
        ("PyTorch layer equals torch.nn.BatchNorm2d", _layer),
        ("Jupyter kernel", _kernel),
        *_exercises(options.brief),
    ):
        try:
            found = look()
            print(f"ok    {says}" + (f": {found}" if found and not options.brief else ""))
        except _Optional as absent:
            print(f"none  {says}: {absent}")
        except Exception as error:  # whatever it is: this command is there to report it
            bad += 1
            print(f"FAIL  {says}: {type(error).__name__}: {error}")
    if bad:
        from . import course

        print(f"{bad} of these failed; `{course.command('install')}` installs everything anew once .venv is removed.")
    else:
        print("Everything works.")
    return int(bad > 0)


def _versions():
    from importlib.metadata import version
    from importlib.util import find_spec

    names = ("numpy", "torch", "matplotlib", *["jupyterlab"] * (find_spec("jupyterlab") is not None))
    return f"Python {sys.version.split()[0]}, " + ", ".join(f"{name} {version(name)}" for name in names)


def _device():
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU (no CUDA device; nothing needs one)"


def _digits():
    from . import data

    sizes = [len(part) for part in data.digits()[::2]]
    if sum(sizes) != 1797:
        raise RuntimeError(f"found {sizes} images, expected 1797 together")


def _layer():
    import torch

    from . import norm_torch

    x = torch.randn(5, 3, 4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours, theirs = norm_torch.BatchNorm2d(3).double(), torch.nn.BatchNorm2d(3).double()
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


class _Optional(Exception):
    """Something is not there that this installation need not have."""


def _kernel():
    try:
        from jupyter_client.kernelspec import KernelSpecManager
    except ModuleNotFoundError:
        raise _Optional("only the notebooks need one; the extra 'lab' of the package brings it") from None
    KernelSpecManager().get_kernel_spec("python3")


def _exercises(brief):
    """What to say and to call for each exercise, or in brief for each room."""
    groups = {}
    for room, exercise in chapters.exercises():
        number = room[1:3]
        says = f"checks of notebook {number}" if brief else f"check of {exercise.name} in {number}"
        groups.setdefault(says, []).append(exercise)
    return [(says, functools.partial(_agree, group)) for says, group in groups.items()]


def _agree(exercises):
    for exercise in exercises:
        verdict = exercise.judge(exercise.finished)
        if verdict.kind != "agrees":
            raise RuntimeError(verdict.message)


# --- progress ------------------------------------------------------------------------------------------------------


def _add_progress(commands):
    """The commands for what learners have done."""
    mine = commands.add_parser("progress", help="what you have done, if you have it recorded")
    mine.add_argument("--on", action="store_true", help="record it from now on, in a file beside your notebooks")
    mine.add_argument("--folder", help="where your copy is, seen from here (default: work, in the course's folder)")
    mine.set_defaults(run=run_progress)

    group = commands.add_parser("class", help="for the instructor: what several learners have done")
    group.add_argument("folder", type=Path, help="with a file NAME.jsonl of each, or a folder NAME with its own")
    group.add_argument("--csv", type=Path, metavar="FILE", help="write every record there, too")
    group.set_defaults(run=run_class)


def run_progress(options):
    """Print what the learner has done, if it is recorded; begin to record it where asked."""
    from . import course, progress

    said = progress.report(course.place(options.folder), options.on)
    print(said + (" The same command with --on begins to." if said == progress.NOTHING else ""))


def run_class(options):
    """Print what the learners whose files are in a folder have done."""
    from . import progress

    print(progress.class_report(options.folder, options.csv))


# --- bench ---------------------------------------------------------------------------------------------------------


def run_bench(options):
    """Measure, print the table, write it where it was asked for."""
    bench = importlib.import_module("bnbook.bench")
    if any(os.environ.get(name) != value for name, value in bench.ENVIRONMENT.items()):
        # These are read when NumPy and PyTorch are loaded, so a new process is needed.
        again = [sys.executable, "-m", "bnbook", "bench", *options.shapes, "--rounds", str(options.rounds)]
        again += ["--readme"] * options.readme + (["--out", str(options.out)] if options.out else [])
        return subprocess.run(again, env={**os.environ, **bench.ENVIRONMENT}).returncode
    say = functools.partial(print, file=sys.stderr, flush=True)
    readme = PACKAGE.parent / "docs" / "speed.md"
    name = "engine" if options.shapes == ["engine"] else f"bench {bench.maker() or 'other'}"
    bench.ready(options.out, readme if options.readme else None, name)
    if name == "engine":
        report = bench.run_engine(say)
        text = bench.engine_table(report)
    else:
        report = bench.run(options.shapes, options.rounds, say=say)
        text = bench.table(report)
    print(text, end="")
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8", newline="\n")
    if options.readme:
        bench.write_into(readme, text, name)


def run_gpu(options):
    """Everything that a GPU is needed for; writes gpu.json and gpu.md."""
    folder = run.writable(options.out)
    if options.wheels or (options.rehearse and os.environ.get("TRITON_INTERPRET") != "1"):
        return _in_a_new_process(options)
    gpu = importlib.import_module("bnbook.gpu")
    report = gpu.run(options.rehearse, functools.partial(print, file=sys.stderr, flush=True))
    (folder / "gpu.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8", newline="\n")
    (folder / "gpu.md").write_text(gpu.table(report), encoding="utf-8", newline="\n")
    print(gpu.table(report), end="")


def _in_a_new_process(options):
    """The same command where Python finds the wheels' packages and Triton its interpreter, both read at the start."""
    again = [sys.executable, "-m", "bnbook", "gpu", "--out", str(options.out), *["--rehearse"] * options.rehearse]
    environment = dict(os.environ, **({"TRITON_INTERPRET": "1"} if options.rehearse else {}))
    if not options.wheels:
        return subprocess.run(again, env=environment).returncode
    wheels = sorted(map(str, options.wheels.glob("*.whl")))
    if not wheels:
        raise ValueError(f"{options.wheels} holds no wheels (*.whl); put them there, or leave --wheels out")
    with tempfile.TemporaryDirectory() as site:
        install = ["pip", "install", "-q", "--no-index", "--no-deps", "--target", site, *wheels]
        if subprocess.run([sys.executable, "-m", *install]).returncode:
            raise RuntimeError(f"pip could not install the wheels of {options.wheels}; its words stand above")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [site, os.environ.get("PYTHONPATH")]))
        return subprocess.run(again, env=environment).returncode


# --- notebooks -----------------------------------------------------------------------------------------------------


def run_lab(options):
    """Make the learner's copy and open JupyterLab on it."""
    from . import course

    course.learner_copy(options.folder)
    return course.open_lab(options.folder, ["--no-browser"] if options.no_browser else [])


def run_test(options):
    """Lint, tests, notebooks: one after the other, until one fails; 1 if one does."""
    from . import course

    notebooks = course.changed(options.changed) if options.changed else course.chosen(options.numbers)
    course.extra("ruff", "test"), course.extra("nbval", "test")
    nbval = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120", "-n", "2", "--dist", "loadfile"]
    for words in (
        ["-m", "ruff", "check"],
        ["-m", "ruff", "format", "--check"],
        ["-c", "import matplotlib.font_manager"],  # its font cache: made once here, not by every notebook
        ["-m", "pytest", "-q", "tests", *map(str, notebooks), *nbval],
    ):
        if subprocess.run([sys.executable, *words], cwd=course.ROOT).returncode:
            return 1


def run_reset(options):
    """Restore one notebook of the learner's copy."""
    from . import course

    course.reset(options.number, options.folder)


def run_guide(options):
    """Print the instructor's page on one notebook."""
    from . import guide

    print(guide.in_terminal(guide.page(options.number)))


def run_notebooks(options):
    """Execute the course's notebooks in place."""
    from . import course

    chosen = course.chosen(options.numbers)
    course.write_tables()
    for path in chosen:
        print(path.name, flush=True)
        course.execute(path)
    course.write_picture()


def run_colab(options):
    """Write the copies that CI puts where Colab finds them."""
    from . import course, elsewhere

    course.notebooks()  # where there is only the package, this says so before anything is made
    elsewhere.write_colab(run.writable(options.folder))


def run_offline(options):
    """Fill a folder with everything, or try out one that is filled."""
    from . import elsewhere

    if options.check:
        elsewhere.try_out(options.folder)
        print(f"{options.folder} installs and runs without a package index.")
        return
    elsewhere.pack(options.folder, options.platform, options.python)
    print(
        f"Everything for {options.platform} and Python {options.python} is in {options.folder}: see OFFLINE.txt there."
    )


if __name__ == "__main__":
    sys.exit(main())
