"""bnbook.bench: what is measured, and how it is told. No test here depends on how long anything takes."""

import contextlib
import json
import re

import numpy as np
import pytest
import torch

from bnbook import __main__ as command_line
from bnbook import bench, nets, norm_numpy, norm_torch


def counted(log, name):
    return lambda: log.append(name)


def test_every_candidate_is_called_in_every_round_and_the_order_changes():
    log = []
    times = bench.measure({name: counted(log, name) for name in "abc"}, rounds=8, seconds=0)
    assert list(times) == ["a", "b", "c"] and all(len(t) == 8 and min(t) >= 0 for t in times.values())
    rounds = [tuple(log[i : i + 3]) for i in range(len(log) - 24, len(log), 3)]
    assert all(sorted(order) == ["a", "b", "c"] for order in rounds) and len(set(rounds)) > 1


def test_compare_gives_medians_and_quartiles_relative_to_the_first(monkeypatch):
    seconds = {"slow": iter([1, 4, 6, 2]), "fast": iter([1, 1, 3, 4])}  # the first is the warming up
    monkeypatch.setattr(bench, "_cpu_seconds", lambda function, calls: next(seconds[function()]))
    found = bench.compare({"slow": lambda: "slow", "fast": lambda: "fast"}, rounds=3)
    assert found["slow"] == {"ms": 4000.0, "ratio": [1.0, 1.0, 1.0]}
    assert found["fast"] == {"ms": 3000.0, "ratio": [0.375, 0.5, 1.25]}


def test_ratios_are_taken_round_by_round():
    assert bench.paired([1, 4, 9, 16, 25], [1, 2, 3, 4, 5]) == [2, 3, 4]


def test_a_short_call_is_repeated_until_a_visit_takes_long_enough(monkeypatch):
    visits = []
    monkeypatch.setattr(bench, "_cpu_seconds", lambda function, calls: visits.append(calls) or 0.002)
    found = bench.compare({"a": int}, rounds=2, seconds=0.02)
    assert visits == [1, 10, 10] and found == {"a": {"ms": 2.0, "ratio": [1.0, 1.0, 1.0]}}


def test_the_textbook_version_is_right():
    random = np.random.default_rng(0)
    x, dy, gamma, beta = random.normal(size=(6, 3, 4, 5)), random.normal(size=(6, 3, 4, 5)), *random.normal(size=(2, 3))
    y, mean, var = norm_numpy.batch_norm(x, gamma, beta)
    ours, cache = bench.textbook_forward(x, gamma, beta)
    np.testing.assert_allclose(ours, y, atol=1e-12)
    expected = norm_numpy.batch_norm_backward(dy, x, gamma, mean, var)
    for got, value in zip(bench.textbook_backward(dy, cache), expected, strict=True):
        np.testing.assert_allclose(got, value, atol=1e-12)


@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 5), (4, 3, 5, 6)])
def test_every_version_is_a_candidate_and_runs(shape):
    for calls in bench.candidates(shape):
        expected = ["F.batch_norm", "nn.BatchNorm", "norm_torch", "textbook", "norm_numpy", "norm_fast"]
        assert [name for name in calls if name != "norm_triton"] == expected
        assert ("norm_triton" in calls) == getattr(bench.norm_triton, "INTERPRETED", False)
        for call in calls.values():
            call()
    forward, _ = bench.candidates(shape, dtype=torch.bfloat16, channels_last=len(shape) == 4)
    assert list(forward)[:3] == ["F.batch_norm", "nn.BatchNorm", "norm_torch"]


def test_a_report_can_be_stored_and_says_where_when_and_how():
    threads = torch.get_num_threads()
    report = bench.run(["8x3", "4x3x5x5"], rounds=2, seconds=0, say=lambda line: None)
    assert torch.get_num_threads() == threads
    assert json.loads(json.dumps(report)) == report
    assert report["device"] and re.fullmatch(r"\d{4}-\d\d-\d\d", report["date"])
    assert set(report["versions"]) == {"python", "torch", "numpy"} and "huge pages" in report["memory"]
    assert [(r["shape"], r["what"]) for r in report["results"]] == [
        *((shape, what) for shape in ("8x3", "4x3x5x5") for what in ("forward", "forward + backward")),
        *((shape, "off centre") for shape in ("8x3", "4x3x5x5")),
    ]
    assert re.search(r"\((AVX|DEFAULT|NO AVX|\w+).*; (L1 \d+ KB.*|caches unknown)\)$", report["device"])
    assert bench.table(report).count("| 8x3 |") == 3


