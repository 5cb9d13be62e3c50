"""Who trains the groups of a grid: this process, more of them on this machine, or a Dask cluster.

What a group is, `engine` alone decides, so that its numbers are the same to the last bit wherever it is trained. Both
kinds of workers stand behind a `concurrent.futures` executor: loky's, which joblib brings, and Dask's.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import pickle
import re
import signal
import socket
import threading
import warnings
from concurrent.futures import CancelledError
from contextvars import ContextVar
from queue import SimpleQueue
from typing import NamedTuple

import torch
from joblib import wrap_non_picklable_objects
from joblib.externals import loky
from threadpoolctl import threadpool_limits

from .kept import calling_room, made_by

SECONDS = 5  # that a scheduler has to answer


class _Pool(NamedTuple):
    """Where jobs go: how to get an executor, to stop it with its jobs, to send ahead what all the jobs need."""

    executor: callable
    stop: callable
    sent: callable


_pool = ContextVar("pool", default=None)  # None: this process


@contextlib.contextmanager
def workers(number=1, cluster=None):
    """Inside of this, `engine.run_all` trains its groups on these workers.

    number   processes on this machine, one thread each, and with GPUs one each; 1 is this process
    cluster  address of a Dask scheduler, such as tcp://HOST:8786: its workers, one thread each
    Raises ValueError if number is below 1, no scheduler answers, or Dask is not installed.
    """
    if number < 1:
        raise ValueError(f"workers is {number}; it must be 1 or more")
    with _on_cluster(cluster) if cluster else _processes(number) as pool:
        before = _pool.set(pool)
        try:
            yield
        finally:
            _pool.reset(before)


# --- on this machine -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _processes(number):
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # No timeout: one that ended for lack of work would be followed by one of another number, and so another GPU.
    how = {"env": threads, "initializer": _begin, "initargs": (_gpus(),), "timeout": None}
    others = multiprocessing.active_children()

    def executor():
        pool = loky.get_reusable_executor(number, **how)  # new processes, if one of the old has been killed
        with _deaf():
            pool.submit(int)  # starts them
        return pool

    def stop(pool):
        _end(pool, others)

    try:
        # No future is cancelled: loky's shutdown gives each an exception, and breaks down over one that has ended.
        yield None if number == 1 else _Pool(executor, stop, lambda data: data)
    finally:
        if number > 1:
            stop(loky.get_reusable_executor(number, **how))


def _end(pool, others):
    """End the processes, whatever they are at, but no others; loky's thread may stumble over jobs that are gone."""
    before, threading.excepthook = threading.excepthook, lambda stumbled: None
    try:
        pool.shutdown(kill_workers=True)
    finally:
        threading.excepthook = before
        for process in multiprocessing.active_children():
            if process.name.startswith("LokyProcess") and process not in others:
                process.kill()


@contextlib.contextmanager
def _deaf():
    """Processes that are started meanwhile do not hear Ctrl-C: this one does, and ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _gpus():
    """What CUDA_VISIBLE_DEVICES may be for each worker."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return chosen.split(",") if chosen else [str(number) for number in range(torch.cuda.device_count())]


