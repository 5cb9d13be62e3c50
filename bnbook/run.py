"""`bnbook run NAME`: finds the experiment, looks at all that may be refused first, runs it, writes it down.

Read after guide.
Used by the command line; no notebook needs it.
"""

import ast
import contextlib
import importlib
import inspect
import tempfile
from pathlib import Path

from . import chapters

DATA = ("digits", "mnist", "fashion_mnist", "cifar10", "images")


def add_arguments(parser):
    """Give an argparse parser this command's arguments."""
    parser.add_argument("name", help="one of " + ", ".join(experiments_and_drawings()))
    parser.add_argument("--data", choices=DATA, help="on which images (default digits, which are there at once)")
    parser.add_argument("--folder", help="where the files of other data are; images: a subfolder per class, or .npz")
    parser.add_argument("--limit", type=int, metavar="N", help="keep at most N images in each part of other data")
    parser.add_argument("--seeds", type=int, help="runs per arm (default: what the experiment says, mostly 5)")
    parser.add_argument("--device", help="cpu or cuda (default: cuda if there is one)")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="train on N processes of this machine, one thread each"
    )
    parser.add_argument(
        "--cluster",
        metavar="tcp://HOST:8786",
        help="train on the workers of this Dask scheduler; trusted networks only: who reaches it runs code there",
    )
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="where to write (default out)")
    parser.add_argument("--store", action="store_true", help="write into the evidence of the notebook's room")
    parser.set_defaults(run=experiment)


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
    folder = chapters.FOLDER / room
    file = next(filter(Path.exists, (folder / f"{part}.py", folder / part / "__init__.py")), None)
    tree = ast.parse(file.read_text(encoding="utf-8")).body if file else []
    written = [node.name for node in tree if isinstance(node, ast.FunctionDef)]
    gathered = [alias.name for node in tree if isinstance(node, ast.ImportFrom) for alias in node.names]
    return [name for name in gathered + written if not name.startswith("_")]


def experiment(options):
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
    workers = _chosen_workers(options, takes, given["device"])
    json, png = (writable(options.out) / f"{options.name}.{ending}" for ending in ("json", "png"))
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

    with workers:
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


def _chosen_workers(options, takes, device):
    """Where the groups of its grid are trained, as a context; only an experiment that can be gone on with has one."""
    number, cluster = options.workers, options.cluster
    if (number, cluster) == (None, None):
        return contextlib.nullcontext()
    if "keep" not in takes:
        raise ValueError(f"{options.name} has no grid of trainings to hand out: leave --workers and --cluster out")
    if None not in (number, cluster):
        raise ValueError("--workers are processes of this machine, a --cluster brings its own: give one of the two")
    import torch

    from .lab.workers import workers

    gpus = torch.cuda.device_count() if device == "cuda" else 1
    if number and number > gpus and device != "cpu":
        raise ValueError(f"--workers is {number}, and on {device} there is one for each GPU, here {gpus}: --device cpu")
    return workers(1 if number is None else number, cluster)


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


def writable(folder):
    """The folder, made if need be; ValueError if no file can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"cannot write into {folder} ({error.strerror}); choose another folder with --out") from None
    return folder