def test_off_centre_is_the_same_numbers_with_a_mean_and_every_one_of_them_runs():
    calls = bench.off_centre((8, 3))
    assert list(calls) == [f"{name} {mean:g}" for mean in bench.MEANS for name in ("norm_fast", "norm_torch")]
    for call in calls.values():
        call()


def timed(shape, what, **ratios):
    """A result whose times are these multiples of one millisecond."""
    times = {name.replace("_at_", " ").replace("F_", "F."): [0.001 * ratio] * 3 for name, ratio in ratios.items()}
    return {"shape": shape, "dtype": "float32", "channels_last": False, "what": what, "times": times}


def test_which_goals_are_reached_follows_from_the_times():
    shape, flat = "64x64x32x32", "4096x1024"
    both = {"F_batch_norm": 1, "nn.BatchNorm": 1}
    results = [
        timed(shape, "forward + backward", **both, norm_fast=0.5, norm_torch=1.1),
        timed(flat, "forward + backward", **both, norm_fast=0.9, norm_torch=9),
        timed("8x3", "forward + backward", **both, norm_fast=9, norm_torch=9),
        timed(shape, "off centre", norm_fast_at_0=2, norm_fast_at_1=2.5, norm_fast_at_3=2.8),
    ]
    report = dict(REPORT, device="AMD EPYC (AVX2; L1 32 KB)", results=results)
    rows = {name: (round(reached, 2), allowed) for name, reached, allowed in bench.goals(report)}
    assert rows == {
        f"norm_fast, {shape}": (0.5, 0.5),
        f"norm_torch against nn.BatchNorm, {shape}": (1.1, 1.0),
        f"norm_fast, {flat}": (0.9, 0.85),
        f"norm_fast at mean/sd 1, {shape}": (1.25, 1.3),
        f"norm_fast at mean/sd 3, {shape}": (1.4, 1.3),
    }
    said = bench.table(report).splitlines()
    assert said[-1].startswith("Goals reached: 2 of 5. Missed: norm_torch against nn.BatchNorm, 64x64x32x32: 1.100")
    assert "| mean/sd | norm_fast 1 | norm_fast 3 |" in said and f"| {shape} | 1.25 | 1.40 |" in said
    assert len(list(bench.goals(dict(report, device="Intel Xeon")))) == 5
    assert "Goals" not in bench.table(dict(report, device="Apple M4"))


REPORT = {
    "device": "a machine",
    "versions": {"torch": "2"},
    "date": "2026-01-02",
    "clock": "CPU time",
    "memory": "old memory",
    "results": [
        dict(shape=shape, dtype=dtype, channels_last=last, what="forward", times={"F.batch_norm": [0.002] * 3, **more})
        for shape, dtype, last, more in [
            ("8x3", "float32", False, {"ours": [0.001, 0.002, 0.004]}),
            ("2x3x4x4", "float16", True, {}),
        ]
    ],
}


def test_the_table_has_a_line_for_each_case_and_a_column_for_each_candidate():
    lines = bench.table(REPORT).splitlines()
    assert lines[0] == "a machine, 2026-01-02; torch 2. CPU time; old memory."
    assert lines[2] == "| forward | F.batch_norm, ms | ours |" and lines[3] == "|---|---|---|"
    assert lines[4] == "| 8x3 | 2 | 1.00 [0.75, 1.50] |"
    assert lines[5] == "| 2x3x4x4 float16 channels last | 2 |  |"


@pytest.mark.parametrize("name", ["bench AMD", "bench Intel", "engine"])
def test_the_table_goes_between_the_markers_of_its_page(tmp_path, name):
    page = tmp_path / "speed.md"
    real = (command_line.PACKAGE.parent / "docs" / "speed.md").read_text(encoding="utf-8")
    page.write_text(real, encoding="utf-8")
    for _ in range(2):
        bench.write_into(page, "| table |\n", name)
        text = page.read_text(encoding="utf-8")
        assert text.count("| table |") == 1 and text.startswith("# Speed")
        assert text.split(f"<!-- end of {name}")[1] == real.split(f"<!-- end of {name}")[1]
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="has no place for the table"):
        bench.write_into(page, "| table |\n", name)


def test_the_readmes_line_about_speed_is_what_the_table_says():
    root = command_line.PACKAGE.parent
    table = (root / "docs" / "speed.md").read_text(encoding="utf-8").split("<!-- bench AMD")[1].split("<!-- end")[0]
    on_images = re.findall(r"^\| \d+x\d+x\d+x\d+ \|.*\[[\d.]+, ([\d.]+)\] \|$", table, re.M)  # norm_fast, the last
    assert len(on_images) >= 8 and all(float(high) < 1 for high in on_images)
    assert "`norm_fast` was faster than PyTorch's own in every shape measured" in (root / "README.md").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("name", ["64", "ax3", "2x3x4x5x6x7", "0x3", "4x-3", ""])
