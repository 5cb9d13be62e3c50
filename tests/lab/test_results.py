"""What comes of runs: the table, comparisons and what they may say, tuning, runs made again, the shelf."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bnbook.chapters import n09_depth
from bnbook.lab import results


def long(values, measure="test_accuracy", **labels):
    """A table from {arm: a value per seed}."""
    rows = [
        {"arm": arm, **labels, "seed": seed, "step": 100, "measure": measure, "value": value}
        for arm, some in values.items()
        for seed, value in enumerate(some)
    ]
    return pd.DataFrame(rows)


# --- a table ---------------------------------------------------------------------------------------------------------


def test_a_table_has_a_row_for_each_number_that_was_measured():
    run = {
        "setting": {},
        "step": [0, 5],
        "test_accuracy": [0.1, 0.9],
        "train_loss": None,
        "diverged": True,
        "watched": {"step": [0, 3], "drift": [1.0, None], "curve": [[1, 2], [3, 4]]},
    }
    labels = results.grid(arm=("none", "batch"), seed=(7,))
    assert labels == [{"arm": "none", "seed": 7}, {"arm": "batch", "seed": 7}]
    found = results.table(labels, [run, run | {"train_loss": 0.5, "diverged": False}])
    first = found[found["arm"] == "none"]
    rows = [(row.step, row.measure, row.value) for row in first.itertuples()]
    assert rows[:3] == [(0, "test_accuracy", 0.1), (5, "test_accuracy", 0.9), (0, "drift", 1.0)]
    assert rows[3][:2] == (3, "drift") and np.isnan(rows[3][2])
    assert rows[4][:2] == (5, "train_loss") and np.isnan(rows[4][2])
    assert rows[5] == (5, "diverged", 1.0) and len(rows) == 6  # a curve is no number
    assert results.of(found, "test_accuracy")["value"].tolist() == [0.9, 0.9]
    assert results.of(found, "test_accuracy", step=0, arm="batch")["value"].tolist() == [0.1]
    assert len(results.of(found, "test_accuracy", step="all")) == 4
    with pytest.raises(ValueError, match="no row of the table has measure 'acuracy'; there are test_accuracy, drift, "):
        results.of(found, "acuracy")
    with pytest.raises(ValueError, match="no row of the table has arm 'layer'; there are none, batch"):
        results.of(found, "drift", arm="layer")


def test_what_is_stored_is_read_back(tmp_path):
    first = long({"none": [0.1, 0.25], "batch": [0.9, 0.8]}, lr=0.1).assign(step=0)
    last = long({"none": [3.0, np.nan], "batch": [1.0, 2.0]}, "loss", lr=0.1)
    table = pd.concat([first, last], ignore_index=True)
    results.save({"experiment": "it", "seeds": 2, "table": table, "tuning": table}, tmp_path / "it.json")
    lines = (tmp_path / "it.csv").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "arm,lr,seed,step,test_accuracy,loss",
        *("none,0.1,0,0,0.1,", "none,0.1,1,0,0.25,", "batch,0.1,0,0,0.9,", "batch,0.1,1,0,0.8,"),
        *("none,0.1,0,100,,3.0", "none,0.1,1,100,,", "batch,0.1,0,100,,1.0", "batch,0.1,1,100,,2.0"),
    ]
    found = results.load(tmp_path / "it.json")
    assert list(found) == ["experiment", "seeds", "table", "tuning"] and found["seeds"] == 2
    for name in ("table", "tuning"):
        pd.testing.assert_frame_equal(found[name], table, check_dtype=False)  # a number that is missing, too


def test_tables_lie_beside_a_file_that_gets_its_name_when_it_is_whole(tmp_path):
    table = long({"none": [0.1, 0.25]})
    results.save({"experiment": "it", "table": table, "tuning": table}, tmp_path / "it.json.half")
    (tmp_path / "it.json.half").rename(tmp_path / "it.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it.csv", "it.json", "it.tuning.csv"]
    pd.testing.assert_frame_equal(results.load(tmp_path / "it.json")["tuning"], table, check_dtype=False)


# --- intervals and comparisons ---------------------------------------------------------------------------------------


def test_the_interval_is_students():
    # Student 1908, section IX: sleep gained by ten patients with one drug more than with the other; mean 1.58, and
    # today's tables give t = 4.062, p = 0.00283, interval [0.70, 2.46].
    extra = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
    assert results.interval(extra) == pytest.approx((0.70, 2.46), abs=0.005)
    row = results.compare(long({"a": extra, "b": np.zeros(10)}, "hours"), "a", "b", "hours")
    assert (row["mean"], row["p"], row["verdict"]) == (pytest.approx(1.58), pytest.approx(0.00283, abs=1e-5), "more")
    assert results.interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
    with pytest.raises(ValueError, match="1 value.s.; an interval needs 2 or more"):
        results.interval([1.0])


@pytest.mark.parametrize(("n", "least"), [(5, None), (8, 0.88), (20, 0.90)])
def test_intervals_cover_what_they_say(n, least):
    rng = np.random.default_rng(n)

    def covered(samples, mean):  # the package's interval, for each row
        return np.mean([low <= mean <= high for low, high in map(results.interval, samples)])

    normal = covered(rng.normal(1, 2, (4000, n)), 1)
    skewed = covered(rng.exponential(1, (4000, n)), 1)
    print(f"{n} seeds: normal {normal:.1%}, exponential {skewed:.1%}")
    assert 0.935 <= normal <= 0.965
    assert least is None or skewed >= least
    # What the check refuses: the percentile bootstrap, which the course used before, is too short.
    drawn = rng.normal(1, 2, (1000, n))
    means = [sample[rng.integers(0, n, (400, n))].mean(1) for sample in drawn]
    low, high = np.percentile(means, (2.5, 97.5), axis=1)
    assert np.mean((low <= 1) & (high >= 1)) < (0.935 if n < 20 else 0.95)


def test_a_comparison_pairs_by_seed_and_speaks_in_points():
    none, batch = [0.90, 0.80, 0.70], [0.92, 0.81, 0.73]
    shuffled = long({"none": none, "batch": batch}).sample(frac=1, random_state=0)
    row = results.compare(shuffled, "batch", "none", "test_accuracy")
    expected = stats.ttest_rel(np.multiply(batch, 100), np.multiply(none, 100))
    low, high = expected.confidence_interval(0.95)
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((2.0, low, high))
    assert row["p"] == pytest.approx(expected.pvalue) and row["pairs"] == 3
    assert row["verdict"] == results.UNSETTLED  # t of 2 degrees of freedom: [-0.5, 4.5]
    turned = results.compare(shuffled, "none", "batch", "test_accuracy")
    assert (turned["mean"], turned["low"], turned["high"]) == pytest.approx((-2.0, -high, -low))


@pytest.mark.parametrize(
    ("differences", "margin", "verdict"),
    [
        ([1.0, 1.1, 0.9, 1.0], None, "more"),
        ([-1.0, -1.1, -0.9, -1.0], 0.5, "less"),
        ([0.1, -0.1, 0.0, 0.05], None, results.UNSETTLED),
        ([0.1, -0.1, 0.0, 0.05], 0.5, "no difference"),
        ([0.2, 0.21, 0.19, 0.2], 0.5, "no difference"),  # something, and less than the margin asks for
        ([2.0, -2.0, 1.0, -1.0], 0.5, results.UNSETTLED),
    ],
)
def test_no_difference_wants_a_margin(differences, margin, verdict):
    row = results.compare(long({"a": differences, "b": np.zeros(4)}, "sd"), "a", "b", "sd", margin=margin)
    assert row["verdict"] == verdict


def test_ratios_are_compared_by_their_logarithm_and_no_better_than_the_grid_knows():
    table = long({"a": [2.0, 4.0, 8.0, 16.0], "b": [1.0, 2.0, 4.0, 8.0]}, "rate")
    row = results.compare(table, "a", "b", "rate", ratio=True)
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((2, 2, 2)) and row["verdict"] == "more"
    known = results.compare(table, "a", "b", "rate", ratio=True, known_to=1.5)
    assert (known["low"], known["high"]) == pytest.approx((2 / 1.5**2, 2 * 1.5**2))
    assert known["verdict"] == results.UNSETTLED
    assert results.compare(table, "a", "b", "rate", ratio=True, margin=3)["verdict"] == "no difference"
    assert results.compare(table, "a", "b", "rate", ratio=True, margin=1.9)["verdict"] == "more"


def test_runs_without_a_number_are_left_out_and_counted():
    table = long({"a": [1.0, np.nan, 3.0], "b": [0.0, 0.0, 1.0]}, "steps")
    assert results.compare(table, "a", "b", "steps")["pairs"] == 2
    row = results.compare(long({"a": [1.0, np.nan], "b": [0.0, 0.0]}, "steps"), "a", "b", "steps")
    assert row["pairs"] == 1 and np.isnan(row["mean"]) and row["verdict"] == results.UNSETTLED


def test_a_comparison_of_what_is_not_chosen_is_refused():
    twice = pd.concat([long({"a": [1.0, 2.0], "b": [1.0, 2.0]}, lr=lr) for lr in (0.1, 0.2)])
    with pytest.raises(ValueError, match="arm 'a' has 2 rows for seed 0; .* choose case and rate first"):
        results.compare(twice, "a", "b", "test_accuracy")
    with pytest.raises(ValueError, match="no row has arm 'c'; give two of the arms of the table"):
        results.compare(long({"a": [1.0, 2.0]}), "c", "a", "test_accuracy")


def test_holm_takes_back_what_chance_may_have_said():
    rows = [{"p": p, "verdict": "more"} for p in (0.04, 0.01, 0.03, 0.005)]
    rows += [{"p": 0.5, "verdict": "no difference"}, {"p": np.nan, "verdict": results.UNSETTLED}]
    found = results.holm(rows)
    # By hand, of 6: .005 x 6, .01 x 5, .03 x 4, .04 x 3 -> not below .12, .5 x 2, 1.
    assert found["p"].tolist() == pytest.approx([0.12, 0.05, 0.12, 0.03, 1.0, 1.0])
    assert found["verdict"].tolist() == [
        *(results.UNSETTLED, "more", results.UNSETTLED, "more"),
        *("no difference", results.UNSETTLED),
    ]


# --- tuning ----------------------------------------------------------------------------------------------------------


def trainer(best, width=1.0, noise=0.0):
    """What stands for training: accuracy 0.9 at an arm's best rate, falling to 0.1 with the distance in decades."""
    tried = []

    def train(labels):
        tried.extend(labels)
        rows = []
        for each in labels:
            away = np.inf if best[each["arm"]] is None else abs(np.log10(each["lr"] / best[each["arm"]]))
            value = max(0.1, 0.9 - away / width)
            rows.append({**each, "step": 10, "measure": "val_accuracy", "value": value})
        return pd.DataFrame(rows)

    train.tried = tried
    return train


