"""One page about what you built, with your own numbers, as a file that you can keep."""

from pathlib import Path

import torch

from bnbook.grading.message import fold
from bnbook.lab import results

from . import card, experiments
from .steps import right

FIRST_LINE = "# What I built: a small residual CNN, from the choice of its normalization to another runtime"


def keep(work, file, why=""):
    """Write the page to file, a name in the folder of the notebook, if no step is open or wrong; else print which are.

    work  the seven steps, in their order
    why   your own sentence: why this normalization
    An earlier page of yours is replaced; another file of that name is left alone.
    """
    lines = card.judged(work)
    unfinished = {state: [line.step for line in lines if line.state == state] for state in ("open", "wrong")}
    if any(unfinished.values()):
        said = [f"{state} are {', '.join(steps)}" for state, steps in unfinished.items() if steps]
        print(fold(f"Nothing written: {'; '.join(said)}."))
        return
    file = Path(file)
    try:
        if file.exists() and not file.read_text(encoding="utf-8").startswith(FIRST_LINE):
            print(f"Nothing written: {file.name} is there and no page of the capstone; give another name.")
            return
        part = file.with_name(file.name + ".part")
        try:
            part.write_text(text(work, why), encoding="utf-8")
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, UnicodeDecodeError) as error:
        print(f"Nothing written: {file.name} cannot be written here ({type(error).__name__}); give another name.")
        return
    print(f"Written: {file.name}, one page in Markdown.")


def text(work, why=""):
    """The page as Markdown."""
    measured, decided, trained, recalibrated, adapted, folded, exported = work
    data, norm = measured["data"], decided["norm"]
    band = next(row for row in experiments.bands(measured) if row["norm"] == norm)
    new, old = adapted["new"], trained["images"]
    rows = [
        ("data", f"{len(old.y_train):,} training images of {' x '.join(map(str, data.shape))}, {data.classes} classes"),
        ("normalization", f"{norm}; first of {', '.join(decided['prefer'])} that no other is shown to beat"),
        ("learning rate", f"{decided['lr']:g}; {norm} is good from {band['lowest']:.2g} to {band['highest']:.2g}"),
        ("band", f"{band['decades']:.1f} decades{'' if band['enclosed'] else ', open at one end'}"),
        ("trained", f"{trained['steps']} steps; {recalibrated['accuracy']:.1f} % of the validation images"),
        ("test images", f"{right(recalibrated['net'], old.x_test, old.y_test):.1f} % right, looked at once, here"),
        ("diagnose", ", ".join(recalibrated["report"].names) or "nothing found"),
        ("recalibrated", _moved(recalibrated["moved"])),
        *(
            (f"new scanner, {name}", f"{value:.1f} % of its validation images")
            for name, value in adapted["accuracy"].items()
        ),
        ("new scanner, test images", f"{right(adapted['net'], new.x_test, new.y_test):.1f} % right"),
        ("old images afterwards", f"{adapted['kept']:.1f} % of the validation images"),
        ("folded", f"outputs off by {folded['apart']:.1e} of the largest, float64"),
        ("ONNX, onnxruntime", _onnx(exported["apart"])),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    against = "\n".join(
        f"| {row['against']} | {results.spread(row['mean'], row['low'], row['high'])} | {row['verdict']} |"
        for row in decided["rows"].to_dict("records")
    )
    return PAGE.format(
        first=FIRST_LINE, why=f"\n{why}\n" if why else "", table=table, norm=norm, against=against,
        seeds=measured["seeds"], steps=measured["steps"], margin=decided["margin"], torch=torch.__version__,
    )  # fmt: skip


def _moved(moved):
    return "no running statistics" if moved is None else f"running means moved by up to {moved:.2g} sd"


def _onnx(apart):
    return "not run: onnxruntime was not installed" if apart is None else f"off by {apart:.1e} of the largest, float32"


PAGE = """{first}
{why}
| | |
|---|---|
{table}

The choice: {norm} minus each of the others, in points of validation accuracy after {steps} steps, {seeds} seeds, \
Student-t intervals, paired by seed; differences within {margin:g} are none. Verdicts hold for all rows together \
(Holm), so an interval without 0 may be unsettled.

| minus | points [95 % interval] | verdict |
|---|---|---|
{against}

These numbers hold for this net, these images and this number of steps.
Written with bnbook, a course on Batch Normalization; torch {torch}.
"""
