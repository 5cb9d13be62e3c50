"""From a model and its batches to a record: which passes are made, and what is kept of them.

Per batch: one forward pass as in training (what the running statistics track), and in evaluation one with the
statistics as they are, one with recalibrated ones, one by the batch. On the first batch also forward and backward with
a loss. In evaluation only BatchNorm layers switch: dropout and noise stay off. No activation outlives its pass.
"""

import contextlib

import torch
from tqdm.auto import tqdm

from . import forward, homemade, loaders, moments, sites, structure
from .gaps import Gaps
from .guard import spare_buffers, untouched
from .record import ModelRecord
from .watch import Pass, Watch, disable_sync, tracing

NOTHING_GAINED = 1e-12  # eps for "without eps": F.batch_norm wants a positive one


def examine(
    model, loader=None, *, eval_loader=None, loss=None, optimizer=None, device=None, batches=8, forward_with=None
):
    """The ModelRecord of a model, which is left as it was; arguments as in `diagnose`."""
    root, prefix, wrappers = forward.unwrap(model)
    if isinstance(root, torch.jit.ScriptModule):
        raise ValueError("diagnose cannot look into TorchScript; give it the nn.Module that was scripted or traced")
    record = ModelRecord(training=root.training, wrappers=wrappers)
    if loader is None:
        found = sites.find(root, prefix)
        structure.note_flags(record, root, found, optimizer)
        structure.note_neighbours(record, root, prefix)
        return record
    with untouched(root, sources=(loader, eval_loader)), _eagerly():
        if device is not None:  # else a model that spans several devices stays so
            root.to(device)
        device = forward.device_of(root, device)
        Examination(record, root, prefix, device, loss, forward_with).run(loader, eval_loader, batches, optimizer)
    return record


def _eagerly():
    """Submodules compiled on their own run as they are written, so that hooks neither recompile nor get lost."""
    set_stance = getattr(torch.compiler, "set_stance", None)
    return set_stance("force_eager") if set_stance else contextlib.nullcontext()