def test_what_is_no_shape_is_refused(name):
    with pytest.raises(ValueError, match="is no shape: N x C"):
        bench.parse(name)
    assert bench.parse("64x3x2") == (64, 3, 2)


@pytest.mark.parametrize("rounds", [0, -3])
def test_less_than_one_round_is_refused_before_anything_is_measured(rounds):
    said = []
    with pytest.raises(ValueError, match=f"rounds is {rounds}; a median needs 1 or more"):
        bench.run(["8x3"], rounds=rounds, say=said.append)
    assert said == []


def test_what_cannot_be_written_is_refused_and_nothing_is_changed_by_asking(tmp_path):
    old, new, page = tmp_path / "old.json", tmp_path / "new.json", tmp_path / "README.md"
    old.write_text("measured last week")
    for name in ("bench AMD", "bench Intel", "engine"):
        command = "bench engine" if name == "engine" else "bench"
        page.write_text(f"<!-- {name}: written by `python -m bnbook {command} --readme` -->\n<!-- end of {name} -->")
        before = page.read_text()
        bench.ready(old, page, name), bench.ready(new), bench.ready()
        assert page.read_text() == before
    assert old.read_text() == "measured last week" and not new.exists()
    for out, words in ((tmp_path, "Is a directory"), (tmp_path / "no" / "where.json", "No such file or directory")):
        with pytest.raises(ValueError, match=rf"cannot write {re.escape(str(out))} \({words}\); choose another file"):
            bench.ready(out)
    with pytest.raises(ValueError, match="has no place for the table"):
        bench.ready(new, page, "bench")


def test_on_a_gpu_a_training_takes_until_the_gpu_is_done(monkeypatch):
    log = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: log.append(device))
    monkeypatch.setattr(bench.time, "perf_counter", lambda: log.append("look at the clock") or 7.0)
    assert bench._clock("cuda")() == 7.0 and log == ["cuda", "look at the clock"]
    assert bench._clock("cpu") is bench.time.process_time


def test_the_engine_counts_by_that_clock(monkeypatch):
    seconds, asked = iter([10, 14, 20, 22, 40, 41, 50, 58]), []  # begin and end: two ways, two groups
    monkeypatch.setattr(bench, "_clock", lambda device: asked.append(device) or (lambda: next(seconds)))
    times = bench.engine("none", torch.float32, rates=2, seeds=2, steps=1, together=2)
    assert asked == ["cpu"] and times == {"one by one": [2, 4], "together": [1, 0.5]}


def test_the_command_prints_the_table_and_writes_the_times(tmp_path, monkeypatch, capsys):
    for name, value in bench.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "bench.json"
    assert command_line.main(["bench", "8x3", "--rounds", "1", "--out", str(file)]) == 0
    out = capsys.readouterr().out
    assert "| forward + backward |" in out and json.loads(file.read_text())["results"][0]["shape"] == "8x3"
    assert command_line.main(["bench", "8"]) == 2 and "is no shape" in capsys.readouterr().err


