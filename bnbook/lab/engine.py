"""Many training runs at once: what every experiment is made of."""

from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from tqdm.auto import tqdm

from bnbook import nets, train

from .results import Kept, jsonable


@dataclass(frozen=True)
class Setting:
    """Everything that decides one training run: vary it with dataclasses.replace.

    net, norm, width, init, depth, activation, noise   the network, see `nets` (the cnn has no depth, activation, noise)
    ghost          with norm 'batch': how many images are normalized together, if not the whole batch
    standardized   one `nets.standardize_start` on the first 500 training images, before the first step
    trainable      'all'; 'norm': only the scales and shifts of the normalizations; 'head': only the last layer; 'few':
                   only two random incoming weights of each hidden unit (held by `run_all`, not by `build`)
    lr, batch_size, steps, momentum, weight_decay, clip, label_noise   the training, see `train.fit_all`
    together       neighbours in the training set make a batch: only the order of the batches is shuffled
    hidden_lr      learning rate of the weights in front of a hidden unit, if it is another
    sphere         after each step every hidden unit's weights get back the length they had before the first
    schedule, whole_set   the training as well, see `train.fit_all`
    after, dropout   the cnn, see `nets.cnn`
    images         None: train on data's training images. A number: each seed has its own training images (that many),
                   validation and test images, dealt from all there are, see `own_split`; measured are all three parts
    every          test accuracy is measured at step 0 and at each multiple of this
    seed           of the weights, the noise and the batches; arms that share a seed are paired
    """

    net: str = "cnn"
    norm: str = "batch"
    width: int = 8
    init: str | float = "he"
    depth: int = 3
    activation: str = "relu"
    noise: float = 0.0
    ghost: int | None = None
    standardized: bool = False
    trainable: str = "all"
    lr: float = 0.2
    hidden_lr: float | None = None
    batch_size: int = 64
    steps: int = 120
    together: bool = False
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip: float | None = None
    label_noise: float = 0.0
    sphere: bool = False
    schedule: str = "constant"
    whole_set: bool = False
    after: bool = False
    dropout: float = 0.0
    images: int | None = None
    every: int = 10
    seed: int = 0


# What may differ between nets that are trained together; the rest decides shapes and the order of operations.
_FREE = {"lr": 1.0, "hidden_lr": None, "weight_decay": 0.0, "init": "he", "standardized": False, "seed": 0}


def build(setting, data):
    """The untrained net of a Setting, for the images of data.

    Raises ValueError for an unknown net, and what `nets` refuses.
    """
    given = {"norm": setting.norm, "width": setting.width, "init": setting.init, "seed": setting.seed}
    given |= {"shape": data.x_train.shape[1:], "classes": data.classes}
    if setting.ghost is not None:
        given["ghost"] = setting.ghost  # refused by nets that know no ghost batches
    deep = {"depth": setting.depth, "activation": setting.activation}
    if setting.net == "cnn":
        net = nets.cnn(**given, after=setting.after, dropout=setting.dropout)
    elif setting.net == "mlp":
        net = nets.mlp(**given, **deep, noise=setting.noise)
    elif setting.net == "residual":
        net = nets.residual(**given, **deep)
    else:
        raise ValueError(f"net is {setting.net!r}; it must be one of 'cnn', 'mlp', 'residual'")
    if setting.standardized:
        nets.standardize_start(net, tensors(data, "cpu")[0][:500])
    return _only(net, setting.trainable)


def _only(net, trainable):
    """net, with those parameters frozen that are not to be trained."""
    if trainable == "norm":
        nets.train_only_norms(net)
    elif trainable in ("head", "few"):
        for name, parameter in net.named_parameters():
            head = name.startswith("linear.")
            parameter.requires_grad_(head if trainable == "head" else parameter.dim() > 1 and not head)
    elif trainable != "all":
        raise ValueError(f"trainable is {trainable!r}; it must be one of 'all', 'norm', 'head', 'few'")
    return net


def run(setting, data, device="cpu"):
    """One training run: `run_all` for a single Setting."""
    return run_all([setting], data, device)[0]


class Moment(NamedTuple):
    """What a watch function sees: a stack of nets in training, before a step.

    net       nets.Stack of P members; it may be evaluated and change its mode, not its parameters
    step      steps done
    x, y      the batch of the next step, (P, batch_size, ...) and (P, batch_size); None after the last
    settings  of the members, in order
    """

    net: nets.Stack
    step: int
    x: torch.Tensor | None
    y: torch.Tensor | None
    settings: list


