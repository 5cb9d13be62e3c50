"""Processes started from a notebook do what they are told, say what went wrong, and are gone afterwards."""

import os
import threading
import time

import psutil
import pytest
import torch
import torch.distributed as dist
from jupyter_client.manager import start_new_kernel

from bnbook.lab import processes
from bnbook.lab.processes import RankError, Ranks


@pytest.fixture(scope="module")
def three():
    with Ranks(3) as three:
        yield three


def sum_of_all(value):
    x = torch.full((2,), value + dist.get_rank())
    dist.all_reduce(x)
    print("rank", dist.get_rank(), "of", os.environ["WORLD_SIZE"])
    return x, os.getpid()


def gone(pids, within=10):
    """Whether none of these processes runs any more, after so many seconds at most."""

    def runs(pid):
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    end = time.monotonic() + within
    while any(map(runs, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(runs, pids))


def test_results_come_back_by_rank_and_what_is_printed_too(three, capsys):
    local = 10.0  # a function defined here is sent with what it uses
    found = three.run(lambda: sum_of_all(local))
    assert all(torch.equal(x, torch.tensor([33.0, 33.0])) for x, _ in found)
    assert len({pid for _, pid in found}) == 3 and os.getpid() not in {pid for _, pid in found}
    assert capsys.readouterr().out == "".join(f"[rank {r}] rank {r} of 3\n" for r in range(3))
    assert [pid for _, pid in three.run(sum_of_all, 1.0)] == [pid for _, pid in found], "the same processes"


def raises():
    print("before")
    if dist.get_rank() == 2:
        return {}["no such key"]
    dist.all_reduce(torch.ones(2))


def ends():
    print("before")
    if dist.get_rank() == 1:
        os._exit(3)
    dist.all_reduce(torch.ones(2))


def leaves():
    print("before")
    if dist.get_rank():
        dist.all_reduce(torch.ones(2))


@pytest.mark.parametrize(
    "function, says, printed",
    [
        (raises, r"^rank 2 raised KeyError: 'no such key', in line \d+ of raises: return \{\}\[\"no such key\"\]", {2}),
        (ends, "^rank 1 died with exit code 3", set()),
        (leaves, r"^rank 1, 2 still waits, 0.5 seconds after the others were done: every rank must call the same", {0}),
    ],
)
def test_a_rank_that_fails_is_one_error_that_names_it_and_new_ones_are_started(
    three, function, says, printed, monkeypatch, capsys
):
    monkeypatch.setattr(processes, "PATIENCE", 0.5)
    before = [pid for _, pid in three.run(sum_of_all, 1.0)]
    capsys.readouterr()
    began = time.monotonic()
    with pytest.raises(RankError, match=says) as caught:
        three.run(function)
    assert time.monotonic() - began < 10 and caught.value._render_traceback_() == [f"RankError: {caught.value}"]
    out = capsys.readouterr().out
    assert all(f"[rank {rank}] before\n" in out for rank in printed), "what a rank printed before it failed"
    assert gone(before)
    assert torch.equal(three.run(sum_of_all, 0.0)[1][0], torch.tensor([3.0, 3.0]))


def test_what_cannot_be_sent_or_started_is_refused_before_anything_runs(three):
    with pytest.raises(TypeError, match="cannot pickle"):
        three.run(print, threading.Lock())
    with pytest.raises(ValueError, match="number is 0; a group has 1 process or more"):
        Ranks(0)


def test_no_process_is_left_when_a_group_is_closed_or_its_last_name_is_gone():
    for end in (lambda two: two.close(), lambda two: None):
        two = Ranks(2)
        pids = two.run(os.getpid)
        end(two)
        del two
        assert gone(pids)


def test_no_process_is_left_of_a_start_that_was_interrupted(monkeypatch):
    start, started = processes.multiprocessing.start_processes, []

    def interrupted(*args):
        started.extend(start(*args).processes)
        raise KeyboardInterrupt

    monkeypatch.setattr(processes.multiprocessing, "start_processes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Ranks(2).run(os.getpid)
    assert len(started) == 2 and gone([process.pid for process in started])


CELLS = {
    "start": "import os, time, torch, torch.distributed as dist\nfrom bnbook.lab import processes\n"
    "processes.IMPORTED = ['torch']\nranks = processes.Ranks(2)\ndef pids():\n    return os.getpid(), os.getppid()\n"
    "def stuck():\n    time.sleep(1000 * dist.get_rank())\n    dist.all_reduce(torch.ones(2))\n"
    "print(ranks.run(pids))",
    "failed": "print(ranks.run(pids))\ndef half(x):\n    y = x\n    return y / dist.get_rank()\nranks.run(half, 1)",
    "interrupted": "print(ranks.run(pids))\nranks.run(stuck)",
    "killed": "print(ranks.run(pids))\nranks.run(stuck)",
}


def test_in_a_notebook_none_is_left_after_a_failed_cell_an_interrupt_or_the_end_of_the_kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        for name, source in CELLS.items():
            client.execute(source)
            while True:
                message = client.get_iopub_msg(timeout=120)
                content = message["content"]
                if message["msg_type"] == "stream":
                    pairs = eval(content["text"])  # of each rank, and of the server that forked it
                    ranks, server = {rank for rank, _ in pairs}, {parent for _, parent in pairs}
                    assert len(ranks) == 2
                    if name == "interrupted":
                        manager.interrupt_kernel()  # reaches all processes, as the button does
                    if name == "killed":
                        psutil.Process(manager.provisioner.pid).kill()  # as the system does, out of memory
                        assert gone(ranks | (server - {manager.provisioner.pid}))
                        return
                if message["msg_type"] == "error":
                    assert gone(ranks)
                    assert content["ename"] == {"failed": "RankError", "interrupted": "KeyboardInterrupt"}[name]
                    if name == "failed":
                        (line,) = content["traceback"]
                        sentence = "RankError: rank 0 raised ZeroDivisionError: division by zero, in line 4 of half: "
                        assert line == sentence + "return y / dist.get_rank()"
                if message["msg_type"] == "status" and content["execution_state"] == "idle":
                    break
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
