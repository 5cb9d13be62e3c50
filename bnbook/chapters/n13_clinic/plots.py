"""The drawings of notebook 13: what the owners of a few patients logged, as curves and as a table."""

import matplotlib.pyplot as plt

LOOKS = (
    {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    {"color": "#D55E00", "linestyle": (0, (4, 1.5)), "marker": "s"},
    {"color": "#009E73", "linestyle": (0, (1, 1)), "marker": "^"},
)
SHOWN = (10, 50, 90, 120)  # steps in the table


def curves(patients):
    """Training loss and validation accuracy as logged.

    patients   {name: Patient}, three at most
    Returns axes (an array of 2), text: how each ends, and the table of `logged`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.0), sharex=True)
    for (name, found), look in zip(patients.items(), LOOKS, strict=False):
        axes[0].plot(found.log["step"], found.log["training loss"], label=name, markersize=4, **look)
        axes[1].plot(found.log["step"], found.log["validation"], label=name, markersize=4, **look)
    lowest = min(min(found.log["validation"]) for found in patients.values())
    axes[0].set(title="Loss of the training batch", xlabel="step", ylabel="cross-entropy (nats)", yscale="log")
    axes[1].set(
        title="Validation, as its owner measured it", xlabel="step", ylabel="right (%)", ylim=(10 * (lowest // 10), 101)
    )
    axes[1].legend(loc="lower right")
    ends = (
        f"{name}: loss {found.log['training loss'][-1]:.2f}, {found.log['validation'][-1]:.0f} % right"
        for name, found in patients.items()
    )
    first = f"Training loss and validation accuracy over the steps. At the end {'; '.join(ends)}."
    return axes, f"{first}\n\n{logged(patients)}"


def logged(patients):
    """The same as a table: per patient, loss and accuracy at four steps.

    patients   {name: Patient}
    """
    width = max(map(len, patients))
    lines = [f"{'':{width}}  training loss / validation (%) at step " + " ".join(f"{step:>10}" for step in SHOWN)]
    for name, found in patients.items():
        rows = dict(
            zip(found.log["step"], zip(found.log["training loss"], found.log["validation"], strict=True), strict=True)
        )
        values = " ".join(f"{loss:>5.2f} /{hits:3.0f}" for loss, hits in (rows[step] for step in SHOWN))
        lines.append(f"{name:{width}}  {'':38} {values}")
    return "\n".join(lines)