def run_all(settings, data, device="cpu", progress=False, watch=None, keep=None, dtype=torch.float64, together=24):
    """Train a grid of settings, those that share a shape together as one batched model; results in the same order.

    settings  Settings; what may differ within one model: lr, hidden_lr, weight_decay, init, standardized, seed
    data      data.Data; its images are shifted and scaled to mean 0, variance 1 over the training set (He
              initialization assumes it, and without it the net without normalization looks worse than it is)
    progress  show a bar; off by default, because a bar in a stored output differs at every execution
    watch     called as watch(moment) before the first step and after each; may return a dict, name to (P, ...)
    keep      a file: each finished group is written there, and found again by the same call after an interruption
    dtype     torch.float64, or torch.float32, which is twice as fast and gives other digits on another machine
    together  nets in one model at most: with more, their arrays leave the core's cache
    Returns a list of dicts: setting (a dict), step and test_accuracy (lists), train_loss (over the whole training set
    at the end, in evaluation mode; None if not finite), diverged (bool), and watched (step, and the values of each
    name), if watch returned anything. A run that diverges disturbs no other and raises nothing.
    Raises ValueError for what `build` and `train.fit_all` refuse.
    """
    settings = list(settings)
    kept = Kept(keep, data, device, dtype, watch)
    results = {position: kept.runs[key] for position, key in enumerate(map(kept.key, settings)) if key in kept.runs}
    done = sum(settings[position].steps for position in results)
    total, off = sum(setting.steps for setting in settings), None if progress else True
    bar = tqdm(total=total, initial=done, unit="step", unit_scale=True, disable=off)  # runs come 24 at a time: no guess
    parts = [part.to(dtype) if part.is_floating_point() else part for part in tensors(data, device)]
    missing = [position for position in range(len(settings)) if position not in results]
    for group in _groups(settings, missing, together if torch.device(device).type == "cpu" else 8 * together):
        runs = _train_together([settings[position] for position in group], data, parts, watch, bar.update)
        kept.add(runs)
        results |= dict(zip(group, runs, strict=True))
    bar.close()
    return [results[position] for position in range(len(settings))]


def _groups(settings, positions, together):
    """Lists of positions whose settings can be trained as one model."""
    groups = {}
    for position in positions:
        groups.setdefault(replace(settings[position], **_FREE), []).append(position)
    return [group[i : i + together] for group in groups.values() for i in range(0, len(group), together)]


def _train_together(settings, data, parts, watch, advance):
    """Runs of settings that share a shape; advance is told how many steps have been taken since it was last called."""
    x_train, y_train, x_test, y_test = parts
    first, watched, steps, accuracies = settings[0], {"step": []}, [], []
    net = nets.Stack([build(setting, data) for setting in settings]).to(x_train)
    pool, scores = None, []
    if first.images is not None:
        x_train, y_train, split = pooled(data, settings, x_train)
        pool = split["train"]

    def measure(net, step, x, y):
        advance(len(settings) * (step > 0))
        if step % first.every == 0:
            steps.append(step)
            if pool is None:
                accuracies.append(train.evaluate_all(net, x_test, y_test)[1])
            else:
                scores.append(_scores(net, x_train, y_train, split))
                accuracies.append(scores[-1]["test_accuracy"])
        found = watch(Moment(net, step, x, y, settings)) if watch is not None else None
        if found:
            watched["step"].append(step)
            for name, values in found.items():
                watched.setdefault(name, []).append(np.asarray(torch.as_tensor(values).cpu(), dtype=float))

    train.fit_all(
        net=net,
        x=x_train,
        y=y_train,
        lr=_rates(net, settings),
        batch_size=first.batch_size,
        steps=first.steps,
        seeds=[setting.seed for setting in settings],
        momentum=first.momentum,
        weight_decay=[setting.weight_decay for setting in settings],
        clip=first.clip,
        label_noise=first.label_noise,
        watch=measure,
        after_step=_after_step(net, settings),
        order=_neighbours(settings, len(x_train)) if first.together else None,
        pool=pool,
        schedule=first.schedule,
        whole_set=first.whole_set,
    )
    if pool is None:
        losses, _ = train.evaluate_all(net, x_train, y_train)
    else:
        losses = _scores(net, x_train, y_train, split)["train_losses"]
    runs = []
    for i, setting in enumerate(settings):
        found = {
            "setting": asdict(setting),
            "step": steps,
            "test_accuracy": [float(a[i]) for a in accuracies],
            "train_loss": float(losses[i]) if np.isfinite(losses[i]) else None,
            "diverged": train.diverged(losses[i], data.classes),
        }
        for name in ("val_accuracy", "train_accuracy", "train_losses") if scores else ():
            found[name] = [jsonable(score[name][i]) for score in scores]
        if watched["step"]:
            values = {name: [jsonable(v[i]) for v in list_] for name, list_ in watched.items() if name != "step"}
            found["watched"] = {"step": watched["step"], **values}
        runs.append(found)
    return runs


