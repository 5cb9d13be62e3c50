"""Who trains the groups of a grid: this process, more of them on this machine, or a Dask cluster.

`joblib` hands the groups out, and its `parallel_config` says to whom. What a group is, `engine` alone decides, so that
its numbers are the same to the last bit wherever it is trained.
"""

import contextlib
import multiprocessing
import os
import re
import socket
import warnings

import joblib
import torch
from joblib.externals import loky
from threadpoolctl import threadpool_limits

from .kept import calling_room, made_by

SECONDS = 5  # that a scheduler has to answer


@contextlib.contextmanager
def workers(number=1, cluster=None):
    """Inside of this, `engine.run_all` trains its groups on these workers.

    number   processes on this machine, one thread each, and with GPUs one each; 1 is this process
    cluster  address of a Dask scheduler, such as tcp://HOST:8786: its workers, one thread each
    Raises ValueError if number is below 1, no scheduler answers, or Dask is not installed.
    """
    if number < 1:
        raise ValueError(f"workers is {number}; it must be 1 or more")
    if cluster:
        with _connected(cluster) as client, joblib.parallel_config(_backend(client)):
            yield
    elif number == 1:
        yield
    else:
        start = {"initializer": _take_one_gpu, "initargs": (_gpus(),)}
        with joblib.parallel_config("loky", n_jobs=number, inner_max_num_threads=1, **start):
            try:
                yield
            finally:
                loky.get_reusable_executor().shutdown(kill_workers=True)


def _gpus():
    """What CUDA_VISIBLE_DEVICES may be for each worker."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return chosen.split(",") if chosen else [str(number) for number in range(torch.cuda.device_count())]


def _take_one_gpu(gpus):
    """Called when a process starts, before it has looked for a GPU: it will see one, and call it cuda."""
    if gpus:
        number = int(re.search(r"\d+$", multiprocessing.current_process().name)[0])  # LokyProcess-1 is the first
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[(number - 1) % len(gpus)]


@contextlib.contextmanager
def _connected(address):
    """A client of the scheduler at address, which has workers of one thread each."""
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("a cluster needs Dask, which is not installed: pip install 'bnbook[cluster]'") from None
    try:
        client = Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError):
        raise ValueError(
            f"no Dask scheduler answers at {address}: start one with `dask scheduler`, which prints its address"
        ) from None
    with client:
        threads = client.nthreads().values()
        start = f"start them with `dask worker {address} --nthreads 1`, one for each core or GPU"
        if not threads:
            raise ValueError(f"the Dask scheduler at {address} has no workers: {start}")
        if max(threads) > 1:
            raise ValueError(f"a worker at {address} has {max(threads)} threads, and a training takes one: {start}")
        yield client


def _backend(client):
    """joblib's for Dask, which hands out to a single worker too: joblib takes one job at a time for none."""
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):
        def effective_n_jobs(self, n_jobs):
            return 1 + super().effective_n_jobs(n_jobs)

        def abort_everything(self, ensure_ready=True):
            self.client.cancel(list(self._callbacks))
            super().abort_everything(ensure_ready)

    return Backend(client=client)


# --- handing out -----------------------------------------------------------------------------------------------------


def as_they_come(job, tasks):
    """Call job(*task) for each task on the workers: yields (position, what it returned), in the order of finishing.

    Raises what a job raises; RuntimeError if a worker runs other code, or workers end without having finished anything.
    """
    room, left = calling_room(), dict(enumerate(tasks))
    home = (socket.gethostname(), os.getpid())
    made = made_by(room)
    while left:
        before = len(left)
        calls = [joblib.delayed(_there)(home, made, room, position, job, task) for position, task in left.items()]
        try:
            with _closing(joblib.Parallel(batch_size=1, return_as="generator_unordered")(calls)) as results:
                for position, result in results:
                    del left[position]
                    yield position, result
        except loky.process_executor.TerminatedWorkerError:  # the others end with it; new ones do what is left
            if len(left) == before:
                raise RuntimeError("worker processes end, killed or out of memory, and finish nothing") from None


@contextlib.contextmanager
def _closing(results):
    """As `contextlib.closing`; joblib's warning that some results are lost is no news to who leaves before the end."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()


def _there(home, made, room, position, job, task):
    """Do the job; in another process than that at home refuse other code first, and take one thread."""
    host, process = here = (socket.gethostname(), os.getpid())
    if here != home:
        if made_by(room) != made:
            raise RuntimeError(
                f"the worker with process number {process} on {host} has another bnbook, or other versions of NumPy, "
                "SciPy or PyTorch, than this command: give it the same, and start it again"
            )
        torch.set_num_threads(1)
        threadpool_limits(1)
    return position, job(*task)