def test_the_command_refuses_in_one_sentence_before_it_measures_anything(tmp_path, monkeypatch, capsys):
    for name, value in bench.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for arguments, words in (
        (["8x3", "--out", str(tmp_path)], f"bnbook: cannot write {tmp_path} (Is a directory)"),
        (["engine", "--out", str(tmp_path)], f"bnbook: cannot write {tmp_path} (Is a directory)"),
        (["8x3", "--rounds", "0"], "bnbook: rounds is 0; a median needs 1 or more"),
        (["8x3", "--rounds", "-2"], "bnbook: rounds is -2; a median needs 1 or more"),
    ):
        assert command_line.main(["bench", *arguments]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.startswith(words) and said.err.count("\n") == 1


def test_the_command_starts_again_where_the_environment_is_not_set(monkeypatch):
    started = []
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", "0")

    def start(command, env):
        started.append((command[1:], env["THP_MEM_ALLOC_ENABLE"], env["OMP_NUM_THREADS"]))
        return type("Done", (), {"returncode": 3})

    monkeypatch.setattr(command_line.subprocess, "run", start)
    assert command_line.main(["bench", "8x3", "--readme"]) == 3
    assert started == [(["-m", "bnbook", "bench", "8x3", "--rounds", "15", "--readme"], "1", "1")]


def test_the_engine_is_measured_on_the_same_trainings_both_ways(monkeypatch):
    trained = {"one by one": [], "together": []}
    one, many = bench.train.fit, bench.train.fit_all

    def fit(net, x, y, lr, steps, seed):
        trained["one by one"].append((lr, seed))
        assert not any(type(layer) is norm_torch.BatchNorm1d for layer in net.modules()), "the rival is PyTorch's own"
        one(net, x, y, lr, steps=steps, seed=seed)

    def fit_all(net, x, y, lr, steps, seeds):
        trained["together"] += zip(lr, seeds, strict=True)
        many(net, x, y, lr, steps=steps, seeds=seeds)

    monkeypatch.setattr(bench.train, "fit", fit)
    monkeypatch.setattr(bench.train, "fit_all", fit_all)
    times = bench.engine("batch", torch.float32, rates=3, seeds=2, steps=2, together=4)
    assert sorted(trained["one by one"]) == sorted(trained["together"]) and len(set(trained["together"])) == 6
    assert [len(seconds) for seconds in times.values()] == [2, 2] and list(times) == ["one by one", "together"]


def test_the_engine_table_says_how_many_times_faster():
    times = {"one by one": [0.2, 0.4, 0.6], "together": [0.1, 0.1, 0.1]}
    steps = [{"net": "mlp", "norm": "group", "times": {"stack": [0.01, 0.02, 0.02], "vmap": [0.02, 0.03, 0.08]}}]
    report = {**bench._machine("cpu"), "steps": steps, "workers": {1: [6.0, 9.0, 8.0], 2: [4.0, 5.0, 4.0]}}
    report["results"] = [{"norm": "batch", "dtype": "float64", "times": times}]
    table = bench.engine_table(report)
    assert "\n\n| a step of 24 nets" in table and "| mlp, group | 20.0 | 2.00 [1.75, 3.00] |\n" in table
    assert "| batch | float64 | 400 | 4.0 [3.0, 5.0] |" in table and ". CPU time, one thread; trainings of" in table
    assert "8.0 s in one process, by `--workers 2` 4.0 s, 1.80 [1.65, 1.90] times faster (" in table
    assert ". a clock; trainings of" in bench.engine_table({**report, "clock": "a clock"})


def test_a_grid_is_timed_on_the_wall_in_each_number_of_processes_after_it_has_been_done_once(monkeypatch):
    done, clock = [], iter([0, 9, 10, 13, 20, 24, 30, 39, 40, 41, 50, 52])
    monkeypatch.setattr(bench, "workers", lambda number: contextlib.nullcontext(done.append([number])))
    monkeypatch.setattr(bench, "run_all", lambda settings, digits: done[-1].append(len(settings)))
    monkeypatch.setattr(bench.time, "perf_counter", lambda: next(clock))
    assert bench.by_workers(groups=2, rounds=2) == {1: [3, 4], 2: [1, 2]}
    assert done == [[1, 48, 48, 48], [2, 48, 48, 48]]


@pytest.mark.parametrize("norm", nets.NORMS)
def test_what_is_compared_with_vmap_computes_the_same_gradients(norm):
    x = torch.randn(3, 5, 1, 8, 8, dtype=torch.float64)
    makes = [lambda seed: nets.cnn(norm, 4, seed=seed)]
    makes += [lambda seed: nets.mlp(norm, 8, seed=seed)] if norm in nets.FLAT_NORMS else []
    for make in makes:
        by_stack, by_vmap = bench._steps(make, x, torch.tensor([0, 1, 2, 3, 4]))
        for ours, theirs in zip(by_stack(), by_vmap(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


def test_every_norm_is_compared_with_vmap_in_float64_and_on_all_members(monkeypatch):
    compared = []
    monkeypatch.setattr(bench, "measure", lambda candidates, *_: {name: [1.0] for name in candidates})
    monkeypatch.setattr(bench, "engine", lambda norm, dtype, device: {})
    monkeypatch.setattr(bench, "by_workers", dict)
    monkeypatch.setattr(bench, "_steps", lambda make, x, y: compared.append((make(0), x, y)) or (None, None))
    report = bench.run_engine(say=lambda text: None)
    rows = [(step["net"], step["norm"]) for step in report["steps"]]
    assert rows == [*(("mlp", norm) for norm in nets.FLAT_NORMS), *(("cnn", norm) for norm in nets.NORMS)]
    assert all(list(step["times"]) == ["stack", "vmap"] for step in report["steps"])
    assert {(x.shape, x.dtype, y.shape) for _, x, y in compared} == {((24, 64, 1, 8, 8), torch.float64, (64,))}