class Examination:
    """One run of `examine` with data; the model's state is restored by whoever calls it."""

    def __init__(self, record, root, prefix, device, loss, forward_with):
        self.record, self.root, self.loss, self.forward = record, root, loss, forward_with
        self.modes = {module: module.training for module in root.modules()}
        self.as_given = root.training
        self.prefix, self.device = prefix, device
        spare_buffers(root)
        disable_sync(root)

    def run(self, loader, eval_loader, batches, optimizer):
        """Every pass, then the layers' records."""
        record = self.record
        record.last_batch = loaders.last_batch_of_one(loader)
        taken = forward.take(loader, batches, self.device)
        if not taken:
            raise ValueError(
                "diagnose got a loader without a single batch; pass one that yields batches, or none at all"
            )
        record.batch_size = moments.median([forward.size(batch) for batch in taken])
        record.regression = loaders.is_regression(self.loss, forward.target(taken[0]))
        self._give_shapes(taken[0])
        self.watch = Watch(self.root, self.prefix, sites.find(self.root, self.prefix))
        with tqdm(total=2 * len(taken) + 1, desc="diagnose", leave=False, disable=None, delay=5) as bar:
            with untouched(self.root):
                scout = self._scout(taken[0])
            homemade.find(self.watch, scout)
            structure.note_flags(record, self.root, self.watch.sites, optimizer)
            bar.update()
            # Without a BatchNorm there is nothing that batches could tell.
            any_batch_norm = any(site.family == "batch" for site in self.watch.sites)
            passes = [self._train(batch) for batch in taken if not bar.update()] if any_batch_norm else []
            self._layers(scout, passes)
            usable = [batch for batch, done in zip(taken, passes, strict=False) if done is not None]
            self._compare(usable, bar)
        record.batches = len(usable) if any_batch_norm else 1
        if eval_loader is not None:
            record.eval_shift = loaders.eval_shift(
                taken, forward.take(loaders.spread(eval_loader), batches, self.device)
            )

    # Modes

    def _as_in_training(self):
        """Modes as given if the model is in training mode, so that what is frozen stays so; else all by train()."""
        if self.as_given:
            for module, mode in self.modes.items():
                module.training = mode
            return
        self.root.train()
        for site in self.watch.sites:
            if sites.is_frozen(site, self.root):
                site.module.training = False

    def _in_evaluation(self, by_batch=False):
        """Evaluation mode; BatchNorm layers that learn their statistics normalize by the batch if asked to."""
        self._as_in_training()
        learning = [s for s in self.watch.sites if s.family == "batch" and s.module.training]
        self.root.eval()
        for site in learning if by_batch else ():
            if site.how != "functional":
                site.module.training = True

    # Passes

    def _give_shapes(self, batch):
        """Lazy layers take their shapes from a first pass, in evaluation mode so that no statistic moves."""
        if any(sites.lazy(t) for t in (*self.root.parameters(), *self.root.buffers())):
            self.root.eval()
            with torch.no_grad():
                forward.call(self.root, batch, self.forward)
            self.root.train(self.as_given)

    def _scout(self, batch):
        """One batch forward and backward as in training: calls, shapes, and who wrote what."""
        self._as_in_training()
        result = Pass(forward.size(batch), trace=tracing(forward.tensors(forward.inputs(batch))))
        projections = torch.Generator().manual_seed(0)
        with self.watch.during(result), torch.enable_grad(), self._one_value_is_no_crash(result):
            output = forward.call(self.root, batch, self.forward)
            result.output_ids = {id(t) for t in forward.tensors(output)}
            objective = forward.objective(output, batch, self.loss, projections)
            result.backward = True
            if objective is not None:
                objective.backward()
        final = getattr(result, "output_ids", set())
        result.is_output = {site for site, ys in result.out_ids.items() if any(id(y) in final for y in ys)}
        result.trace.tags.clear()
        result.out_ids.clear()
        return result

    def _train(self, batch):
        """One forward pass as in training: moments of what enters each norm; None where the batch is too small."""
        self._as_in_training()
        result = Pass(forward.size(batch), look=True)
        with self.watch.during(result), torch.no_grad(), self._one_value_is_no_crash(result):
            forward.call(self.root, batch, self.forward)
            return result
        return None

    @contextlib.contextmanager
    def _one_value_is_no_crash(self, result):
        """A norm that refuses a single value per channel is a finding; every other exception is the user's."""
        try:
            yield
        except ValueError:
            if not any(1 in values for values in result.values.values()):
                raise

    def _quietly(self, batch, by_batch, look=False, told=True):
        """(Pass, output) in evaluation; calls of F.batch_norm are told `by_batch`, or left as they are written."""
        self._in_evaluation(by_batch)
        result = Pass(forward.size(batch), look=look, look_out=True, training=by_batch if told else None)
        with self.watch.during(result), torch.no_grad(), self._one_value_is_no_crash(result):
            return result, forward.call(self.root, batch, self.forward)
        return result, None

    # What the passes say

    def _layers(self, scout, passes):
        self.pairs = list(zip(self.watch.sites, self.record.layers, strict=True))
        done = [p for p in passes if p is not None]
        for site, layer in self.pairs:
            structure.note_scout(site, layer, scout)
            if site.how == "functional":
                layer.training = scout.told.get(site, layer.training)
            values = [v for p in (done or [scout]) for v in p.values[site]]
            layer.values = moments.median(values) if site.family == "batch" else min(values, default=None)
            calls = [c for p in done for c in p.inputs[site]]
            if site.family != "batch" or not calls:
                continue
            layer.train = moments.pool(calls)
            if layer.calls and layer.calls > 1 and layer.train is not None:
                layer.per_call = _by_place(calls, layer.calls)
                layer.train = moments.of_places(layer.train, layer.per_call)
            first = next((p.paddings[site] for p in done if site in p.paddings), (0.0, 0.0))
            layer.padding, layer.padding_shift = first

    def _compare(self, taken, bar):
        """Outputs in evaluation with statistics as they are, recalibrated, by the batch, and without eps."""
        gaps, quiet, out, losses = Gaps(), {}, {}, []
        weak = [s for s, r in self.pairs if s.how == "module" and eps_dominates(r)]
        for batch in taken:
            self._load(recalibrated=False)
            plain, output = self._quietly(batch, False, told=False)
            self._note_evaluation(plain)
            as_is, before = self._rows(output, batch), self._loss(output, batch)
            by_batch, output = self._quietly(batch, True, look=True)
            own = self._rows(output, batch)
            bare = self._without_eps(batch, weak) if weak else None
            self._load(recalibrated=True)
            recalibrated, output = self._quietly(batch, False)
            gaps.add(self._rows(output, batch), as_is, own, bare)
            losses.append((before, self._loss(output, batch)))
            for site in self.watch.sites:
                quiet.setdefault(site, []).extend(by_batch.inputs[site])
                pair = out.setdefault(site, ([], []))
                pair[0].extend(by_batch.outputs[site])
                pair[1].extend(recalibrated.outputs[site])
            bar.update()
        self._load(recalibrated=False)
        gaps.note(self.record)
        if losses and None not in losses[0]:
            self.record.losses = tuple(sum(column) / len(losses) for column in zip(*losses, strict=True))
        self._note_outputs(quiet, out)
        if any(layer.family == "batch" and not layer.has_stats and layer.calls for layer in self.record.layers):
            self.record.companion_flips = self._flips(taken)

    def _note_outputs(self, quiet, out):
        for site, layer in self.pairs:
            layer.quiet = moments.pool(quiet[site]) if quiet.get(site) else None
            if layer.quiet is not None and layer.per_call:
                layer.quiet = moments.of_places(layer.quiet, _by_place(quiet[site], layer.calls))
            layer.out_train, layer.out_eval = (
                moments.pool(calls) if calls else None for calls in out.get(site, ([], []))
            )
        seen = [layer.quiet for layer in self.record.layers if layer.quiet is not None]
        self.record.loader_kinds = bool(seen) and max(seen, key=lambda data: data.between[3]).two_kinds

    def _rows(self, output, batch):
        return None if output is None else forward.rows(output, forward.size(batch))

    def _loss(self, output, batch):
        """The user's loss as a number, None without one."""
        if self.loss is None or output is None:
            return None
        with torch.no_grad():
            return float(torch.as_tensor(self.loss(output, forward.target(batch))).mean())

    def _note_evaluation(self, plain):
        for site, layer in self.pairs:
            if site.how == "functional" and site.original[0] is not None and plain.told.get(site):
                layer.measured["batch-in-evaluation"] = (1.0, 0.0, "")

    def _load(self, recalibrated):
        """Give every layer that learns its statistics those of the data, or its own again."""
        for site, layer in self.pairs:
            if site.original[0] is None or layer.train is None:
                continue
            learning = not sites.is_frozen(site, self.root) and (self.modes.get(site.module) or not self.as_given)
            mean, var = (layer.train.mean, layer.train.var) if recalibrated and learning else site.original
            site.write(mean, var)

    def _without_eps(self, batch, weak):
        kept = [site.module.eps for site in weak]
        for site in weak:
            site.module.eps = NOTHING_GAINED
        _, output = self._quietly(batch, True)
        for site, eps in zip(weak, kept, strict=True):
            site.module.eps = eps
        return self._rows(output, batch)

    def _flips(self, taken):
        """Share of predictions that other companions change: the first half of a batch with the second of the next."""
        full = [batch for batch in taken if forward.size(batch) == self.record.batch_size]
        answers = [forward.predictions(self._quietly(batch, False, told=False)[1]) for batch in full]
        half, changed, total = self.record.batch_size // 2, 0, 0
        if len(full) < 2 or half < 1 or any(answer is None for answer in answers):
            return None
        for i, one in enumerate(full):
            k = (i + 1) % len(full)
            mixed = forward.predictions(
                self._quietly(forward.joined(one, full[k], half, 2 * half), False, told=False)[1]
            )
            before = torch.cat([answers[i][:half], answers[k][half : 2 * half]])
            changed, total = changed + int((mixed != before).sum()), total + before.numel()
        return changed / total


def _by_place(calls, places):
    """Moments of each place at which a layer is called, from the calls of all passes in order."""
    return [moments.pool(calls[place::places]) for place in range(places)]


def eps_dominates(layer):
    """The median live channel's variance lies below eps."""
    if layer.family != "batch" or layer.train is None or layer.train.constant.all():
        return False
    return bool(layer.train.biased_var[~layer.train.constant].median() < layer.eps)
