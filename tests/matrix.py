"""`make matrix`: do the notebooks print, and the evidence say, the same on other machines?

    python tests/matrix.py [NN ...]      all notebooks, or these; some 40 minutes of two cores

Every notebook is executed and compared by nbval, and the tests of every room's experiments run, in each of ROWS: with
the vector units and the BLAS of other processors, with one and two threads, and on images that differ from the digits
by a rounding error. What has passed is kept in out/matrix.json until something it depends on changes, so the same
command goes on after an interruption; what failed runs again. At the end it prints the table of docs/machines.md.
"""

import concurrent.futures
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "out" / "matrix.json"

# What IPython runs before the first cell. A factor for each pixel's place, so that what is constant stays constant.
OTHER_IMAGES = """
def _change():
    import numpy as np
    from bnbook import data
    digits = data.digits
    def changed(*args, **kwargs):
        found = digits(*args, **kwargs)
        factor = 1 + 4e-16 * np.random.default_rng(0).normal(size=found.x_train.shape[1:])
        return found._replace(x_train=found.x_train * factor, x_val=found.x_val * factor, x_test=found.x_test * factor)
    data.digits = changed
_change()
del _change
"""


def rows():
    """{what: (environment, threads, whether the tests run too)}; vector units are taken away where there are any."""
    has = np._core._multiarray_umath.__cpu_features__
    plain = {"ATEN_CPU_CAPABILITY": "default", "NPY_DISABLE_CPU_FEATURES": " ".join(f for f in _VECTORS if has.get(f))}
    return {
        "as it is": ({}, 1, True),
        "as it is, two threads": ({}, 2, True),
        "no AVX": (plain, 1, True),
        "no AVX, two threads": (plain, 2, True),
        "OpenBLAS for Haswell": ({"OPENBLAS_CORETYPE": "Haswell"}, 1, True),
        "OpenBLAS for Haswell, two threads": ({"OPENBLAS_CORETYPE": "Haswell"}, 2, True),
        "images changed by 4e-16": ({"IPYTHONDIR": "images"}, 1, False),
    }


_VECTORS = ("X86_V4", "X86_V3")


def units(numbers=()):
    """[(number, path)]: the notebooks and, for each room, the folder of tests of its experiments."""
    found = [(path.name[:2], path) for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))]
    found += [(path.parent.name[1:3], path) for path in sorted(ROOT.glob("tests/chapters/n*/test_experiments.py"))]
    known = {number for number, _ in found}
    for number in numbers:
        if number not in known:
            raise ValueError(f"there is no notebook {number!r}; choose some of {' '.join(sorted(known))}")
    return [(number, path) for number, path in found if not numbers or number in numbers]


def key(number, path, environment, threads):
    """What the outcome of one unit in one row depends on: the ground, its room, itself, the row, Python's packages."""
    ground = [p for p in sorted((ROOT / "bnbook").rglob("*")) if "chapters" not in p.parts]
    room = sorted((ROOT / "bnbook" / "chapters").glob(f"n{number}_*/**/*"))
    digest = hashlib.sha256(json.dumps([path.name, environment, threads, sys.version, platform.node()]).encode())
    for file in [*ground, *room, path, ROOT / "constraints.txt"]:
        if file.suffix in (".py", ".json", ".csv", ".ipynb", ".txt"):
            digest.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:24]


def passes(path, environment, threads):
    """Whether the unit passes, and the last lines of what pytest says."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    if path.suffix == ".ipynb":
        command += ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=600"]
    count = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    with tempfile.TemporaryDirectory() as folder:
        if "IPYTHONDIR" in environment:
            startup = Path(folder, "profile_default", "startup")
            startup.mkdir(parents=True)
            (startup / "00-images.py").write_text(OTHER_IMAGES, encoding="utf-8")
            environment = environment | {"IPYTHONDIR": folder}
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **count, **environment}, capture_output=True, text=True
        )
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return done.returncode == 0, "\n".join(said[-25:])


def main(numbers=()):
    """Run what has not passed yet, print the table; the exit code is 1 if something fails."""
    KEPT.parent.mkdir(exist_ok=True)
    kept, outcome, failures = set(json.loads(KEPT.read_text()) if KEPT.exists() else []), [], []
    todo = []
    for row, (environment, threads, tests) in rows().items():
        for number, path in units(numbers):
            if path.suffix == ".ipynb" or tests:
                todo.append((row, number, path, environment, threads))
    with concurrent.futures.ThreadPoolExecutor(2) as pool, tqdm(total=len(todo), unit="file") as bar:

        def one(row, number, path, environment, threads):
            name = key(number, path, environment, threads)
            good, said = (True, "") if name in kept else passes(path, environment, threads)
            return row, path, name, good, said

        for done in concurrent.futures.as_completed([pool.submit(one, *each) for each in todo]):
            row, path, name, good, said = done.result()
            bar.update()
            outcome.append({"machine": row, "kind": "notebooks" if path.suffix == ".ipynb" else "tests", "good": good})
            if good:
                kept.add(name)
                KEPT.write_text(json.dumps(sorted(kept)))
            else:
                failures.append(f"--- {row}: {path.relative_to(ROOT)}\n{said}")
    print(*failures, sep="\n\n", end="\n\n" if failures else "")
    print(table(outcome))
    return int(bool(failures))


def table(outcome):
    """The outcome as a Markdown table: a row for each machine, how many notebooks and files of tests pass there."""
    found = pd.DataFrame(outcome).groupby(["machine", "kind"], sort=False)["good"].agg(["sum", "size"])
    lines = [
        f"{_processor()}, {date.today()}",
        "",
        "| machine | notebooks alike | files of tests passed |",
        "|---|---|---|",
    ]
    for machine in rows():
        counts = [
            found.loc[(machine, kind)] if (machine, kind) in found.index else None for kind in ("notebooks", "tests")
        ]
        texts = ["" if count is None else f"{count['sum']} of {count['size']}" for count in counts]
        lines.append(f"| {machine} | {' | '.join(texts)} |")
    return "\n".join(lines)


def _processor():
    names = (
        re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
        if Path("/proc/cpuinfo").exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
