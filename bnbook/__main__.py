"""The command line: `python -m bnbook` prints the map of the package, `--help` the commands.

Read after notebook.
"""

import argparse
import ast
import contextlib
import functools
import importlib
import inspect
import json
import os
import shlex
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from . import chapters

PACKAGE = Path(__file__).parent
DATA = ("digits", "mnist", "fashion_mnist", "cifar10", "images")

# The reading order of the ground, which is the order of imports: a module imports only from modules above it. The rooms
# of the notebooks stand on all of it.
ORDER = (
    *("norm_numpy", "norm_fast", "norm_torch", "norm_triton", "data", "nets", "train", "lab", "grading", "bench"),
    *("gpu", "diagnose", "notebook", "course"),
)


def main(argv=None):
    """Run one command; returns its exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    options.command = shlex.join(["python", "-m", "bnbook", *(sys.argv[1:] if argv is None else argv)])
    try:
        return options.run(options) or 0
    except (ValueError, RuntimeError, OSError, MemoryError) as error:
        print(f"bnbook: {str(error) or type(error).__name__}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(f"bnbook: stopped{str(stop) and ': '}{stop}", file=sys.stderr)
        return 130  # what a shell expects of a command that Ctrl-C ended


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m bnbook",
        description="A course on Batch Normalization. Without a command: the map of the package.",
    )
    parser.set_defaults(run=show_map)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    check = commands.add_parser("check", help="is my installation sound? Versions, device, every check of the course")
    check.add_argument("--brief", action="store_true", help="leave out what differs between sound machines")
    check.set_defaults(run=run_check)

    run = commands.add_parser("run", help="run an experiment: its data as JSON, its figure as PNG, its verdict here")
    run.add_argument("name", help="one of " + ", ".join(experiments_and_drawings()))
    run.add_argument("--data", choices=DATA, help="on which images (default digits, which are there at once)")
    run.add_argument("--folder", help="where the files of other data are; images: a subfolder for each class, or .npz")
    run.add_argument("--limit", type=int, metavar="N", help="keep at most N images in each part of other data")
    run.add_argument("--seeds", type=int, help="runs per arm (default: what the experiment says, mostly 5)")
    run.add_argument("--device", help="cpu or cuda (default: cuda if there is one)")
    run.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="where to write (default out)")
    run.add_argument("--store", action="store_true", help="write into the evidence of the notebook's room")
    run.set_defaults(run=run_experiment)

    bench = commands.add_parser("bench", help="how fast every version of BatchNorm is on this machine (minutes)")
    bench.add_argument(
        "shapes",
        nargs="*",
        help="such as 64x64x32x32 or 128x100 (default: those of the README); or engine: 168 trainings at once",
    )
    bench.add_argument("--rounds", type=int, default=15, help="times that each is measured (default 15)")
    bench.add_argument("--out", type=Path, metavar="FILE.json", help="write all the times there, too")
    bench.add_argument("--readme", action="store_true", help="put the table into README.md")
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

    lab = commands.add_parser("lab", help="open JupyterLab on your own copy of the notebooks")
    lab.add_argument("--folder", help="where your copy is, seen from here (default: work, in the course's folder)")
    lab.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    lab.set_defaults(run=run_lab)

    reset = commands.add_parser("reset", help="take the course's notebook again, keeping yours beside it")
    reset.add_argument("number", help="the notebook's number, such as 02")
    reset.add_argument("--folder", help="where your copy is, seen from here (default: work, in the course's folder)")
    reset.set_defaults(run=run_reset)

    notebooks = commands.add_parser("notebooks", help="execute the course's notebooks and store their outputs")
    notebooks.add_argument("numbers", nargs="*", help="only these, such as 00 02 (default: all)")
    notebooks.set_defaults(run=run_notebooks)
    return parser


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
    for says, test in (
        ("Python and its packages", _versions),
        ("PyTorch on this machine", _device),
        ("data: 1,797 handwritten digits", _digits),
        ("PyTorch layer equals torch.nn.BatchNorm2d", _layer),
        ("Jupyter kernel", _kernel),
        *_exercises(options.brief),
    ):
        try:
            found = test()
            print(f"ok    {says}" + (f": {found}" if found and not options.brief else ""))
        except Exception as error:  # whatever it is: this command is there to report it
            bad += 1
            print(f"FAIL  {says}: {type(error).__name__}: {error}")
    if bad:
        from . import course

        print(f"{bad} of these failed; `{course.command('lab')}` installs everything anew once .venv is removed.")
    else:
        print("Everything works.")
    return int(bad > 0)


def _versions():
    from importlib.metadata import version

    names = ("numpy", "torch", "matplotlib", "jupyterlab")
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


def _kernel():
    from jupyter_client.kernelspec import KernelSpecManager

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


# --- run -----------------------------------------------------------------------------------------------------------


def experiments_and_drawings():
    """Name of each experiment that has a drawing: the room it is in, in the order of the notebooks.

    Read from the sources, so that --help imports nothing: public functions of a room's `experiments`, written or
    gathered there, of the same name as one of its `plots`.
    """
    found = {}
    for room in chapters.rooms():
        drawings = _public(room, "plots")
        found |= {name: room for name in _public(room, "experiments") if name in drawings}
    return found


def _public(room, part):
    file = _source(f"chapters/{room}/{part}")
    tree = ast.parse(file.read_text(encoding="utf-8")).body if file.exists() else []
    written = [node.name for node in tree if isinstance(node, ast.FunctionDef)]
    gathered = [alias.name for node in tree if isinstance(node, ast.ImportFrom) for alias in node.names]
    return [name for name in gathered + written if not name.startswith("_")]


def run_experiment(options):
    """Run it, write NAME.json and NAME.png, print what it shows in two lines."""
    rooms = experiments_and_drawings()
    if options.name not in rooms:
        raise ValueError(f"there is no experiment {options.name!r}: choose one of {', '.join(rooms)}")
    importlib.import_module("matplotlib").use("Agg")  # files, no window; not in the environment, which kernels inherit
    from . import data, notebook
    from .lab import results as store

    room = rooms[options.name]
    experiment = getattr(chapters.room(room, "experiments"), options.name)
    draw = getattr(chapters.room(room, "plots"), options.name)
    if options.store:
        options.out = chapters.FOLDER / room / "evidence"
    takes = inspect.signature(experiment).parameters
    # Everything that may be refused is looked at before the work, which can take minutes.
    given = {"device": _chosen_device(options, takes, notebook.setup()), "progress": True}
    given |= _chosen_seeds(options, takes)
    json, png = (_writable(options.out) / f"{options.name}.{ending}" for ending in ("json", "png"))
    written = "Written over what was there" if json.exists() or png.exists() else "Written"
    used = given["data"] = _chosen_data(options, takes, data)
    part = given["keep"] = options.out / f"{options.name}.part"  # finished groups, for the same command once more
    if "keep" in takes and part.exists():
        print(f"Going on with the runs that are finished in {part}.")
    if used and _times_longer(used) >= 2:
        print(
            f"On these images a cnn takes up to {_times_longer(used):.0f} times as long as on the digits.", flush=True
        )

    def work():
        results = experiment(**{name: value for name, value in given.items() if name in takes})
        axes, text = draw(results)
        source = used and {"name": options.data or "digits", **data.fingerprint(used)}
        made = {"data": source, "device": given["device"], "command": options.command, "text": text}
        with _at_once(json) as file:
            store.save({"versions": store.versions(), **results, **made}, file)
        with _at_once(png) as file:
            getattr(axes, "flat", [axes])[0].figure.savefig(file, format="png")
        part.unlink(missing_ok=True)
        print(*text.splitlines()[:2], f"{written}: {json} and {png.name}", sep="\n")

    _finish(work, part)


def _finish(work, part):
    """Call work; however it ends before it is done, one sentence says how to go on."""
    reason, stopped = None, False
    try:
        return work()
    except KeyboardInterrupt:
        stopped = True
    except (ValueError, RuntimeError, OSError, MemoryError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
    except Exception as error:
        error.add_note(_go_on(part))
        raise
    # Out here the stack of the work is gone, and its progress bar with it: the sentence stands below, not beside it.
    if stopped:
        raise KeyboardInterrupt(_go_on(part))
    raise RuntimeError(f"{reason}; {_go_on(part)}" if part.exists() else reason)


def _go_on(part):
    if part.exists():
        return f"the runs that are finished are kept in {part}, and the same command goes on from there"
    return "nothing is kept, and the same command starts again"


@contextlib.contextmanager
def _at_once(file):
    """A name beside file to write to; file itself is replaced when that is whole, so that nothing is half-written."""
    half = file.with_name(file.name + ".half")
    try:
        yield half
        half.replace(file)
    finally:
        half.unlink(missing_ok=True)


def _times_longer(data):
    """How many times as long as on the digits a cnn takes at most: by the pixels, and the images it is tested on.

    Ten steps on batches of 64 cost three passes an image, the test that follows them one.
    """
    H, W = data.shape[1:]
    return H * W / 64 * (3 * 640 + len(data.x_test)) / (3 * 640 + 500)


def _chosen_device(options, takes, best):
    """The device asked for, or the best; an experiment that does not take one runs on the CPU."""
    import torch

    here = ["cpu"]
    if "device" in takes and torch.cuda.is_available():
        here += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    device = options.device or (best if "device" in takes else "cpu")
    if device not in here:
        raise ValueError(f"device is {device!r}; {options.name} can run on {' or '.join(here)} here")
    return device


def _chosen_seeds(options, takes):
    """As an argument to the experiment; none, if nobody asked for a number of seeds."""
    if options.seeds is None:
        return {}
    if "seeds" not in takes:
        raise ValueError(f"{options.name} takes no --seeds: it is one computation, so leave that out")
    from .lab import results

    results.check_seeds(options.seeds)
    return {"seeds": options.seeds}


def _chosen_data(options, takes, data):
    """data.Data, or None for an experiment that looks at numbers alone."""
    name, asked = options.data or "digits", (options.data, options.folder, options.limit)
    if "data" not in takes:
        if asked != (None, None, None):
            raise ValueError(f"{options.name} takes no data: it looks at numbers alone, so leave --data out")
        return None
    if name == "digits":
        if asked[1:] != (None, None):
            raise ValueError(f"--folder and --limit go with --data {', '.join(DATA[1:])}; the digits need neither")
        return data.digits()
    if options.folder is None:
        raise ValueError(f"--data {name} needs --folder PATH: where you have put its files, as nothing is downloaded")
    return getattr(data, name)(options.folder, options.limit)


def _writable(folder):
    """The folder, made if need be; ValueError if no file can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"cannot write into {folder} ({error.strerror}); choose another folder with --out") from None
    return folder


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
    name, readme = "engine" if options.shapes == ["engine"] else "bench", PACKAGE.parent / "README.md"
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
    folder = _writable(options.out)
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


def run_reset(options):
    """Restore one notebook of the learner's copy."""
    from . import course

    course.reset(options.number, options.folder)


def run_notebooks(options):
    """Execute the course's notebooks in place."""
    from . import course

    chosen = [path for path in course.notebooks() if not options.numbers or path.name[:2] in options.numbers]
    if not chosen:
        raise ValueError(f"no notebook {' '.join(options.numbers)}: numbers look like 00 or 02")
    course.write_tables()
    for path in chosen:
        print(path.name, flush=True)
        course.execute(path)


if __name__ == "__main__":
    sys.exit(main())
