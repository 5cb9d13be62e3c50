"""Make `.venv` with everything the course needs: `python3 bnbook/install.py` (`make lab` and `make test` call it).

Run as a file by the system's Python before anything is installed. So: standard library only, and syntax that even
Python 3.6 can parse, because an old Python must get as far as the sentence that says which one is needed.
Whatever goes wrong ends in one sentence that says what to do, and exit code 1; running again repairs.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
STATE = os.path.join(VENV, "bnbook-state")  # "incomplete", or the fingerprint of what was installed
LOG = os.path.join(VENV, "install.log")
OLDEST, NEWEST = (3, 11), (3, 14)
GIGABYTES = 3

# What pip says (in its lines with WARNING or ERROR), and what a person should do about it. The first match counts.
CAUSES = (
    (
        r"no space left|errno 28|disk quota",
        "The disk is full: free some space (PyTorch's CUDA build for Linux needs 8 GB) and run this again.",
    ),
    (
        r"permission denied|read-only file system|access is denied",
        "pip could not write a file: make this folder and pip's cache writable for you and run this again.",
    ),
    (
        r"connection|timed out|name resolution|getaddrinfo|sslerror|proxyerror|max retries|http error",
        "A download failed: check the network (HTTPS_PROXY, if you need one) and run this again.",
    ),
    (
        r"no matching distribution found for (\S+)",
        "pip finds no \\1 for this machine: it is offline, PIP_NO_INDEX is set, or the course has no build for it "
        "(needed: Python 3.11 to 3.14 on 64-bit Linux, Windows, or macOS 14 with Apple silicon).",
    ),
)


def newer_python():
    """The name of a Python on this machine that is new enough, or None."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        name = f"python3.{minor}"
        if shutil.which(name) and subprocess.call([name, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return name
    return None


def check_python(version):
    """End with a sentence if this Python is too old."""
    if tuple(version[:2]) >= OLDEST:
        return
    name = newer_python()
    again = f"make lab PYTHON={name}" if shutil.which("make") else f"{name} {os.path.join('bnbook', 'install.py')}"
    remedy = f"type `{again}`" if name else "install one (python.org, conda) and run this again"
    sys.exit("Python 3.11 or newer is needed, this is {}: {}.".format(".".join(map(str, version[:3])), remedy))


def check_room():
    """End with a sentence if a new environment cannot be made here."""
    if not (find_spec("venv") and find_spec("ensurepip")):
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        sys.exit(f"This Python has no venv module: install it (Debian and Ubuntu: `sudo apt install {package}`).")
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < GIGABYTES:
        sys.exit(f"{GIGABYTES} GB of disk are needed and {free:.1f} GB are free: free some space and run this again.")


def fingerprint():
    """A hash of all that the environment depends on: the two files, the Python, the place."""
    digest = hashlib.sha256(repr((sys.version_info[:2], ROOT)).encode())
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def state(text=None):
    """Read the environment's state (empty if there is none), or record it."""
    if text is not None:
        os.makedirs(VENV, exist_ok=True)
        with open(STATE, "w") as file:
            file.write(text)
    elif os.path.exists(STATE):
        with open(STATE) as file:
            text = file.read()
    return text or ""


def is_usable():
    """Is there an environment of this Python, not left half-made, whose pip runs?"""
    if state() == "incomplete" or not os.path.exists(PYTHON):
        return False
    try:
        said = subprocess.check_output([PYTHON, "-I", "-m", "pip", "--version"], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return False
    return "(python {}.{})".format(*sys.version_info[:2]).encode() in said


def make_environment():
    """Make `.venv` anew; an earlier one is moved away first, because a move cannot be interrupted half-way."""
    broken = VENV + "-broken"
    shutil.rmtree(broken, ignore_errors=True)
    if os.path.lexists(VENV):
        print(".venv is incomplete or of another Python: making it again.", flush=True)
        os.replace(VENV, broken)
        shutil.rmtree(broken, ignore_errors=True)
    check_room()
    state("incomplete")
    # The base interpreter: the running one may be inside the .venv that was just removed.
    base = getattr(sys, "_base_executable", None) or sys.executable
    made = subprocess.run([base, "-m", "venv", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode:
        print(made.stdout.decode(errors="replace"), file=sys.stderr)
        sys.exit("Python could not make the environment (its words stand above): repair them and run this again.")


def explain(log):
    """The sentence for what pip wrote before it failed."""
    said = [line.strip() for line in log if re.search("error|warning", line, re.I)]
    for pattern, sentence in CAUSES:
        match = re.search(pattern, "\n".join(said), re.I)
        if match:
            return match.expand(sentence)
    errors = [line for line in said if "error" in line.lower()] or ["it said nothing"]
    return f"pip failed ({errors[-1]}): the log in .venv/install.log says more; repair that and run this again."


def install():
    """Install the course with pip: its large downloads shown, everything it says kept in the log."""
    command = [PYTHON, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    command += ["-c", "constraints.txt", "-e", ".[lab,test]"]
    if os.path.isdir(os.path.join(ROOT, "wheels")):  # a folder of `bnbook offline`: all that is needed is there
        command += ["--no-index", "--find-links", "wheels"]
    environment = dict(os.environ, PIP_USER="0")  # a user-wide `pip --user` setting is an error inside an environment
    pip = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    log = []
    with open(LOG, "wb") as file:
        for raw in pip.stdout:
            file.write(raw)
            log.append(raw.decode(errors="replace").strip())
            show(log)
    if pip.wait():
        sys.exit(explain(log))


def show(log):
    """Print what a person waiting wants to know of pip's last line."""
    line = log[-1]
    if re.match(r"Downloading .*\(([\d.]+ GB|\d{2,}[\d.]* MB)", line):
        print("  " + line, flush=True)
    elif line.startswith("Installing collected packages"):
        state("incomplete")  # up to here nothing was touched, so that a failed download costs nothing
        print(f"  Packages to install: {line.count(',') + 1}", flush=True)
    elif "Retrying" in line and sum("Retrying" in earlier for earlier in log) == 1:
        print("  The package index does not answer, trying again", flush=True)


def main():
    """Make or repair the environment; nothing to do takes no time."""
    check_python(sys.version_info)
    wanted, start = fingerprint(), time.time()
    if state() == wanted and os.path.exists(PYTHON):
        return
    print("Setting up .venv (some minutes the first time, mostly PyTorch's download).", flush=True)
    if not is_usable():
        make_environment()
        state("")  # a complete, empty environment
    install()
    state(wanted)
    print(f"Ready after {time.time() - start:.0f} s.", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nInterrupted: run this again, it repairs what is half-made.", file=sys.stderr)
        sys.exit(130)  # what a shell expects of a command that Ctrl-C ended
    except OSError as error:
        place = error.filename or ROOT
        sys.exit(f"Cannot write {place} ({error.strerror}): make it writable or free some space, then run this again.")