def test_tuning_finds_a_best_rate_that_lies_at_no_edge():
    train = trainer({"none": 1e-3, "batch": 0.1}, width=3)
    table, best = results.tune(train, ("none", "batch"), (0.01, 0.1, 1.0), 0.1)
    assert best == {"none": 1e-3, "batch": 0.1}
    rates = {arm: sorted(set(part["lr"])) for arm, part in table.groupby("arm")}
    assert rates["none"] == rates["batch"] == pytest.approx([1e-4, 1e-3, 0.01, 0.1, 1.0])  # together
    assert {each["seed"] for each in train.tried} == set(range(100, 108))
    assert len(table) == 5 * 2 * 8  # nothing twice


def test_an_arm_that_does_not_train_is_said_and_a_best_rate_at_an_edge_refused():
    table, best = results.tune(trainer({"none": None, "batch": 0.1}), ("none", "batch"), (0.01, 0.1, 1.0), 0.1)
    assert best == {"none": None, "batch": 0.1}
    assert (table["lr"].min(), table["lr"].max()) == pytest.approx((1e-5, 1e3))  # looked for as far as it goes
    _, best = results.tune(trainer({"none": 1e-4}), ("none",), (0.01, 0.1, 1.0), 0.1)
    assert best == {"none": pytest.approx(1e-4)}
    with pytest.raises(ValueError, match="arm 'none' is best at 0.001, an edge of the rates tried"):
        results.tune(trainer({"none": 1e-4}, width=9), ("none",), (0.01, 0.1, 1.0), 0.1, reach=1)
    with pytest.raises(ValueError, match="they must be 3 or more and increase"):
        results.tune(trainer({"none": 1e-4}), ("none",), (0.1, 0.01, 1.0), 0.1)


