"""Several real processes for one notebook: started once, given functions to run, gone when the notebook is.

What starts them is torchrun's own layer below its command line, torch.multiprocessing. They meet in one group of
torch.distributed on this machine, by gloo and on the CPU, whatever GPUs there are: four of them need no four GPUs.
"""

import io
import linecache
import os
import signal
import sys
import threading
import time
import traceback
import weakref
from contextlib import redirect_stderr, redirect_stdout, suppress
from datetime import timedelta
from multiprocessing import connection, forkserver, parent_process
from pathlib import Path
from typing import NamedTuple

import cloudpickle
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

HOST = "127.0.0.1"
LOOPBACK = {"linux": "lo", "darwin": "lo0"}  # elsewhere gloo finds it by itself
# On Linux a server imports torch once and forks the ranks off, in hundredths of a second; it never runs a notebook's
# code, so nothing is forked in the middle of something. Elsewhere torch is not safe to fork: each rank imports its own.
START = "forkserver" if sys.platform == "linux" else "spawn"
# Each rank would import these by itself, the last one as soon as it makes a DistributedDataParallel, a second each.
IMPORTED = ["torch", "bnbook.norm_torch", "bnbook.nets", "torch.nn.parallel.distributed", "torch._dynamo"]
TICK = 0.2  # seconds; waiting is counted in them, so that a machine which stood still for a minute is not a hang
PATIENCE = 20  # seconds that the last rank may need after the others


class RankError(RuntimeError):
    """A process failed: which one, and how. A notebook shows the sentence; elsewhere its traceback is a note."""

    def _render_traceback_(self):  # read by IPython
        return [f"RankError: {self}"]


class Ranks:
    """A group of processes, rank 0 to number - 1, that stays until `close`, or until this process ends in any way.

        with Ranks(4) as ranks:
            ranks.run(function, *args)      gives [what function(*args) returns on rank 0, on rank 1, ...]

    In a function torch.distributed is ready: get_rank(), all_reduce(...), DistributedDataParallel. It may be defined in
    the notebook, and is sent with all that it uses; arguments and results are sent too, as copies. What a rank prints
    comes out here, rank by rank, also when one fails. The first `run` starts them, in about two seconds; a script
    guards it by `if __name__ == "__main__":`, as multiprocessing asks.

    number   of processes
    timeout  seconds that a rank waits for the others in an exchange
    """

    def __init__(self, number, timeout=60):
        if number < 1:
            raise ValueError(f"number is {number}; a group has 1 process or more")
        self.number, self.timeout, self._end = number, timeout, None
        if START == "forkserver":  # it imports while the notebook goes on
            forkserver.set_forkserver_preload(IMPORTED)
            forkserver.ensure_running()

    def run(self, function, *args):
        """Call function(*args) on every rank at once; a list of what they return, rank 0 first.

        Raises RankError that names the rank if one raises, dies, or is not done 20 seconds after all others. All are
        ended then, since they are out of step (after Ctrl-C, too), and the next `run` starts new ones.
        """
        __tracebackhide__ = True  # IPython leaves this frame out
        work = cloudpickle.dumps((function, args))
        if self._end is None or not all(process.is_alive() for process in self.processes):
            self._start()
        answers = {}
        try:
            for pipe in self._pipes:
                with suppress(OSError):  # it has died; the answers will say so
                    pipe.send_bytes(work)
            self._wait_for(answers)
        except BaseException:
            self.close()
            raise
        finally:
            for rank, answer in sorted(answers.items()):
                print(*(f"[rank {rank}] {line}\n" for line in answer.printed.splitlines()), sep="", end="")
        return [cloudpickle.loads(answers[rank].value) for rank in range(self.number)]

    def close(self):
        """End the processes at once; the next `run` starts new ones."""
        if self._end is not None:
            self._end()
            self._end = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _start(self):
        self.close()
        store = dist.TCPStore(HOST, 0, is_master=True, wait_for_workers=False)  # 0: the system gives a free port
        self._pipes, theirs = zip(*(multiprocessing.Pipe() for _ in range(self.number)), strict=True)
        args, before = (self.number, store.port, self.timeout, theirs), multiprocessing.active_children()
        try:
            started = multiprocessing.start_processes(_serve, args, self.number, False, True, START)
        except BaseException:  # Ctrl-C while the first of them are there
            _end(
                [process for process in multiprocessing.active_children() if process not in before], self._pipes, store
            )
            raise
        self.processes = started.processes
        for pipe in theirs:
            pipe.close()
        # Called by `close`, when the last name of this object is gone, or when Python ends: once.
        self._end = weakref.finalize(self, _end, self.processes, self._pipes, store)

    def _wait_for(self, answers):
        """Fill in {rank: its answer}, until all are there or one has failed: what came until then was printed."""
        ticks = 0
        while len(answers) < self.number:
            missing = [rank for rank in range(self.number) if rank not in answers]
            ends = [end for rank in missing for end in (self._pipes[rank], self.processes[rank].sentinel)]
            if not connection.wait(ends, TICK):
                ticks += bool(answers)
                if ticks * TICK > PATIENCE:
                    raise RankError(_still_waiting(missing))
            answers |= self._heard(missing)
            if any(answer.error for answer in answers.values()):
                raise self._error(answers)

    def _heard(self, ranks):
        """What these ranks have answered by now, or that they have died."""
        found = {}
        for rank in ranks:
            alive = self.processes[rank].is_alive()  # asked first: it may answer and then end
            try:
                if self._pipes[rank].poll():
                    found[rank] = cloudpickle.loads(self._pipes[rank].recv_bytes())
            except (EOFError, OSError):
                alive = False
            if rank not in found and not alive:
                self.processes[rank].join(1)  # its pipe may be closed a moment before it is gone
                found[rank] = _Answer(error=f"died with exit code {self.processes[rank].exitcode}", died=True)
        return found

    def _error(self, answers):
        """A RankError that names the failure behind the others: a death, else an error of a rank's own."""
        for _ in range(int(2 / TICK)):  # one fails, and then others for lack of it: these may be heard first
            if len(answers) < self.number:
                time.sleep(TICK)
                answers |= self._heard(rank for rank in range(self.number) if rank not in answers)
        failed = sorted((rank, answer) for rank, answer in answers.items() if answer.error)
        rank, answer = min(failed, key=lambda pair: (not pair[1].died, "gloo" in pair[1].error.lower()))
        error = RankError(f"rank {rank} {answer.error}{_place(answer.line)}")
        for rank, answer in failed:
            error.add_note(f"rank {rank} {answer.trace or answer.error}")
        return error