def own_split(y, images, val, test, seed):
    """Which of all images a seed trains, validates and tests on: every class has its share of each part.

    y       (N,)  labels of all the images
    images, val, test   how many of each
    seed    which
    Returns a dict: 'train', 'val', 'test' to indices, none in two of them.
    Raises ValueError if there are fewer images than asked for.
    """
    if images + val + test > len(y):
        raise ValueError(f"{images} + {val} + {test} images are asked for, and there are {len(y)}; ask for fewer")
    order = np.random.default_rng(seed).permutation(len(y))
    place = np.empty(len(y))
    for label in np.unique(y):
        members = y[order] == label
        place[members] = (np.arange(members.sum()) + 0.5) / members.sum()
    order = order[np.argsort(place, kind="stable")]  # the classes are dealt evenly, from the front to the back
    return {"test": order[:test], "val": order[test : test + val], "train": order[test + val :][:images]}


def pooled(data, settings, like):
    """All the images of data, shifted and scaled as in training, their labels, and each setting's split (P, ...)."""
    mean, sd = data.x_train.mean(), data.x_train.std()
    x = torch.as_tensor((np.concatenate(data[::2]) - mean) / sd).to(like)
    y = np.concatenate(data[1::2])
    splits = [own_split(y, setting.images, len(data.y_val), len(data.y_test), setting.seed) for setting in settings]
    split = {part: torch.as_tensor(np.stack([s[part] for s in splits]), device=like.device) for part in splits[0]}
    return x, torch.as_tensor(y, device=like.device), split


@torch.no_grad()
def _scores(net, x, y, split):
    """Accuracies and the training loss of each member on its own parts: name to (P,)."""
    net.eval()
    logits = net(x)
    net.train()
    labels = y.expand(logits.shape[:2])
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none").double()
    right = (logits.argmax(-1) == labels).double()
    found = {f"{part}_accuracy": right.gather(1, index).mean(1) for part, index in split.items()}
    found["train_losses"] = losses.gather(1, split["train"]).mean(1)
    return {name: values.cpu().numpy() for name, values in found.items()}


def hidden_weights(net):
    """Names of the weights in front of hidden units: all matrices and filters but those of the last layer."""
    return [name for name, p in net.named_parameters() if p.dim() >= 3 and name != "linear.weight"]  # 3: with P


def _rates(net, settings):
    hidden = set(hidden_weights(net))
    usual = [setting.lr for setting in settings]
    special = [setting.lr if setting.hidden_lr is None else setting.hidden_lr for setting in settings]
    return lambda name: special if name in hidden else usual


def _neighbours(settings, n):
    """Batches of consecutive training images, shuffled for each member: (P, steps, batch_size)."""
    size, steps = settings[0].batch_size, settings[0].steps
    first = [size * train.batch_order(n // size, 1, steps, setting.seed) for setting in settings]
    return np.stack(first) + np.arange(size)


def _after_step(net, settings):
    """What the settings ask to be put right after each step, or None."""
    if settings[0].trainable == "few":
        return _few(net, settings)
    return _sphere(net) if settings[0].sphere else None


def _few(net, settings):
    """A function that gives all incoming weights of each hidden unit their first value back, but for two of them."""
    generators = [torch.Generator().manual_seed(1_000_000 + setting.seed) for setting in settings]
    held = {}
    for name in hidden_weights(net):
        weight = net.get_parameter(name).detach()
        random = torch.stack([torch.rand(weight[0].shape, generator=generator) for generator in generators])
        chosen = random.flatten(2).argsort(2)[..., :2]  # (P, units, 2)
        free = torch.zeros(chosen.shape[:2] + (weight[0, 0].numel(),), dtype=bool).scatter(2, chosen, True)
        held[name] = free.view(weight.shape).to(weight.device), weight.clone()

    def restore(net):
        for name, (free, start) in held.items():
            weight = net.get_parameter(name)
            weight.copy_(torch.where(free, weight, start))

    return restore


def _sphere(net):
    """A function that gives each hidden unit's weights back the length that they have now."""
    lengths = {name: _lengths(net.get_parameter(name)).clone() for name in hidden_weights(net)}

    def project(net):
        for name, length in lengths.items():
            weight = net.get_parameter(name)
            weight.mul_(length / _lengths(weight))

    return project


def _lengths(weight):
    """Length of each unit's weights, (P, units, 1, ...)."""
    length = weight.detach().flatten(2).norm(dim=2)
    return length.view(*length.shape, *(1,) * (weight.dim() - 2))


def tensors(data, device):
    """Training and test part as float64 tensors, shifted and scaled by one mean and one sd of the training images."""
    mean, sd = data.x_train.mean(), data.x_train.std()
    x_train, x_test = (torch.as_tensor((x - mean) / sd, device=device) for x in (data.x_train, data.x_test))
    y_train, y_test = (torch.as_tensor(y, device=device) for y in (data.y_train, data.y_test))
    return x_train, y_train, x_test, y_test
