"""The notebooks as files: execute one reproducibly, copy them for the learner, restore one, open JupyterLab.

Read after notebook.
Used by the command line (`bnbook lab`, `notebooks`, `reset`, `test`); no notebook needs it.
"""

import base64
import hashlib
import importlib
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import warnings
from importlib.metadata import metadata
from pathlib import Path

from . import chapters

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "first_look.png"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# No question about news and no look for updates: the course needs no network once it is installed. The server's
# options keep it from asking; JupyterLab's pages would still ask whether they may, unless their defaults say no.
QUIET = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
)
DEFAULTS = Path(__file__).parent / "jupyter"  # a folder of configuration; what a learner has chosen counts for more
SHORTCUTS = ("lab", "test", "reset", "install")  # what the Makefile has a target for, and a message may name
KEPT = ("tags", "slideshow", "jupyter")  # of a cell's metadata; the rest is times and the state of an editor


def notebooks():
    """The paths of the course's notebooks, in reading order. Raises FileNotFoundError if only the package is there."""
    found = sorted((ROOT / "notebooks").glob("*.ipynb"))
    if not found:
        raise FileNotFoundError(
            f"the notebooks are not part of the installed package: get the course at {address()} and run this there"
        )
    return found


def chosen(numbers):
    """The notebooks of these numbers, such as ['00', '02'], or all. Raises ValueError if there is one that is not."""
    found = [path for path in notebooks() if not numbers or path.name[:2] in numbers]
    missing = set(numbers) - {path.name[:2] for path in found}
    if missing:
        raise ValueError(f"no notebook {' '.join(sorted(missing))}: numbers look like 00 or 02")
    return found


def changed(base):
    """The notebooks whose file or room differs from a git revision. Raises ValueError if git does not know it."""
    found, git = notebooks(), ["git", "-C", str(ROOT), "diff", "--name-only", base, "--"]
    try:
        files = subprocess.run(git, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError) as error:
        words = " ".join(str(getattr(error, "stderr", error)).split())
        raise ValueError(f"git cannot say what changed since {base!r}: {words}") from None
    rooms = {name.split("/")[2][1:] for name in files if name.startswith("bnbook/chapters/n")}
    return [path for path in found if f"notebooks/{path.name}" in files or path.stem in rooms]


def address():
    """Where the course is kept: from pyproject.toml, or where there is only the package, from its metadata."""
    project = ROOT / "pyproject.toml"
    if project.exists():
        return tomllib.loads(project.read_text(encoding="utf-8"))["project"]["urls"]["Homepage"]
    return metadata("bnbook")["Project-URL"].partition(", ")[2]