def _begin(gpus):
    """Called when a process starts, before it has looked for a GPU: it will see one, and call it cuda."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if gpus:
        number = int(re.search(r"\d+$", multiprocessing.current_process().name)[0])  # LokyProcess-1 is the first
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[(number - 1) % len(gpus)]


# --- on a cluster ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _on_cluster(address):
    try:
        from distributed import Client
        from distributed.comm import connect
    except ImportError:
        raise ValueError(
            "a cluster needs Dask, which is not installed: it comes with the extra `cluster` of bnbook"
        ) from None

    async def ask():  # before there is a client, of which something would be left over
        await (await connect(address, timeout=SECONDS)).close()

    try:
        asyncio.run(asyncio.wait_for(ask(), SECONDS + 1))
        client = Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError, MemoryError):  # the last: what another kind of server says, read as a length
        raise ValueError(
            f"no Dask scheduler answers at {address}: start one with `dask scheduler`, which prints its address"
        ) from None

    def sent(data):  # as a job of its own, whose result each worker fetches once; if it is lost it is made again
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            return client.submit(bytes, data, pure=False)

    before = logging.root.manager.disable
    logging.disable(max(before, logging.ERROR))  # Dask's tracebacks; what goes wrong is said below, in a sentence
    try:
        with client:
            _check(client.nthreads().values(), address)
            yield _Pool(lambda: client.get_executor(pure=False), lambda pool: pool.shutdown(wait=False), sent)
    finally:
        logging.disable(before)


def _check(threads, address):
    """Refuse workers that would disturb each other, and none at all."""
    start = f"start them with `dask worker {address} --nthreads 1`, one for each core or GPU"
    if not threads:
        raise ValueError(f"the Dask scheduler at {address} has no workers: {start}")
    if max(threads) > 1:
        raise ValueError(f"a worker at {address} has {max(threads)} threads, and a training takes one: {start}")


# --- handing out -----------------------------------------------------------------------------------------------------


def as_they_come(job, data, tasks):
    """Call job(data, *task) for each task on the workers: yields (position, what it returned), those done first first.

    Raises what a job raises; RuntimeError if a worker runs other code, or workers end and nothing is finished.
    """
    pool, left = _pool.get(), dict(enumerate(tasks))
    if pool is None:
        yield from ((position, job(data, *task)) for position, task in left.items())
        return
    room, call = calling_room(), _call()
    same = (made_by(room), room, pool.sent(_packed(data)))
    while left:
        before, executor, futures = len(left), pool.executor(), {}
        try:
            with contextlib.suppress(loky.process_executor.TerminatedWorkerError):  # the rest: next time
                for at, task in left.items():
                    futures[executor.submit(call, *same, _packed((job, task)))] = at
            for future in _those_done_first(futures):
                if _is_done(future):
                    del left[futures[future]]
                    yield futures[future], future.result()
        except BaseException:
            pool.stop(executor)
            raise
        if len(left) == before:
            raise RuntimeError("worker processes end, killed or out of memory, and finish nothing")


def _those_done_first(futures):
    """Futures in the order in which they end, so that what is finished before one fails is handed on before it."""
    done = SimpleQueue()
    for future in futures:
        future.add_done_callback(done.put)
    for _ in futures:
        yield done.get()


def _packed(thing):
    """Bytes, of functions within functions too, which pickle alone refuses: most watch functions are such."""
    return pickle.dumps(wrap_non_picklable_objects(thing, keep_wrapper=False))


def _is_done(future):
    """Whether it has a result; False if it went down with a process of this machine, to be done once more."""
    try:
        future.result()
        return True
    except loky.process_executor.TerminatedWorkerError:  # one is killed: all end
        return False
    except CancelledError:
        raise RuntimeError("the Dask scheduler has ended, or dropped what it was given; its log says why") from None
    except Exception as error:
        if not type(error).__module__.startswith("distributed"):
            raise
        raise RuntimeError(f"the Dask cluster gives up: {str(error).split('. ')[0].strip('.')}") from None


def _call():
    """`_there` for a process that may have another bnbook, or none: as a nested function it is sent whole."""

    def call(*arguments):
        try:
            from bnbook.lab.workers import _there
        except ImportError as error:
            raise RuntimeError(f"a worker lacks this command's bnbook ({error}); give it the same") from None
        return _there(*arguments)

    return call


def _there(made, room, data, errand):
    """In another process: refuse other code before anything of it is read, take one thread, do the job."""
    if made_by(room) != made:
        raise RuntimeError(
            f"the worker with process number {os.getpid()} on {socket.gethostname()} has another bnbook than this "
            "command, or other versions of NumPy, SciPy or PyTorch; give it the same, and start it again"
        )
    torch.set_num_threads(1)
    threadpool_limits(1)
    job, task = pickle.loads(errand)
    return job(pickle.loads(data), *task)
