"""How far outputs lie apart when a layer's statistics are exchanged."""


class Gaps:
    """Mean squared differences between outputs, in units of the output's variance over examples."""

    def __init__(self):
        self.count, self.total, self.squares = 0, 0.0, 0.0
        self.sums = {"stale_gap": 0.0, "batch_gap": 0.0, "eps_gap": 0.0}

    def add(self, right, as_is, own, bare):
        """One batch: recalibrated, as it is, by the batch, by the batch without eps; rows (examples, K)."""
        if right is None or as_is is None:
            return
        right = right.double()
        self.count += len(right)
        self.total, self.squares = self.total + right.sum(0), self.squares + right.square().sum(0)
        for name, (a, b) in {"stale_gap": (as_is, right), "batch_gap": (own, right), "eps_gap": (bare, own)}.items():
            if a is not None and b is not None and a.shape == b.shape:
                self.sums[name] += float((a.double() - b.double()).square().sum())

    def note(self, record):
        """Write them into the record; NaN in an output counts as an infinite difference."""
        if not self.count:
            record.stale_gap = None
            return
        spread = float((self.squares - self.total**2 / self.count).sum())
        for name, value in self.sums.items():
            ratio = value / spread if spread > 0 else float(value > 0)
            setattr(record, name, ratio if ratio == ratio else float("inf"))
