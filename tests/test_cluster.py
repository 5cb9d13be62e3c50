"""A grid trained by other processes, of this machine or of a Dask cluster, has the runs that one process makes."""

import argparse
import contextlib
import functools
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from unittest.mock import MagicMock

import psutil
import pytest
import torch
from joblib.externals import loky

from bnbook import __main__ as command_line
from bnbook import data
from bnbook.lab import engine, kept
from bnbook.lab import workers as workers_module
from bnbook.lab.workers import workers

torch.set_num_threads(1)
ROOT = Path(command_line.__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
# Two shapes and 4 nets in one model: groups of 4, 1, 4, 1, whose numbers are those of this company.
GRID = [
    engine.Setting(net="mlp", norm=norm, lr=0.5, steps=6, every=3, seed=seed)
    for norm in ("none", "batch")
    for seed in range(5)
]


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def watching(killed=None, kept=None):
    """A watch function, nested as most are. At seed 4 it fails, or kills the first process that is there, if asked.

    killed  file that says it has been done
    kept    file of the finished runs: fails as soon as there are some, which the other worker brings
    """

    def watch(moment):
        if moment.step == 2 and moment.settings[0].seed == 4:
            if kept and moment.settings[0].norm == "batch":
                end = time.monotonic() + 60
                while not kept.exists() and time.monotonic() < end:
                    time.sleep(0.05)
                raise ValueError("no seed 4")
            if killed and not killed.exists():
                killed.touch()
                psutil.Process().kill()
        return {"weight": moment.net.linear1.weight.detach().sum((1, 2))}

    return watch


@pytest.fixture(scope="module")
def alone(digits):
    """The runs of one process."""
    return engine.run_all(GRID, digits, watch=watching(), together=4)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a Dask scheduler with two workers, and the three processes: all on loopback, at free ports."""
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    here = ["--scheduler-file", str(file), "--no-dashboard"]
    worker = ["worker", *here, "--no-nanny", "--nthreads", "1", "--death-timeout", "60"]
    started = []

    def start(*command):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen([sys.executable, "-m", "dask", *command], env=ENVIRONMENT, **quiet))

    start("scheduler", *here, "--host", "127.0.0.1", "--port", "0", "--idle-timeout", "600")
    try:
        start(*worker)
        start(*worker)
        while not file.exists():
            assert started[0].poll() is None
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        _wait_for_two_workers(address)
        yield address, started
    finally:
        for process in started:
            process.kill()
            process.wait()


def _wait_for_two_workers(address):
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)


def test_a_dask_worker_that_is_killed_costs_its_group_and_the_runs_are_those_of_one_process(
    cluster, digits, alone, tmp_path, capsys, monkeypatch
):
    address, (_, *processes) = cluster
    keep, killed = tmp_path / "grid.part", tmp_path / "killed"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with workers(cluster=address):
        runs = engine.run_all(GRID, digits, progress=True, watch=watching(killed), keep=keep, together=4)
        assert runs == alone and "60.0/60.0" in capsys.readouterr().err
        (dead,) = (process for process in processes if process.poll() is not None)
        assert killed.exists() and dead.returncode not in (0, None)
        assert sorted(map(len, groups_in(keep))) == [1, 1, 4, 4]
        # The worker that is left does all of it, and not this process.
        assert process_and_threads(digits) == {(process.pid, 1) for process in processes if process != dead}


def groups_in(keep):
    """The keys in each line of a file of finished groups."""
    return [list(json.loads(line)) for line in keep.read_text().splitlines() if line]


def process_and_threads(digits):
    def watch(moment):
        return {"process": [os.getpid()], "threads": [torch.get_num_threads()]}

    found = engine.run_all(GRID[:2], digits, watch=watch, together=1)
    watched = [run["watched"] for run in found]
    return {
        (int(process), threads) for w in watched for process, threads in zip(w["process"], w["threads"], strict=True)
    }


def test_a_grid_that_fails_on_a_worker_goes_on_from_what_is_kept(cluster, digits, alone, tmp_path):
    keep = tmp_path / "grid.part"
    with workers(cluster=cluster[0]):
        with pytest.raises(ValueError, match="^no seed 4$"):
            engine.run_all(GRID, digits, watch=watching(kept=keep), keep=keep, together=4)
        first = groups_in(keep)
        assert first and set(map(len, first)) <= {1, 4} and len(first) < 4
        assert engine.run_all(GRID, digits, watch=watching(), keep=keep, together=4) == alone
    assert groups_in(keep)[: len(first)] == first and sorted(map(len, groups_in(keep))) == [1, 1, 4, 4]


def test_an_experiment_of_a_room_on_the_cluster_writes_the_same_results(cluster, capsys, tmp_path, monkeypatch):
    from bnbook.chapters.n00_start_here import experiments

    monkeypatch.setattr(experiments, "first_look", functools.partial(experiments.first_look, rates=(0.2,)))
    found = []
    for more in ((), ("--cluster", cluster[0])):
        arguments = ("run", "first_look", "--seeds", "2", "--device", "cpu", "--out", str(tmp_path), *more)
        assert command_line.main(list(arguments)) == 0
        found.append(json.loads((tmp_path / "first_look.json").read_text()))
        assert found[-1].pop("command").endswith(" ".join(more))
    assert found[0] == found[1] and len(found[0]["runs"]) == 4


@pytest.mark.parametrize("part", ["_GROUND_SOURCE", "_source_of_room", "versions"])
def test_a_worker_with_other_code_is_refused_in_a_sentence(part, cluster, digits, monkeypatch):
    edited = "edited" if part == "_GROUND_SOURCE" else lambda *_: "edited"
    monkeypatch.setattr(kept, part, edited)
    says = r"the worker with process number \d+ on .+ has another bnbook than this command, or other versions of NumPy"
    with workers(cluster=cluster[0]), pytest.raises(RuntimeError, match=says):
        engine.run_all(GRID, digits)


def test_logging_that_was_turned_off_stays_off(cluster):
    logging.disable(logging.CRITICAL)
    try:
        with workers(cluster=cluster[0]):
            assert logging.root.manager.disable == logging.CRITICAL
        assert logging.root.manager.disable == logging.CRITICAL
    finally:
        logging.disable(logging.NOTSET)


def test_a_worker_without_bnbook_says_so(monkeypatch):
    call = workers_module._call()
    monkeypatch.setitem(sys.modules, "bnbook.lab.workers", None)
    with pytest.raises(RuntimeError, match="a worker lacks this command's bnbook (.+); give it the same"):
        call(None, None, b"", b"")


# --- processes of this machine ---------------------------------------------------------------------------------------


def test_a_process_that_is_killed_costs_what_is_at_work_and_none_is_left_over(digits, alone, tmp_path):
    others = loky.ProcessPoolExecutor(1)
    other = others.submit(os.getpid).result()
    with workers(2):
        keep, killed = tmp_path / "grid.part", tmp_path / "killed"
        assert engine.run_all(GRID, digits, watch=watching(killed), keep=keep, together=4) == alone
        assert killed.exists() and sorted(map(len, groups_in(keep))) == [1, 1, 4, 4]
        found = process_and_threads(digits)
        assert {threads for _, threads in found} == {1} and os.getpid() not in dict(found)
    assert not any(map(psutil.pid_exists, dict(found)))
    assert others.submit(os.getpid).result() == other, "a process that is not the grid's is left alone"
    others.shutdown(kill_workers=True)


class Handed:
    """An executor that calls at once, or fails when it is given its second job."""

    def __init__(self, error=None):
        self.error, self.number = error, 0

    def submit(self, call, *arguments):
        self.number += 1
        if self.error and self.number == 2:
            raise self.error
        future = Future()
        future.set_result(call(*arguments))
        return future


def test_what_goes_wrong_while_jobs_are_handed_out_is_tried_again_or_ends_the_processes():
    killed = Handed(loky.process_executor.TerminatedWorkerError("killed"))
    full, stopped = Handed(OSError("disk full")), []
    for executors, error in (((killed, Handed()), contextlib.nullcontext()), ((full,), pytest.raises(OSError))):
        before = workers_module._pool.set(
            workers_module._Pool(functools.partial(next, iter(executors)), stopped.append, lambda data: data)
        )
        try:
            with error:
                found = workers_module.as_they_come(pow, 3, [(1,), (2,), (3,)])
                assert list(found) == [(0, 3), (1, 9), (2, 27)]
        finally:
            workers_module._pool.reset(before)
    assert stopped == [full]


def test_a_process_without_work_stays_since_the_one_after_it_would_take_another_gpu(monkeypatch):
    monkeypatch.setattr(loky, "get_reusable_executor", made := MagicMock())
    with workers(2):
        workers_module._pool.get().executor()
    assert len(made.call_args_list) == 2 and all(call.kwargs["timeout"] is None for call in made.call_args_list)


def test_every_process_takes_the_next_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert workers_module._gpus() == ["0", "1"]
    found = []
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    for name in ("LokyProcess-1", "LokyProcess-2", "LokyProcess-3", "LokyProcess-12"):
        monkeypatch.setattr(multiprocessing.current_process(), "name", name)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "none yet")
        workers_module._begin(["4", "7"])
        found.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert found == ["4", "7", "4", "7"]
    workers_module._begin([])
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7", "without GPUs nothing is changed"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_says_one_sentence_and_leaves_no_process(tmp_path):
    script = """if True:
        import sys
        from bnbook import __main__
        from bnbook.chapters.n00_start_here import experiments
        from bnbook.lab import engine
        def first_look(data, seeds=5, device="cpu", keep=None):
            settings = [engine.Setting(net="mlp", steps=5, seed=seed) for seed in range(1000)]
            return engine.run_all(settings, data, device, keep=keep, together=1)
        experiments.first_look = first_look
        sys.exit(__main__.main(["run", "first_look", "--workers", "2", "--out", "."]))
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    running = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=ENVIRONMENT, **pipes)
    try:
        while not (tmp_path / "first_look.part").exists():
            assert running.poll() is None
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of its processes
        said, _ = running.communicate(timeout=60)
        kept_in = "the runs that are finished are kept in first_look.part, and the same command goes on from there"
        assert (running.returncode, said) == (130, f"bnbook: stopped: {kept_in}\n")
        until = time.monotonic() + 20
        while living(running.pid):  # joblib's keeper of files ends a moment later
            assert time.monotonic() < until, "a process is left over"
            time.sleep(0.05)
    finally:
        if living(running.pid):
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()