def test_of_equal_rates_the_middle_one_is_best():
    assert results.best_of(pd.Series({0.1: 0.5, 0.2: 0.9, 0.4: 0.9 - 1e-12, 0.8: 0.9, 1.6: 0.2})) == 0.4


# --- bands and ceilings ----------------------------------------------------------------------------------------------


def test_the_band_of_good_rates():
    # By hand, above 0.9: from halfway between 0.01 and 0.1 to 1, and to a quarter of the way from 1 to 10.
    accuracy = [0.8, 1.0, 1.0, 0.6]
    assert results.band([0.01, 0.1, 1.0, 10.0], accuracy, 1.0) == pytest.approx(0.5 + 1 + 0.25)
    assert results.enclosed(accuracy, 1.0)
    assert not results.enclosed([0.95, 1.0, 0.6], 1.0) and not results.enclosed([0.1, 1.0, 0.9], 1.0)
    assert results.band([0.1], [0.9], 1.0) == 0.0


def test_a_rate_beyond_a_failure_is_luck():
    rates = [0.1, 1.0, 10.0, 100.0]
    assert results.ceiling(rates, [1, 1, 0, 0]) == pytest.approx(10**0.5)
    assert results.ceiling(rates, [1, 0, 1, 0]) == pytest.approx(10**-0.5)
    assert results.ceiling(rates, [0, 1, 1, 0]) == pytest.approx(10**1.5)  # failing at small ones: too slow
    assert np.isnan(results.ceiling(rates, [0, 0, 0, 0])) and np.isnan(results.ceiling(rates, [1, 1, 1, 1]))


