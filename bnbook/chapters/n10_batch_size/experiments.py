"""The experiments of notebook 10."""

import copy
from dataclasses import replace

import numpy as np
import torch

from bnbook import nets, train
from bnbook.lab import results
from bnbook.lab.engine import Setting, build, run_all, tensors
from bnbook.lab.results import interval, versions

from .functions import accumulated_gradient

evidence = results.shelf(__file__)

MLP, CNN = Setting(net="mlp", width=64, depth=3), Setting(net="cnn", width=8)
NETS = {"mlp": MLP, "cnn": CNN}
NORMS = ("none", "layer", "group", "batch")
GRID = {  # by net; the cnn needs fewer steps, and far more arithmetic for each
    "mlp": {"norms": (*NORMS, "renorm"), "sizes": (2, 4, 8, 16, 64, 256), "passes": 10, "least": 300},
    "cnn": {"norms": NORMS, "sizes": (2, 4, 16, 64, 256), "passes": 10, "least": 120, "tuning_seeds": 3},
}
FIRST_TUNING_SEED = 100  # seeds that choose a rate are never among those that are reported


# --- how wrong the statistics are ------------------------------------------------------------------------------------


def outputs_by_batch(data, sizes=(2, 4, 8, 32, 256), images=400, seed=0):
    """What BatchNorm makes of the same numbers, the ink of each image, in shuffled batches of several sizes.

    data    data.Data; ink is the sum of an image's pixels
    sizes   images in a batch
    images  training images to take, cut to a multiple of each size
    seed    of the shuffles
    Returns a dict: experiment, versions, sizes, x and x_hat (one list per size: ink in standard deviations from the
    mean of all images, and what the batch makes of it), explained (one per size: share of the variance of x_hat that
    follows from x by a straight line, the squared correlation).
    """
    ink = data.x_train.sum((1, 2, 3))
    ink, rng = (ink - ink.mean()) / ink.std(), np.random.default_rng(seed)
    sizes = [size for size in sizes if size <= len(ink)]
    found = {"x": [], "x_hat": [], "explained": []}
    for size in sizes:
        number = max(min(images, len(ink)) // size, 1)
        batches = ink[rng.permutation(len(ink))[: number * size]].reshape(number, size)
        deviation = batches - batches.mean(1, keepdims=True)
        x_hat = deviation / np.sqrt(np.mean(deviation**2, 1, keepdims=True) + 1e-5)
        found["x"].append(batches.ravel().tolist())
        found["x_hat"].append(x_hat.ravel().tolist())
        found["explained"].append(float(np.corrcoef(batches.ravel(), x_hat.ravel())[0, 1] ** 2))
    return {"experiment": "outputs_by_batch", "versions": versions(), "sizes": list(sizes), **found}


def statistics_error(data, sizes=(2, 4, 8, 16, 32, 64, 128, 256), draws=400, seed=0, device="cpu"):
    """How far the mean and the variance of a batch are from those of all training images, by batch size.

    Measured on what the second normalization of a trained net gets, over all its channels. Batches are drawn with
    replacement, so that theory holds for them.

    data   data.Data
    sizes  N, images in a batch
    draws  batches per size
    seed   of the batches, the weights and the training
    Returns a dict: experiment, versions, sizes, layers ('mlp', one value per image and channel, and 'cnn', H * W), each
    with positions (values per image and channel), mean and var (one per size: root mean square over draws and channels
    of the error, of the mean in standard deviations, of the variance as a share of it), mean_theory (1 / sqrt(m), m =
    N * positions), var_theory (for m independent values with the kurtosis found), slope (of log error of the mean over
    log N), worth (how many independent values the positions of one image are worth: error^2 = 1 / (N * worth)).
    """
    x_train, y_train, *_ = tensors(data, device)
    rng, layers = np.random.default_rng(seed), {}
    for kind in ("mlp", "cnn"):
        setting = replace(NETS[kind], lr=0.2, steps=100, seed=seed)
        net = build(setting, data).to(device)
        train.fit(net, x_train, y_train, setting.lr, setting.batch_size, setting.steps, seed)
        z = _before(net.eval(), "norm2", x_train).cpu().numpy()
        z = z.reshape(*z.shape[:2], -1)  # (N, C, positions)
        layers[kind] = _errors(z[:, z.std((0, 2)) > 0], sizes, draws, rng)
    return {"experiment": "statistics_error", "versions": versions(), "sizes": list(sizes), "layers": layers}


@torch.no_grad()
def _before(net, name, x):
    """What the layer called name gets."""
    for child, layer in net.named_children():
        if child == name:
            return x
        x = layer(x)


def _errors(z, sizes, draws, rng):
    """One entry of `layers`, see `statistics_error`; z (N, C, positions)."""
    positions, mean, var = z.shape[2], z.mean((0, 2)), z.var((0, 2))
    kurtosis = np.mean((z - mean[:, None]) ** 4, (0, 2)) / var**2
    # Sums over positions and images are all that the statistics of a batch need.
    first, second = z.mean(2), (z**2).mean(2)
    found = {"positions": positions, "mean": [], "var": [], "mean_theory": [], "var_theory": []}
    for size in sizes:
        picked = rng.integers(len(z), size=(draws, size))
        means = first[picked].mean(1)
        variances = second[picked].mean(1) - means**2
        m = size * positions
        found["mean"].append(_rms((means - mean) / np.sqrt(var)))
        found["var"].append(_rms(variances / var - 1))
        found["mean_theory"].append(float(m**-0.5))
        # of the biased variance: bias 1/m, and variance of a sample variance
        found["var_theory"].append(_rms(np.sqrt((kurtosis - (m - 3) / (m - 1)) / m * ((m - 1) / m) ** 2 + 1 / m**2)))
    slope = np.polyfit(np.log(sizes), np.log(found["mean"]), 1)[0]
    worth = np.mean([1 / (n * error**2) for n, error in zip(sizes, found["mean"], strict=True)])
    return {**found, "slope": float(slope), "worth": float(worth)}


def _rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


# --- accuracy, each arm at its own rate ------------------------------------------------------------------------------


def batch_sizes(data, seeds=8, grid=GRID, device="cpu", progress=False, keep=None):
    """Test accuracy against batch size for several normalizations, each at the learning rate that suits it best.

    Every net of a kind sees each training image equally often, but makes `least` steps at least: otherwise large
    batches would lose by having fewer steps. The rate is chosen for each arm and size on the validation images, see
    `tuned`.

    data   data.Data
    seeds  runs per arm, 2 or more
    grid   {net: {norms, sizes, passes, least}}, and tuning_seeds if there are to be other than 5
    Returns a dict: experiment, versions, seeds, arms: what `tuned` returns for each net, norm and size.
    Minutes; an arm with the statistics of 2 images multiplies rounding errors, so its digits differ between machines.
    """
    arms = []
    for kind, given in grid.items():
        n = len(data.x_train)
        steps = {size: max(given["least"], given["passes"] * n // size) for size in given["sizes"] if size <= n}
        bases = [
            replace(NETS[kind], norm=norm, batch_size=size, steps=steps[size])
            for norm in given["norms"]
            for size in steps
        ]
        arms += tuned(bases, data, seeds, given.get("tuning_seeds", 5), device, progress, keep)
    return {"experiment": "batch_sizes", "versions": versions(), "seeds": seeds, "arms": arms}


def ghost_batches(
    data, seeds=8, batch_size=256, ghosts=(2, 4, 8, 16, 32, 64, 256), steps=300, device="cpu", progress=False, keep=None
):
    """Test accuracy of one batch size for the gradient and several sizes for the statistics, each at its best rate.

    data        data.Data
    seeds       runs per arm, 2 or more
    batch_size  images whose gradient is averaged; fewer if there are fewer
    ghosts      images that are normalized together; divisors of batch_size
    steps       of training
    Returns a dict: experiment, versions, seeds, batch_size, steps, arms: what `tuned` returns, for the fully connected
    net without normalization and for each size of the ghost batches.
    """
    batch_size = min(batch_size, _power_of_2(len(data.x_train)))
    ghosts = [ghost for ghost in ghosts if ghost <= batch_size]
    base = replace(MLP, batch_size=batch_size, steps=steps)
    bases = [replace(base, norm="none"), *(replace(base, ghost=ghost) for ghost in ghosts)]
    arms = tuned(bases, data, seeds, device=device, progress=progress, keep=keep)
    return {
        **{"experiment": "ghost_batches", "versions": versions(), "seeds": seeds, "batch_size": batch_size},
        **{"steps": steps, "ghosts": list(ghosts), "arms": arms},
    }


def _power_of_2(n):
    """The largest power of 2 that is not above n."""
    return 2 ** int(np.log2(n))


def tuned(bases, data, seeds, tuning_seeds=5, device="cpu", progress=False, keep=None):
    """Test accuracies of settings, each at the learning rate with the best accuracy on the validation images.

    The grid is six rates a factor of 2 apart, around 0.4 for batches of 32 or more and in proportion to smaller ones; a
    best rate at its edge makes it grow, by four rates at most. The seeds that choose the rate are not those that are
    reported.

    bases         Settings; lr and seed are of no account
    seeds         runs reported per Setting, 2 or more
    tuning_seeds  runs per rate
    Returns a list of dicts, one for each of the bases: net, norm, batch_size, ghost, steps, lr, rates (of the grid),
    validation (mean accuracy at each of them), at_edge (bool), accuracy (on the test images, one per seed), interval.
    Raises ValueError if seeds is below 2.
    """
    if seeds < 2:
        raise ValueError(f"seeds is {seeds}; an interval needs at least 2 runs per arm, better 5")
    how = {"device": device, "progress": progress, "keep": keep}
    bases = [replace(base, every=base.steps) for base in bases]
    validation = data._replace(x_test=data.x_val, y_test=data.y_val)
    chosen = [_best_rate(base, validation, tuning_seeds, how) for base in bases]
    settings = [
        replace(base, lr=lr, seed=seed) for base, (lr, *_) in zip(bases, chosen, strict=True) for seed in range(seeds)
    ]
    accuracies = [run["test_accuracy"][-1] for run in run_all(settings, data, **how)]
    arms = []
    for i, (base, (lr, rates, found)) in enumerate(zip(bases, chosen, strict=True)):
        own = accuracies[i * seeds : (i + 1) * seeds]
        arms.append(
            {
                **{name: getattr(base, name) for name in ("net", "norm", "batch_size", "ghost", "steps")},
                **{"lr": lr, "rates": rates, "validation": found, "at_edge": lr in (rates[0], rates[-1])},
                **{"accuracy": own, "interval": list(interval(own))},
            }
        )
    return arms


def again(arms, data, seeds=2, device="cpu", progress=False):
    """Train stored arms once more, at their stored rates.

    arms   some of the arms of `batch_sizes`, `ghost_batches` or `one_class`
    data   data.Data, the same as then
    seeds  how many of the stored seeds
    Returns a list of dicts, one per arm: stored, live (accuracies of these seeds), agrees (bool: the live mean lies
    within the range of all stored seeds, give or take a point).
    """
    found = []
    for arm in arms:
        given = {name: arm[name] for name in ("net", "norm", "batch_size", "ghost", "steps", "lr")}
        base = replace(NETS[arm["net"]], **given, every=arm["steps"], together="classes" in arm)
        dealt = _by_classes(data, arm["classes"], base.batch_size, base.steps) if base.together else data
        runs = run_all([replace(base, seed=seed) for seed in range(seeds)], dealt, device, progress)
        live = [run["test_accuracy"][-1] for run in runs]
        agrees = min(arm["accuracy"]) - 0.01 <= np.mean(live) <= max(arm["accuracy"]) + 0.01
        found.append({"stored": arm["accuracy"][:seeds], "live": live, "agrees": bool(agrees)})
    return found


def _best_rate(base, validation, seeds, how):
    """Best rate, all rates tried in order, and the mean validation accuracy at each."""
    centre, found = 0.4 * min(base.batch_size, 32) / 32, {}
    wanted = [centre * 2.0**power for power in range(-3, 3)]
    for _ in range(5):
        settings = [replace(base, lr=lr, seed=FIRST_TUNING_SEED + seed) for lr in wanted for seed in range(seeds)]
        accuracies = np.reshape([run["test_accuracy"][-1] for run in run_all(settings, validation, **how)], (-1, seeds))
        found |= dict(zip(wanted, accuracies.mean(1).tolist(), strict=True))
        best = max(sorted(found), key=found.get)  # the smallest of equals
        wanted = [best / 2] if best == min(found) else [best * 2] if best == max(found) else []
        if not wanted:
            break
    rates = sorted(found)
    return best, rates, [found[rate] for rate in rates]


# --- which images share a batch --------------------------------------------------------------------------------------


def one_class(
    data, seeds=8, classes=(1, 2, 5), norms=("none", "layer", "batch", "renorm"), batch_size=32, steps=400,
    tuning_seeds=5, device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Test accuracy after training with few classes in each batch, each arm at its best rate.

    data        data.Data
    seeds       runs per arm, 2 or more
    classes     how many classes are in a batch: 2 are 0 and 1, then 1 and 2, and so on; the test images are all
    norms       normalizations of the fully connected net
    batch_size, steps, tuning_seeds   of the training, see `tuned`
    Returns a dict: experiment, versions, seeds, classes, batch_size, steps, guessing, arms: what `tuned` returns for
    each norm, with 'classes' added.
    """
    arms = []
    for number in classes:
        dealt = _by_classes(data, number, batch_size, steps)
        bases = [replace(MLP, norm=norm, batch_size=batch_size, steps=steps, together=True) for norm in norms]
        for arm in tuned(bases, dealt, seeds, tuning_seeds, device, progress, keep):
            arms.append({"classes": number, **arm})
    return {
        **{"experiment": "one_class", "versions": versions(), "seeds": seeds, "classes": list(classes)},
        **{"batch_size": batch_size, "steps": steps, "guessing": 1 / data.classes, "arms": arms},
    }


def _by_classes(data, number, batch_size, batches):
    """data whose training images are batches, one after the other, each of `number` classes only."""
    rng, picked = np.random.default_rng(0), []
    for batch in range(batches):
        chosen = (np.arange(number) + batch) % data.classes  # in turn, so that all are seen equally often
        pool = np.flatnonzero(np.isin(data.y_train, chosen))
        picked.append(rng.choice(pool, batch_size, replace=len(pool) < batch_size))
    picked = np.concatenate(picked)
    return data._replace(x_train=data.x_train[picked], y_train=data.y_train[picked])


def shared_nuisance(
    data, seeds=5, norms=("none", "batch"), batch_size=32, steps=300, tuning_seeds=3,
    device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Training images come in sessions, each with a contrast and a brightness of its own; what if a batch is a session?

        x <- contrast * x + brightness        contrast log-uniform from 1/3 to 3, brightness uniform within 0.5

    The same images are trained on in two ways: each batch a session, and shuffled, so that a batch has all kinds. The
    test images come in such sessions as well, new ones. Every arm has its best rate for evaluation mode.

    data        data.Data
    seeds       runs per arm, 2 or more
    norms       normalizations of the fully connected net
    batch_size  images in a session, in training and in test
    steps, tuning_seeds   of the training, see `tuned`; there are as many sessions as steps
    Returns a dict: experiment, versions, seeds, batch_size, steps, arms: what `tuned` returns for each norm, with
    together (bool: each batch is a session) and in_training_mode (test accuracy by the statistics of each test
    session, one per seed).
    """
    rng = np.random.default_rng(0)
    x, y = _sessions(data.x_train, data.y_train, batch_size, steps, rng)
    x_val, y_val = _sessions(data.x_val, data.y_val, batch_size, -(-len(data.x_val) // batch_size), rng)
    x_test, y_test = _sessions(data.x_test, data.y_test, batch_size, -(-len(data.x_test) // batch_size), rng)
    sessions = type(data)(x, y, x_val, y_val, x_test, y_test)
    arms = []
    for together in (True, False):
        bases = [replace(MLP, norm=norm, batch_size=batch_size, steps=steps, together=together) for norm in norms]
        for base, arm in zip(bases, tuned(bases, sessions, seeds, tuning_seeds, device, progress, keep), strict=True):
            again = [replace(base, lr=arm["lr"], every=steps, seed=seed) for seed in range(seeds)]
            found = run_all(again, sessions, device, watch=_in_training_mode(sessions, device))
            own = [run["watched"]["accuracy"][-1] for run in found]
            arms.append({"together": together, **arm, "in_training_mode": own})
    return {
        **{"experiment": "shared_nuisance", "versions": versions(), "seeds": seeds, "batch_size": batch_size},
        **{"steps": steps, "arms": arms},
    }


def _sessions(x, y, size, number, rng):
    """`number` sessions of `size` images each, drawn anew for each: x, y."""
    picked = np.concatenate([rng.choice(len(x), size, replace=len(x) < size) for _ in range(number)])
    contrast = 3 ** rng.uniform(-1, 1, number).repeat(size)[:, None, None, None]
    brightness = rng.uniform(-0.5, 0.5, number).repeat(size)[:, None, None, None]
    return contrast * x[picked] + brightness, y[picked]


def _in_training_mode(sessions, device):
    """A watch function: test accuracy by the statistics of each session, after the last step."""
    *_, x_test, y_test = tensors(sessions, device)

    @torch.no_grad()
    def watch(moment):
        if moment.x is not None:
            return None
        size = moment.settings[0].batch_size
        net = copy.deepcopy(moment.net).train()
        logits = torch.cat([net(part) for part in x_test.split(size)], 1)
        return {"accuracy": (logits.argmax(2) == y_test).double().mean(1)}

    return watch


# --- many small batches for one step ---------------------------------------------------------------------------------


def accumulation(
    data, seeds=5, norms=("none", "layer", "group", "batch"), batch_size=64, sizes=(32, 16, 8, 4, 2), device="cpu"
):
    """How far the gradient accumulated over micro-batches is from that of the whole batch.

        error = |accumulated - whole| / |whole|        over all parameters of a net that was trained for 50 steps

    data        data.Data
    seeds       nets per arm
    norms       normalizations, of the fully connected net and of the cnn
    batch_size  images of the whole batch, the first test images; fewer if there are fewer
    sizes       images in a micro-batch, divisors of batch_size
    Returns a dict: experiment, versions, seeds, batch_size, sizes, arms (per net and norm: error, one list per size,
    one number per seed), from_ghosts (for BatchNorm in the fully connected net, one list per size: distance of the
    accumulated gradient from that of ghost batches of this size, in the same units).
    """
    x_train, y_train, x_test, y_test = tensors(data, device)
    batch_size = min(batch_size, _power_of_2(len(y_test)))
    sizes = [size for size in sizes if size <= batch_size]
    x, y = x_test[:batch_size], y_test[:batch_size]
    arms, ghosts = [], []
    for kind, norm in [(kind, norm) for kind in ("mlp", "cnn") for norm in norms]:
        base = replace(NETS[kind], norm=norm)
        trained = nets.Stack([build(replace(base, seed=seed), data) for seed in range(seeds)]).to(x)
        train.fit_all(trained, x_train, y_train, 0.1, steps=50, seeds=list(range(seeds)))
        whole, gradient = _gradient(trained)(x, y), _gradient(trained)
        accumulated = [accumulated_gradient(gradient, x, y, size) for size in sizes]
        arms.append({"net": kind, "norm": norm, "error": [_distance(g, whole) for g in accumulated]})
        if (kind, norm) == ("mlp", "batch"):
            for size, g in zip(sizes, accumulated, strict=True):
                ghost = nets.Stack([build(replace(base, ghost=size, seed=seed), data) for seed in range(seeds)]).to(x)
                ghost.load_state_dict(trained.state_dict())
                ghosts.append(_distance(g, _gradient(ghost)(x, y)))
    return {
        **{"experiment": "accumulation", "versions": versions(), "seeds": seeds, "batch_size": batch_size},
        **{"sizes": list(sizes), "arms": arms, "from_ghosts": ghosts},
    }


def _gradient(stack):
    """A function: a batch x, y to the gradients of the mean loss of each member of a stack, (P, parameters)."""

    def gradient(x, y):
        loss = train.per_member_loss(stack.train()(x), y).sum()
        return torch.cat([g.flatten(1) for g in torch.autograd.grad(loss, list(stack.parameters()))], 1)

    return gradient


def _distance(a, b):
    """|a - b| / |b| for each member: a list."""
    return ((a - b).norm(dim=1) / b.norm(dim=1)).tolist()


# --- a trained net, new images, little memory ------------------------------------------------------------------------


def fine_tuning(
    data, seeds=8, sizes=(2, 4, 8, 16), rates=(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64), images=100, passes=10,
    device="cpu",
):  # fmt: skip
    """Test accuracy after fine-tuning a net with BatchNorm on few images of a new kind, its BatchNorm frozen or not.

    The net was trained on the images as they are, in batches of 64; the new ones are their mirror images. Each arm has
    its best rate on mirrored validation images.

    data    data.Data
    seeds   runs per arm, 2 or more: other weights, other batches
    sizes   images in a batch of the fine-tuning
    rates   learning rates to choose from
    images  training images of the new kind
    passes  over them
    Returns a dict: experiment, versions, seeds, sizes, images, passes, before and arms (per size and frozen: lr,
    at_edge, interval of the mean of new), each with new and old (accuracies on mirrored and on usual test images, one
    per seed), and differences (per size: frozen minus not frozen on new, mean and interval).
    BatchNorm in training mode with 2 or 4 images multiplies rounding errors: such digits differ between machines.
    """
    x_train, y_train, x_test, y_test = tensors(data, device)
    _, _, x_val, y_val = tensors(data._replace(x_test=data.x_val, y_test=data.y_val), device)
    members, steps = list(range(seeds)), {size: passes * images // size for size in sizes}
    trained = nets.Stack([build(replace(MLP, seed=seed), data) for seed in members]).to(x_train)
    train.fit_all(trained, x_train, y_train, 0.3, 64, 300, members)

    def accuracies(net):
        parts = {"new": x_test.flip(-1), "old": x_test}
        return {name: train.evaluate_all(net, x, y_test)[1].tolist() for name, x in parts.items()}

    def tuned_further(size, frozen, lr):
        net = copy.deepcopy(trained)
        if frozen:
            nets.freeze_batch_norms(net)
        train.fit_all(net, x_train[:images].flip(-1), y_train[:images], lr, size, steps[size], members)
        return train.evaluate_all(net, x_val.flip(-1), y_val)[1].mean(), accuracies(net)

    arms, differences = [], []
    for size in sizes:
        for frozen in (False, True):
            tried = [tuned_further(size, frozen, lr) for lr in rates]
            best = int(np.argmax([validation for validation, _ in tried]))
            arm = {"size": size, "frozen": frozen, "lr": rates[best], "at_edge": best in (0, len(rates) - 1)}
            arms.append({**arm, **tried[best][1], "interval": list(interval(tried[best][1]["new"]))})
        paired = np.subtract(arms[-1]["new"], arms[-2]["new"])
        differences.append({"size": size, "mean": float(paired.mean()), "interval": list(interval(paired))})
    return {
        **{"experiment": "fine_tuning", "versions": versions(), "seeds": seeds, "sizes": list(sizes)},
        **{"images": images, "passes": passes, "before": accuracies(trained), "arms": arms},
        "differences": differences,
    }
