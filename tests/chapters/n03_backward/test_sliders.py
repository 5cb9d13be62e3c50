"""The sliders of notebook 03: picture and text follow them."""

import pytest

from bnbook.chapters.n03_backward import sliders


def arrows():
    return sliders.projection([1.0, 4.0, 10.0], [2.0, 0.0, 4.0])


def left(live):
    """The numbers of that row."""
    (row,) = [line for line in live.children[-1].value.splitlines() if line.startswith("= what is left")]
    return row.split()[-3:]


def test_the_projection_starts_at_the_notebooks_numbers_and_follows_each_slider():
    live = arrows()
    turn, mean, eps = live.children[:3]
    assert left(live) == ["1", "-1.75", "0.75"]
    for slider, to in ((turn, 30.0), (mean, 0.0), (eps, 6.0)):
        before = live.children[-2].value, live.children[-1].value
        slider.value = to
        assert live.children[-2].value != before[0] and live.children[-1].value != before[1]


def test_moving_the_mean_leaves_what_is_left_alone_and_without_eps_it_is_orthogonal_to_x_hat():
    live = arrows()
    before = left(live)
    live.children[1].value = -1.0
    assert left(live) == before
    live.children[2].value = 0.0
    assert left(live) != before and "times x_hat: 0.00" in live.children[-1].value


@pytest.mark.parametrize("x, dx_hat", [([1.0, 2.0], [1.0, 2.0, 3.0]), ([1.0, 2.0, 4.0], [[1.0, 2.0, 3.0]])])
def test_more_or_fewer_than_three_examples_are_refused(x, dx_hat):
    with pytest.raises(ValueError, match="space has three axes"):
        sliders.projection(x, dx_hat)