def extra(module, name="lab"):
    """Import a module that belongs to an extra of the package. Raises RuntimeError, a sentence, if it is not there."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = f"{error.name} is not installed, which the extra {name!r} brings"
        remedy = f'pip install "bnbook[{name}] @ git+{address()}"'  # a checkout has no need of it: install.py did that
        if (ROOT / "pyproject.toml").exists():
            by_pip = f'"{sys.executable}" -m pip install -c constraints.txt -e ".[{name}]"'
            remedy = command("install") if name in ("lab", "test") else by_pip
        raise RuntimeError(f"{missing}: `{remedy}`") from None


def execute(path, timeout=120):
    """Run a notebook from top to bottom and store its outputs, the same bytes every time.

    Raises RuntimeError naming notebook and cell if a cell fails; the file is then left as it was.
    """
    path, nb, started = Path(path), read(path), []
    nbclient = extra("nbclient")
    errors = nbclient.exceptions
    client = nbclient.NotebookClient(
        nb,
        timeout=timeout,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        on_cell_start=lambda cell, cell_index: started.append(cell_index),
    )
    # Jupyter shows figures only where nobody has chosen another backend.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    try:
        client.execute(env=environment)
    except (errors.CellExecutionError, errors.CellTimeoutError, errors.DeadKernelError) as error:
        where = f"cell {started[-1] + 1} of {len(nb.cells)}" if started else "the kernel"
        raise RuntimeError(f"{path.name}: {where} failed, the file is unchanged.\n{error}") from None
    write(path, normalize(nb))


def read(path):
    """A notebook from a file."""
    return extra("nbformat").read(path, as_version=4)


def normalize(nb, outputs=True):
    """Drop from a notebook, in place, what differs between two runs; `outputs=False` clears the results too."""
    from_dict = extra("nbformat").from_dict
    nb.nbformat_minor = 5
    kept = {"bnbook": nb.metadata.bnbook} if "bnbook" in nb.metadata else {}
    nb.metadata = from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}, **kept})
    for number, cell in enumerate(nb.cells, 1):
        cell.id = f"cell-{number:02d}"
        cell.metadata = from_dict({key: cell.metadata[key] for key in KEPT if key in cell.metadata})
        if cell.cell_type == "code":
            if not outputs:
                cell.outputs, cell.execution_count = [], None
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET_VIEW, None)
            cell.outputs = _joined(cell.outputs)
    return nb


def _joined(outputs):
    """Outputs with what was printed in one go in one piece: how a print is cut into messages depends on the machine.

    What is printed after a figure stays after it.
    """
    kept = []
    for output in outputs:
        if kept and output.output_type == "stream" and output.get("name") == kept[-1].get("name"):
            output = {**output, "text": kept.pop().text + output.text}
        kept.append(extra("nbformat").from_dict(output))
    return kept


def write(path, nb):
    """Write a notebook, only if that changes the file, and at once, so that nothing is ever half-written."""
    text = extra("nbformat").writes(nb) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def fresh(source):
    """A course notebook as a learner gets it: results cleared, so that a prediction comes first, and its version."""
    nb = normalize(read(source), outputs=False)
    text = extra("nbformat").writes(nb)
    nb.metadata.bnbook = {"version": hashlib.sha256(text.encode()).hexdigest()[:16]}
    return nb


def place(folder=None):
    """The learner's folder: work beside the course's notebooks, or another, seen from where the person stands."""
    return ROOT / "work" if folder is None else Path(folder).expanduser().absolute()


def learner_copy(folder=None):
    """Copy every notebook that is not there yet into the learner's folder (see `place`); what is there is not touched.

    Prints one line for each copy of which the course has a newer version, and for each that is no notebook any more.
    Raises ValueError if the folder cannot be made.
    """
    sources, work = notebooks(), place(folder)
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{work} cannot be made ({error.strerror}); choose another folder with --folder") from None
    for source in sources:
        copy, nb = work / source.name, fresh(source)
        take = f"`{command('reset', source.name[:2], folder=folder)}` takes the course's and keeps yours beside it."
        try:
            if not copy.exists():
                write(copy, nb)
            elif version(copy) not in (None, nb.metadata.bnbook["version"]):
                print(f"{copy.name}: a newer version is there; {take}")
        except ValueError as damage:
            print(f"{copy.name} {damage}; {take}")


def version(copy):
    """The version of the course's notebook that a learner's copy was made from; None if it does not say.

    Raises ValueError with the rest of a sentence, such as "is empty", if Jupyter could not open the copy.
    """
    text, nbformat = "?", extra("nbformat")
    try:
        text = copy.read_text(encoding="utf-8")
        nb = nbformat.reader.reads(text)
        with warnings.catch_warnings(action="ignore"):  # of an older format, which Jupyter brings up to date
            nbformat.validate(nb, relax_add_props=True)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    except Exception:  # nbformat stumbles over what is no notebook in many ways
        cut = "is no whole notebook any more (cut off, or changed by another program)"
        raise ValueError(cut if text.strip() else "is empty") from None
    made = nb.metadata.get("bnbook")
    return made.get("version") if isinstance(made, dict) else None


def reset(number, folder=None):
    """Restore notebook `number` in the learner's folder; the learner's is kept beside it, under a free name.

    Raises ValueError if there is no such notebook.
    """
    number = str(number)
    chosen = [source for source in notebooks() if number.isdigit() and source.name.startswith(number.zfill(2) + "_")]
    if not chosen:
        numbers = " ".join(source.name[:2] for source in notebooks())
        raise ValueError(
            f"no notebook {number!r}: choose one of {numbers}, as in `{command('reset', '02', folder=folder)}`"
        )
    copy = place(folder) / chosen[0].name
    if copy.exists():
        names = (copy.with_suffix(f".mine-{count}.ipynb") for count in itertools.count(1))
        kept = copy.rename(next(name for name in names if not name.exists()))
        print(f"Your {copy.name} is kept as {kept.name}.")
    copy.parent.mkdir(parents=True, exist_ok=True)
    write(copy, fresh(chosen[0]))
    print(f"{copy.name} is as the course has it.")


def open_lab(folder=None, extra_args=()):
    """Run JupyterLab at the first notebook of the learner's folder (see `place`) until it is stopped; its exit code.

    Its root is the course's folder, so that links from a notebook to the package work.
    """
    start = place(folder) / notebooks()[0].name
    root = ROOT if start.is_relative_to(ROOT) else start.parent
    page = f"/lab/tree/{start.relative_to(root).as_posix()}"  # in the printed address too, unlike a file to open
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}", f"--LabApp.default_url={page}"]
    command += [*QUIET, *extra_args]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container the only user is root, and Jupyter refuses without this
    paths = [str(DEFAULTS), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:
            pass  # JupyterLab got the Ctrl-C too: it asks whether to stop, and stops its kernels


# --- tables made from the rooms --------------------------------------------------------------------------------------


def tables():
    """The two tables of notebooks, README's and that of 00, from what the rooms say of themselves: two texts."""
    readme, start = [], []
    for path in notebooks():
        number, room = path.name[:2], chapters.room("n" + path.stem)
        row = f"{room.QUESTION} | {room.BUILDS}"
        readme.append(f"| [{number}](notebooks/{path.name}) | {row} | {room.MINUTES} |")
        start.append(f"| {number} | {row} |" if not start else f"| [{number}]({path.name}) | {row} |")
    return "\n".join(readme), "\n".join(start)


