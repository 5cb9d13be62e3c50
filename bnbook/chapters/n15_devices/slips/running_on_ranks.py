"""Wrong answers to the exercise `running_on_ranks`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.norm_numpy import silent


def _run(means, momentum, before=None, after=None):
    """The loop, with what a wrong answer does to all buffers before and after a step."""
    running = np.zeros(means.shape[1:])
    for step, mean in enumerate(means):
        running = before(step, running) if before else running
        running = (1 - momentum) * running + momentum * mean
        running = after(step, running) if after else running
    return running


def _first(running):
    return np.broadcast_to(running[0], running.shape)


@slip_of("running_on_ranks")
def running_on_ranks_averaged(means, broadcast, restart=None, momentum=0.1):
    """averaging the ranks' numbers at a broadcast: it averages nothing, rank 0 is copied and what the others saw is
    overwritten. {running} in the example, expected {right_running}."""

    def before(step, running):
        if step == restart and not broadcast:
            return _first(running)
        return np.broadcast_to(running.mean(0), running.shape) if broadcast else running

    return _run(means, momentum, before)


@slip_of("running_on_ranks")
def running_on_ranks_after_the_step(means, broadcast, restart=None, momentum=0.1):
    """copying at the end of a step: DistributedDataParallel does it before the forward pass, so after the last step
    each rank still has the mean of its own last batch in its number: {right_running}, yours {running}."""
    return _run(
        means,
        momentum,
        lambda step, running: _first(running) if step == restart else running,
        lambda step, running: _first(running) if broadcast else running,
    )


@slip_of("running_on_ranks")
def running_on_ranks_never(means, broadcast, restart=None, momentum=0.1):
    """leaving every rank alone though broadcast is True: from step 1 on all begin with the number of rank 0. You return
    {running}, expected {right_running}."""
    return _run(means, momentum, lambda step, running: _first(running) if step == restart else running)


@slip_of("running_on_ranks")
def running_on_ranks_always(means, broadcast, restart=None, momentum=0.1):
    """copying rank 0 in every step, whatever broadcast says: with False, as in 4 of the calls here, each rank keeps its
    own number until somebody starts again."""
    return _run(means, momentum, lambda step, running: _first(running))


@slip_of("running_on_ranks")
def running_on_ranks_other_momentum(means, broadcast, restart=None, momentum=0.1):
    """taking momentum for the weight of the old number: in PyTorch it is that of the new batch. With 0.5, as in the
    example, both are the same; with 0.3 the old number has the weight 0.7."""
    before = lambda step, running: _first(running) if broadcast or step == restart else running  # noqa: E731
    return _run(means, 1 - momentum, before)


@slip_of("running_on_ranks")
def running_on_ranks_restart_ignored(means, broadcast, restart=None, momentum=0.1):
    """leaving the restart out: all processes then begin with the checkpoint, and that has the numbers of rank 0 alone.
    After 2 steps, where restart is 2, they are equal, with or without broadcast."""
    return _run(means, momentum, lambda step, running: _first(running) if broadcast else running)


@slip_of("running_on_ranks")
def running_on_ranks_restart_from_nothing(means, broadcast, restart=None, momentum=0.1):
    """beginning with 0 again at the restart: the running mean is a buffer, so it is part of state_dict() and comes back
    with the checkpoint, that of rank 0 for all."""
    before = lambda step, running: 0 * running if step == restart else _first(running) if broadcast else running  # noqa: E731
    return _run(means, momentum, before)


@slip_of("running_on_ranks")
def running_on_ranks_restart_late(means, broadcast, restart=None, momentum=0.1):
    """starting again one step too late: restart steps are done, numbers 0 to restart - 1, and step number restart is
    the first one that begins with the checkpoint."""
    before = lambda step, running: _first(running) if broadcast or step - 1 == restart else running  # noqa: E731
    return _run(means, momentum, before)


@slip_of("running_on_ranks")
def running_on_ranks_mean_of_the_batch(means, broadcast, restart=None, momentum=0.1):
    """moving towards the mean of all ranks' batches: without SyncBatchNorm a rank knows nothing of the other batches.
    Rank 1 saw the means 0 and 2 in the example: {right_running}, yours {running}."""
    together = np.broadcast_to(means.mean(1, keepdims=True), means.shape)
    before = lambda step, running: _first(running) if broadcast or step == restart else running  # noqa: E731
    return _run(together, momentum, before)


@slip_of("running_on_ranks")
def running_on_ranks_of_rank_0_alone(means, broadcast, restart=None, momentum=0.1):
    """returning the number of rank 0 only: asked is that of every rank, 2 numbers in the example, {right_running}. What
    you return is what a checkpoint holds: {running}."""
    before = lambda step, running: _first(running) if broadcast or step == restart else running  # noqa: E731
    return _run(means, momentum, before)[0]


@slip_of("running_on_ranks")
def running_on_ranks_begins_with_the_first_mean(means, broadcast, restart=None, momentum=0.1):
    """beginning with the first batch's mean: running_mean begins with 0, and the first step moves it by momentum only.
    In the example {right_running}, yours {running}."""
    running = np.array(means[0])
    for step, mean in enumerate(means[1:], 1):
        if broadcast or step == restart:
            running = _first(running)
        running = (1 - momentum) * running + momentum * mean
    return running


@slip_of("running_on_ranks")
@silent
def running_on_ranks_plain_average(means, broadcast, restart=None, momentum=0.1):
    """averaging all steps equally: that is momentum=None. With a momentum of 0.5 the last batch of the example counts
    for half, whatever came before: {right_running}, yours {running}."""
    running = np.zeros(means.shape[1:])
    for step, mean in enumerate(means):
        if broadcast or step == restart:
            running = _first(running)
        running = running + (mean - running) / (step + 1)
    return running
