"""Wrong answers to the exercise `accumulated_gradient`."""

from bnbook.grading.exercise import slip_of


def _cut(x, y, size):
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


@slip_of("accumulated_gradient")
def accumulated_gradient_unweighted(gradient, x, y, size):
    """averaging the micro-batches' gradients as if all were equally large: the last one has only 1 example in the
    example, and counts as much as the one with 2. Weigh each by its number of examples: {right_g}, yours {g}."""
    return sum(gradient(*part) for part in _cut(x, y, size)) / len(_cut(x, y, size))


@slip_of("accumulated_gradient")
def accumulated_gradient_summed(gradient, x, y, size):
    """adding up without dividing: that is what several loss.backward() do if the loss is not scaled. {g}, expected
    {right_g}: a learning rate that is too large by the number of micro-batches, 2."""
    return sum(gradient(*part) for part in _cut(x, y, size))


@slip_of("accumulated_gradient")
def accumulated_gradient_weighted_sum(gradient, x, y, size):
    """weighing by the number of examples, but not dividing by their total: sum(n_i * g_i) is the gradient of the
    *summed* loss, 3 times that of the mean: {g}, expected {right_g}."""
    return sum(len(part[0]) * gradient(*part) for part in _cut(x, y, size))


@slip_of("accumulated_gradient")
def accumulated_gradient_divided_by_size(gradient, x, y, size):
    """dividing the sum by size: size is how many *examples* a micro-batch has. Three examples in micro-batches of 2
    make 2 gradients; weigh them 2 and 1 and divide by 3: {right_g}, yours {g}."""
    return sum(gradient(*part) for part in _cut(x, y, size)) / size


@slip_of("accumulated_gradient")
def accumulated_gradient_weighted_by_size(gradient, x, y, size):
    """weighing every micro-batch by size: the last one is smaller, 1 example in place of 2, and weighs 1. Take
    len(x[i:i + size]): {right_g}, yours {g}."""
    return sum(size * gradient(*part) for part in _cut(x, y, size)) / len(x)


@slip_of("accumulated_gradient")
def accumulated_gradient_of_the_whole_batch(gradient, x, y, size):
    """calling gradient once, with everything: that is what does not fit into memory. Without BatchNorm the numbers are
    even the same; with it they are not, and one of the 5 gradients tried here has a batch_norm in it."""
    return gradient(x, y)


@slip_of("accumulated_gradient")
def accumulated_gradient_one_by_one(gradient, x, y, size):
    """going through the examples one at a time: size is ignored. As long as no example sees another that gives the same
    as any size; batch_norm over a micro-batch of 1 has nothing to compare with."""
    return sum(gradient(x[i : i + 1], y[i : i + 1]) for i in range(len(x))) / len(x)


@slip_of("accumulated_gradient")
def accumulated_gradient_dropping_the_rest(gradient, x, y, size):
    """leaving out the last, smaller micro-batch: len(x) // size rounds down, and 1 of the 3 examples is never seen:
    {g}, expected {right_g}."""
    whole = len(x) // size * size
    return sum(size * gradient(*part) for part in _cut(x[:whole], y[:whole], size)) / whole


@slip_of("accumulated_gradient")
def accumulated_gradient_of_the_last(gradient, x, y, size):
    """keeping only the last micro-batch: g = ... in the loop overwrites what was there (as zero_grad() inside the loop
    does). Add to it: {right_g}, you return {g}."""
    return gradient(*_cut(x, y, size)[-1])


@slip_of("accumulated_gradient")
def accumulated_gradient_of_the_first(gradient, x, y, size):
    """returning inside the loop: then the first micro-batch is the only one, {g}. The return belongs after the loop, at
    the left margin of it: {right_g}."""
    return gradient(*_cut(x, y, size)[0])


@slip_of("accumulated_gradient")
def accumulated_gradient_with_all_labels(gradient, x, y, size):
    """cutting x but not y: every micro-batch is compared with the *first* labels. Cut both at the same places: in the
    example 2 labels, then 1; {right_g}, yours {g}."""
    parts = _cut(x, y, size)
    return sum(len(part) * gradient(part, y[: len(part)]) for part, _ in parts) / len(x)


@slip_of("accumulated_gradient")
def accumulated_gradient_divided_twice(gradient, x, y, size):
    """dividing by the number of micro-batches *and* by the number of examples: gradient already is that of a mean.
    Yours is {g}, expected {right_g}."""
    return sum(len(part[0]) * gradient(*part) for part in _cut(x, y, size)) / len(x) / len(_cut(x, y, size))


@slip_of("accumulated_gradient")
def accumulated_gradient_of_every_kth(gradient, x, y, size):
    """dealing the examples out, x[i::k]: for a net without BatchNorm any cut will do. With it, who is with whom counts;
    asked are neighbours, x[i:i + size], 4 together where size is 4."""
    k = -(-len(x) // size)
    return sum(len(x[i::k]) * gradient(x[i::k], y[i::k]) for i in range(k)) / len(x)


@slip_of("accumulated_gradient")
def accumulated_gradient_as_a_list(gradient, x, y, size):
    """returning the list of the micro-batches' gradients: the optimizer wants 1 gradient, their weighted mean,
    {right_g} on the example."""
    return [gradient(*part) for part in _cut(x, y, size)]


@slip_of("accumulated_gradient")
def accumulated_gradient_overwritten(gradient, x, y, size):
    """total = ... where total += ... is meant: only the last micro-batch is left, with its weight of 1 in 3. You return
    {g}, expected {right_g}."""
    part, labels = _cut(x, y, size)[-1]
    return len(part) * gradient(part, labels) / len(x)


@slip_of("accumulated_gradient")
def accumulated_gradient_returned_in_the_loop(gradient, x, y, size):
    """return total / len(x) inside the loop: the function ends with the first micro-batch, 2 examples of 3, divided by
    all of them. Move the return to the left margin of the loop: {right_g}, yours {g}."""
    part, labels = _cut(x, y, size)[0]
    return len(part) * gradient(part, labels) / len(x)


@slip_of("accumulated_gradient")
def accumulated_gradient_divided_by_full_micro_batches(gradient, x, y, size):
    """dividing by len(x) // size: that rounds down, and does not count the last, smaller micro-batch: 1 in the example
    where 2 were added up. Weigh by the numbers of examples, and divide by len(x): {right_g}, yours {g}."""
    return sum(gradient(*part) for part in _cut(x, y, size)) / (len(x) // size)


@slip_of("accumulated_gradient")
def accumulated_gradient_dropping_the_rest_of_all(gradient, x, y, size):
    """leaving out the last, smaller micro-batch, and dividing by all examples: its share is taken for 0. In the example
    1 of 3 is never seen: {g}, expected {right_g}."""
    whole = len(x) // size * size
    return sum(size * gradient(*part) for part in _cut(x[:whole], y[:whole], size)) / len(x)


@slip_of("accumulated_gradient")
def accumulated_gradient_with_uncut_labels(gradient, x, y, size):
    """handing over all of y with a part of x: 3 labels do not fit to 2 examples. Cut both at the same places,
    y[i:i + size] beside x[i:i + size]."""
    return sum(len(part) * gradient(part, y) for part, _ in _cut(x, y, size)) / len(x)
