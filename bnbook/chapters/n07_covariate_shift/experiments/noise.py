"""The experiment of notebook 07 that puts the shift back in: noise in front of every activation."""

from bnbook.lab.engine import tensors
from bnbook.lab.results import versions

from .cases import CASES, over_cases, tabled
from .drift import drift_since


def noisy_batch_norm(
    data, seeds=20, cases=("ReLU, He, 0.1", "ReLU, default, 0.1", "sigmoid, gain 1, 0.5"),
    arms=("none", "none_noisy", "start", "start_noisy", "batch", "noisy", "noisier"), steps=450, device="cpu",
    progress=False, keep=None,
):  # fmt: skip
    """Does a net still train fast if noise shifts what every layer gets, anew at each step?

    data   data.Data
    cases  names in CASES
    arms   names in ARMS; 'noisy' is BatchNorm with `nets.Noise` of level 1 behind it, 'noisier' of level 2;
           'none_noisy' and 'start_noisy' are the nets 'none' and 'start' with the noise of level 1 at the same place
    steps  of training
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, steps, cases, and table (case, arm, seed, step, measure, value):
    test_accuracy at every tenth of the first 100 steps and every fiftieth after that, steps_to_90, and up to step 200
    what `input_drift` measures, in training mode.
    Source: Santurkar et al. 2018, section 2.1.
    """
    watch = drift_since(tensors(data, device)[0][:500], until=200)
    settings = {case: CASES[case] for case in cases}
    found = over_cases(data, settings, arms, seeds, watch, device, progress, keep, {"steps": steps})
    return {
        "experiment": "noisy_batch_norm",
        "versions": versions(),
        "seeds": seeds,
        "steps": steps,
        "cases": list(cases),
        "table": tabled(*found, curve=lambda step: step % (10 if step < 100 else 50) == 0),
    }