# --- again -----------------------------------------------------------------------------------------------------------


def with_twins(gap):
    own = long({"a": [0.90, 0.80]}).assign(twin=0)
    return pd.concat([own, *(own.assign(twin=i, value=own["value"] + gap * i / 5) for i in range(1, 6))])


def test_runs_made_again_agree_to_an_image_or_as_far_as_twins_part():
    def live(by):
        return long({"a": [0.90 + by]})

    agreed = results.again(live(0.002), with_twins(0.0), "test_accuracy", image=0.002)
    assert (agreed.runs, agreed.level, agreed.agrees) == (1, "result", True)
    assert not results.again(live(0.004), with_twins(0.0), "test_accuracy", image=0.002).agrees
    assert results.again(live(0.004), with_twins(0.002), "test_accuracy", image=0.002).agrees  # 3 times their gap
    assert not results.again(live(0.008), with_twins(0.002), "test_accuracy", image=0.002).agrees
    assert not results.again(live(np.nan), with_twins(0.002), "test_accuracy", image=0.002).agrees


def test_chaotic_runs_agree_in_their_conclusion_alone():
    def works(table):
        return bool((table["value"] > 0.5).all())

    chaotic = with_twins(0.1)
    assert results.again(long({"a": [0.7]}), chaotic, "test_accuracy", 0.002, conclusion=works)[1:2] == ("verdict",)
    assert results.again(long({"a": [0.7]}), chaotic, "test_accuracy", 0.002, conclusion=works).agrees
    assert not results.again(long({"a": [0.3]}), chaotic, "test_accuracy", 0.002, conclusion=works).agrees
    with pytest.raises(
        ValueError, match="twins are 0.1 apart, more than an image .0.002.: only a conclusion can agree"
    ):
        results.again(long({"a": [0.7]}), chaotic, "test_accuracy", image=0.002)


def test_a_computation_agrees_to_a_billionth():
    stored = long({"a": [3.0, 4.0]}, "loss")
    assert results.again(long({"a": [3.0 * (1 + 5e-10)]}, "loss"), stored, "loss").agrees
    assert not results.again(long({"a": [3.0 * (1 + 2e-9)]}, "loss"), stored, "loss").agrees
    with pytest.raises(ValueError, match="none of the runs made again is stored; .* the same arm, seed, step, measure"):
        results.again(long({"b": [3.0]}, "loss"), stored, "loss")


# --- on paper --------------------------------------------------------------------------------------------------------


def test_tables_are_printed_in_columns():
    rows = [
        {"arm": "none", "steps": 400, "x": 0.12345, "over": True},
        {"arm": "with BatchNorm", "steps": np.nan, "x": 12.0},
    ]
    assert results.printed(rows, {"x": 2}).splitlines() == [
        "arm            steps    x over",
        "none             400 0.12 True",
        "with BatchNorm         12",
    ]
    assert results.spread(1.25, -0.04, 2.5) == "+1.2 [+0.0, +2.5]"
    assert results.spread(7.9, 7.6, 8.2, sign=False) == "7.9 [7.6, 8.2]" and results.spread(*(np.nan,) * 3) == ""


# --- the shelf -------------------------------------------------------------------------------------------------------


def test_evidence_that_is_not_stored_is_named():
    evidence = results.shelf(n09_depth.__file__)
    assert evidence("trainability")["experiment"] == "trainability"
    with pytest.raises(ValueError, match="no evidence is stored for 'nothing' in n09_depth; stored: .*trainability"):
        evidence("nothing")


@pytest.mark.parametrize("seeds", [1, 0, -3])
def test_too_few_seeds_are_refused(seeds):
    with pytest.raises(ValueError, match=f"seeds is {seeds}; an interval needs at least 2 runs per arm, better 5"):
        results.check_seeds(seeds)
    results.check_seeds(2)
