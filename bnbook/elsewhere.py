"""The course where it is not installed: copies for Colab, and one folder for a room without network.

Read after course.
Used by the command line (`bnbook colab`, `bnbook offline`); no notebook needs it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import course

# What uv calls a system, and what pip calls the wheels that run there. Like the pins: macOS 14 on Apple silicon.
PLATFORMS = {
    "linux": ("x86_64-manylinux_2_28", [f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)]),
    "macos": ("aarch64-apple-darwin", ["macosx_14_0_arm64"]),
    "windows": ("x86_64-pc-windows-msvc", ["win_amd64"]),
}
OLD_NAMES = [f"manylinux{name}_x86_64" for name in ("2014", "2010", "1")]  # of manylinux_2_17, 2_12 and 2_5
MACOS = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}  # uv would take 13, for which there is no torch
# By name, so that nothing else that lies in an instructor's folder gets onto a stick.
TAKEN = (
    *("bnbook", "notebooks", "tests", "docs", "Makefile", "pyproject.toml", "constraints.txt", "README.md"),
    *("LICENSE", "LICENSE-TEXT", "CITATION.cff", "CONTRIBUTING.md", "CHANGELOG.md", "environment.yml"),
)
LEFT = ("__pycache__", ".ipynb_checkpoints", "*.part")
SITE = Path("build") / "site"  # where `make site` puts it
NOTE = """\
The whole course for {platform}, Python {python}. No network is needed.

1. Copy this folder to the computer's disk.
2. In it, type   {python_command}
   and then   {bnbook} lab
{site}"""


# --- Colab ---------------------------------------------------------------------------------------------------------


def colab(source):
    """A course notebook for Colab: results cleared, a first cell that installs the package, links that work there.

    The package comes without its extra `lab`, so that the Jupyter that Colab runs is left as it is.
    """
    nb, home = course.fresh(source), course.address()
    install = f'# In Colab only: adds the course\'s package to what is there.\n%pip install -q "bnbook @ git+{home}"'
    nb.cells.insert(0, course.extra("nbformat").v4.new_code_cell(install))
    for cell in nb.cells:
        cell.source = re.sub(r"\]\((\d\d_\w+\.ipynb)", lambda link: f"]({colab_address(link[1])}", cell.source)
        cell.source = re.sub(r"\]\(\.\./", f"]({home}/blob/main/", cell.source)
    return course.normalize(nb)


def colab_address(name=""):
    """Where Colab opens a notebook: on the branch `colab`, which CI makes of main, so that main has no second copy."""
    return course.address().replace("https://github.com", "https://colab.research.google.com/github") + (
        f"/blob/colab/{name}"
    )


def write_colab(folder):
    """Put a Colab copy of every notebook into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in course.notebooks():
        course.write(folder / source.name, colab(source))


# --- offline -------------------------------------------------------------------------------------------------------


def pack(folder, platform, python):
    """Put the course, its wheels for a platform and a Python, and the web site if it is built, into an empty folder.

    platform  a key of PLATFORMS
    python    such as '3.12'
    A build of torch without CUDA that pip finds by PIP_FIND_LINKS is taken, as in an installation.
    Raises ValueError if the folder is not empty, RuntimeError if wheels are missing; nothing is left in it then.
    """
    course.notebooks()  # where there is only the package, this says where to get the course
    course.extra("uv", "test")
    folder = _folder(folder)
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; choose a new folder")
    try:
        _fill(folder, platform, python)
    except BaseException:  # Ctrl-C in the minutes of a download, too
        shutil.rmtree(folder, ignore_errors=True)  # what cannot go is a stick itself, which is empty then
        raise


def _folder(typed):
    """The folder that was typed, wherever pip and uv run. Raises ValueError if it is a file."""
    folder = typed.expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; choose a new folder")
    return folder


def _fill(folder, platform, python):
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    (wheels / "requirements.txt").write_text(resolve(platform, python), encoding="utf-8", newline="\n")
    _download(wheels, platform, python)
    for name in TAKEN:
        source, copy = course.ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*LEFT))
        elif source.exists():
            shutil.copy(source, copy)
    site = course.ROOT / SITE
    if site.exists():
        shutil.copytree(site, folder / "site")
    # Last, as a sign that all is there.
    (folder / "OFFLINE.txt").write_text(_note(platform, python, site.exists()), encoding="utf-8")


def resolve(platform, python, extras=("lab", "test")):
    """The text of a requirements file: everything to install on that system, exact versions.

    By uv, which knows the markers of a system that is not this one. Raises RuntimeError with its words if it cannot.
    """
    links = os.environ.get("PIP_FIND_LINKS", "").split()
    with tempfile.TemporaryDirectory() as scratch:
        build = Path(scratch) / "build.in"  # what builds the package itself
        build.write_text("setuptools\n", encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "-q", "pyproject.toml", str(build)]
        command += ["-c", "constraints.txt", "--no-header", "--no-annotate", "--only-binary", ":all:"]
        command += ["--python-platform", PLATFORMS[platform][0], "--python-version", python]
        command += [word for name in extras for word in ("--extra", name)]
        command += [word for link in links for word in ("--find-links", link)]
        ran = subprocess.run(
            command, cwd=course.ROOT, capture_output=True, text=True, env={**os.environ, **MACOS}, check=False
        )
    if ran.returncode:
        words = " ".join(ran.stderr.split()) or "it said nothing"
        raise RuntimeError(f"no set of versions fits {platform} and Python {python}: {words}")
    return ran.stdout


def _download(wheels, platform, python):
    tags = PLATFORMS[platform][1] + (OLD_NAMES if platform == "linux" else [])
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--only-binary=:all:", "-d", str(wheels)]
    command += ["--python-version", python, "--implementation", "cp", "-r", str(wheels / "requirements.txt")]
    command += [word for tag in tags for word in ("--platform", tag)]
    if subprocess.run(command, cwd=course.ROOT, check=False).returncode:
        raise RuntimeError(f"pip could not fetch all wheels for {platform}; its words stand above")


def _note(platform, python, site):
    windows = platform == "windows"
    return NOTE.format(
        platform=platform,
        python=python,
        python_command="py bnbook\\install.py" if windows else "python3 bnbook/install.py",
        bnbook=".venv\\Scripts\\bnbook" if windows else ".venv/bin/bnbook",
        site="3. The same course to read: open site/index.html in a browser.\n" if site else "",
    )


def try_out(folder):
    """Install from a copy of the folder, with no package index, and run notebook 00 there, outputs compared.

    Raises ValueError if the folder is not one of `pack`, RuntimeError if a step fails.
    """
    folder = _folder(folder)
    if not (folder / "OFFLINE.txt").exists():
        raise ValueError(
            f"{folder} does not hold the whole course: `{course.command('offline', str(folder))}` fills a new folder"
        )
    lost = ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PYTHONPATH")
    alone = {name: value for name, value in os.environ.items() if name not in lost}
    alone |= {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "course"
        shutil.copytree(folder, home)
        python = home / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        for command in (
            [sys.executable, home / "bnbook" / "install.py"],
            [python, "-m", "bnbook", "check", "--brief"],
            [python, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "notebooks/00_start_here.ipynb"],
        ):
            if subprocess.run([str(word) for word in command], cwd=home, env=alone, check=False).returncode:
                raise RuntimeError(f"{folder} does not install and run by itself; the words of the step stand above")