def living(group):
    """The processes of a group, without those that have ended and wait for their parent to notice."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("first_look", "--workers", "0"), "workers is 0; it must be 1 or more"),
        (("first_look", "--workers", "2", "--cluster", "tcp://h:1"), "a --cluster brings its own: give one of the two"),
        (("variance_errors", "--workers", "2"), "variance_errors has no grid of trainings to hand out"),
        (("first_look", "--cluster", "tcp://127.0.0.1:1"), "no Dask scheduler answers at tcp://127.0.0.1:1: start one"),
        (("first_look", "--cluster", "here"), "no Dask scheduler answers at here: start one with `dask scheduler`"),
    ],
)
def test_mistakes_get_one_sentence(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(workers_module, "SECONDS", 0.2)
    assert command_line.main(["run", *arguments, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("bnbook: ") and says in said and said.count("\n") == 1


def test_on_gpus_there_is_one_worker_each(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for device, gpus in (("cuda", 2), ("cuda:1", 1)):
        arguments = ["run", "first_look", "--device", device, "--workers", "3", "--out", str(tmp_path)]
        assert command_line.main(arguments) == 2
        assert f"--workers is 3, and on {device} there is one for each GPU, here {gpus}" in capsys.readouterr().err


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    says = r"a cluster needs Dask, which is not installed: it comes with the extra"
    with pytest.raises(ValueError, match=says), workers(cluster="tcp://127.0.0.1:8786"):
        pass


def test_a_cluster_without_workers_or_with_threads_is_refused_with_the_command():
    start = "start them with `dask worker tcp://h:1 --nthreads 1`, one for each core or GPU"
    for threads, says in (([], "has no workers: "), ([1, 8], "has 8 threads, and a training takes one: ")):
        with pytest.raises(ValueError) as refused:
            workers_module._check(threads, "tcp://h:1")
        assert str(refused.value).endswith(f" at tcp://h:1 {says}{start}")


def test_a_cluster_that_fails_is_told_in_a_sentence():
    from distributed.scheduler import KilledWorker

    gone, killed = Future(), Future()
    gone.cancel()
    killed.set_exception(KilledWorker("call-1", argparse.Namespace(address="tcp://h:2"), 3))
    with pytest.raises(RuntimeError, match="the Dask scheduler has ended, or dropped what it was given"):
        workers_module._is_done(gone)
    with pytest.raises(RuntimeError, match="the Dask cluster gives up: Attempted to run task 'call-1' on 4 different"):
        workers_module._is_done(killed)