class _Answer(NamedTuple):
    """What a rank sends back: what it printed and returned, or how it failed, where, and with what traceback."""

    printed: str = ""
    value: bytes = b""
    error: str = ""
    died: bool = False
    line: tuple = ()  # file, number, function
    trace: str = ""


def _place(line):
    """Where it was, for a sentence: this process knows the cells of its notebook, the rank does not."""
    if not line:
        return ""
    file, number, name = line
    source = linecache.getline(file, number).strip()
    return f", in line {number} of {name}{source and f': {source}'}"


def _still_waiting(ranks):
    return (
        f"rank {', '.join(map(str, ranks))} still waits, {PATIENCE} seconds after the others were done: every rank "
        "must call the same exchanges (all_reduce, all_gather, a forward and a backward pass) equally often"
    )


def _end(processes, pipes, store):
    """Kill: a process that waits in an exchange hears nothing else. The store lives until then, so it is handed on."""
    for process in processes:
        process.kill()
    for process in processes:
        process.join()
    for pipe in pipes:
        pipe.close()


# --- in a rank -------------------------------------------------------------------------------------------------------


def _serve(rank, number, port, timeout, pipes):
    """What a rank does all its life: meet the others, then answer what comes through its pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one decides what it means
    threading.Thread(target=_end_with_parent, daemon=True).start()
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1), os.dup2(silent, 2)  # gloo says hello from C++; what Python prints is sent instead
    for other in pipes[:rank] + pipes[rank + 1 :]:
        other.close()
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(number)}  # as torchrun has them
    if sys.platform in LOOPBACK:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", LOOPBACK[sys.platform])
    store = dist.TCPStore(HOST, port, is_master=False)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=number, timeout=timedelta(seconds=timeout))
    while True:
        try:
            work = pipes[rank].recv_bytes()
        except EOFError:
            os._exit(0)
        answer = _answer(work)
        pipes[rank].send_bytes(cloudpickle.dumps(answer))
        if answer.error:
            os._exit(1)  # which closes its connections: who waits for it hears so at once


def _end_with_parent():
    """However the notebook's process ends, even killed: nothing it started is left, not even in an exchange."""
    parent_process().join()
    os._exit(1)


def _answer(work):
    printed = io.StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            function, args = cloudpickle.loads(work)
            value = cloudpickle.dumps(function(*args))
        return _Answer(printed.getvalue(), value)
    except Exception as error:
        words = " ".join(str(error).split())
        trace = "".join(traceback.format_exception(error))
        return _Answer(
            printed.getvalue(), error=f"raised {type(error).__name__}: {words}", line=_line_of(error), trace=trace
        )


def _line_of(error):
    """The last line of the function's own code, neither ours nor a library's."""
    libraries = (sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]))
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(libraries)]
    return (frames[-1].filename, frames[-1].lineno, frames[-1].name) if frames else ()