def write_tables():
    """Put both tables in their places: README.md, and the text of notebook 00."""
    readme, start = tables()
    path = ROOT / "README.md"
    path.write_text(_with_rows(path.read_text(encoding="utf-8"), readme, "minutes"), encoding="utf-8", newline="\n")
    path = notebooks()[0]
    nb = read(path)
    for cell in nb.cells:
        if re.search(_rows("you build"), cell.source, re.M):
            cell.source = _with_rows(cell.source, start, "you build")
    write(path, nb)


def write_picture():
    """Put the first figure of notebook 00 where README shows it."""
    outputs = [output for cell in read(notebooks()[0]).cells for output in cell.get("outputs", [])]
    figure = next(output.data["image/png"] for output in outputs if "image/png" in output.get("data", {}))
    PICTURE.write_bytes(base64.b64decode(figure))


def _with_rows(text, rows, last):
    return re.sub(_rows(last), lambda found: found[1] + rows + "\n", text, count=1, flags=re.M)


def _rows(last):
    """The table whose heading ends with this word: its two lines of heading, then its rows."""
    return rf"(^\|.*\| {last} \|\n\|[-|]+\|\n)(?:\|.*\n)+"


def command(*words, folder=None):
    """What a person types here for a command of bnbook: 'make lab', 'bnbook lab', or with the path of .venv's bnbook.

    words   of the command line, such as 'reset', '02'; or 'install', which makes or repairs .venv
    folder  of the learner's copy, if it is not the course's own
    """
    if folder is None and shutil.which("make") and Path.cwd() == ROOT and words[0] in SHORTCUTS:
        return f"make reset NOTEBOOK={words[1]}" if words[0] == "reset" else f"make {' '.join(words)}"
    if words == ("install",):
        line = ["py" if os.name == "nt" else "python3", str(ROOT / "bnbook" / "install.py")]
        return subprocess.list2cmdline(line) if os.name == "nt" else shlex.join(line)
    script = Path(sys.executable).with_name("bnbook.exe" if os.name == "nt" else "bnbook")
    program = ["bnbook"] if shutil.which("bnbook") else [str(script)]
    if not script.exists() and not shutil.which("bnbook"):
        program = [sys.executable, "-m", "bnbook"]
    line = [*program, *words, *([] if folder is None else ["--folder", str(folder)])]
    return subprocess.list2cmdline(line) if os.name == "nt" else shlex.join(line)
