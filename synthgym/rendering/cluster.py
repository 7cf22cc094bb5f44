"""Rendering on a Ray cluster: a job is a task of Ray's, which places it, and does it again if it is lost."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from typing import Any

from synthgym.errors import SynthgymError
from synthgym.rendering.connecting import connected
from synthgym.rendering.renderer import Job, Renderer, Result, Shared, Value
from synthgym.rendering.worker import Worker

AHEAD = 4
"""Jobs sent for each core: enough that none waits for the driver."""
RETRIES = 3
"""So often a job that is lost with its node or process is done again."""
SECONDS_BETWEEN_LOOKS = 10.0
"""After which the cluster is asked for its cores."""
PATIENCE = 60.0
"""Seconds that a cluster without any core is waited for."""
FETCHED = 16
"""Shared values that a process keeps."""


class Tasks:
    """Calls functions on the nodes of a cluster, a core for each call.

    Ray does the placing, sends calls to nodes that join, and does again what is lost with a node.

    Args:
        workers: how many calls at once, at most (default: one for each core of the cluster, as it grows).
        address: of the cluster, as ``ray.init`` takes it (default: the one this machine is part of; if
            there is none, one is started here).

    Raises:
        SynthgymError: Ray is not installed, the cluster is not reached, or it has fewer cores.
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        self.ray = connected(address)
        cores = self._cores()
        if workers is not None and not 0 < workers <= cores:
            raise SynthgymError(f"the Ray cluster has {cores} cores; ask for no more workers than that")
        self.most = workers
        self.cores = cores
        self._seen = self._looked = time.monotonic()
        self._sent: set[Any] = set()

    @property
    def workers(self) -> int:
        """Return how many calls are made at once."""
        return min(self.cores, self.most or self.cores) or 1

    @property
    def _ahead(self) -> int:
        # Ray itself sees to it that no core has two; fewer than all cores are nobody's but ours to count.
        return self.workers * (AHEAD if self.workers == self.cores else 1)

    def ordered(
        self, call: Callable[[Job], Any], jobs: Iterable[Job], done: Callable[[Any], None] | None = None
    ) -> Iterator[Any]:
        """Return the results in the order of the jobs; ``done`` has each as soon as it is there.

        Args:
            call: sends a job, as the ``remote`` of a function does.
            jobs: some of which are sent ahead of the results that are fetched.
            done: see above; an error comes after it has those that are there.

        Returns:
            The results, one by one as they are fetched.
        """
        jobs, window, found = iter(jobs), deque[Any](), dict[Any, Any]()
        try:
            while True:
                for job in islice(jobs, max(self._ahead - len(window), 0)):
                    window.append(self._send(call, job))
                if not window:
                    return
                while window[0] not in found:
                    # What nobody is to be told of stays on its node until its turn comes.
                    waiting = [window[0]] if done is None else [each for each in window if each not in found]
                    self._tell(self._ready(waiting), found, done)
                yield _value(found.pop(self._came(window.popleft())))
        except BaseException:  # Ctrl-C, a scheduler that ends the job, a cluster that is lost
            if done is not None and (waiting := [each for each in window if each not in found]):
                ready = self.ray.wait(waiting, num_returns=len(waiting), timeout=0)[0]
                self._tell(ready, found, done)
            raise
        finally:
            self._give_up(window)

    def unordered(
        self, call: Callable[[Job], Any], jobs: Iterable[Job], *, patiently: bool = False
    ) -> Iterator[Any]:
        """Return the results as they come; a job is taken up when there is a core for it.

        Args:
            call: sends a job, as the ``remote`` of a function does.
            jobs: may depend on the results so far.
            patiently: whether jobs that are given up are asked to end, as by Ctrl-C, and waited for.

        Returns:
            The results, one by one.
        """
        jobs, sent = iter(jobs), set[Any]()
        try:
            while True:
                self._look()
                sent |= {self._send(call, job) for job in islice(jobs, max(self.workers - len(sent), 0))}
                if not sent:
                    return
                for each in self._ready(list(sent)):
                    sent.remove(each)
                    yield _value(self._fetch(self._came(each)))
        finally:
            self._give_up(sent, force=not patiently)
            if patiently and sent:
                self.ray.wait(list(sent), num_returns=len(sent), timeout=PATIENCE)

    def close(self) -> None:
        """Give up what is being done."""
        self._give_up(self._sent.copy())

    def _send(self, call: Callable[[Job], Any], job: Job) -> Any:
        sent = call(job)
        self._sent.add(sent)
        return sent

    def _came(self, sent: Any) -> Any:
        self._sent.remove(sent)
        return sent

    def _give_up(self, sent: Iterable[Any], *, force: bool = True) -> None:
        for each in sent:
            self._sent.discard(each)
            with suppress(self.ray.exceptions.RayError):
                self.ray.cancel(each, force=force)

    def _ready(self, sent: list[Any]) -> list[Any]:
        """Return those of some results that are there, after some seconds at most."""
        ready: list[Any] = self.ray.wait(sent, num_returns=1, timeout=SECONDS_BETWEEN_LOOKS)[0]
        self._look()
        return ready

    def _look(self) -> None:
        """Look now and then how many cores there are; SynthgymError if there are none for long."""
        now = time.monotonic()
        if now - self._looked < min(SECONDS_BETWEEN_LOOKS, PATIENCE):
            return
        self._looked, cores = now, self._cores()
        if cores:
            self.cores, self._seen = cores, now
        elif now - self._seen > PATIENCE:
            raise SynthgymError("all nodes of the Ray cluster are lost; start it again and go on")

    def _cores(self) -> int:
        return int(self.ray.cluster_resources().get("CPU", 0))

    def _tell(self, ready: list[Any], found: dict[Any, Any], done: Callable[[Any], None] | None) -> None:
        for each in ready:
            found[each] = self._fetch(each)
            if done is not None and not isinstance(found[each], _Error):
                done(found[each])

    def _fetch(self, sent: Any) -> Any:
        errors = self.ray.exceptions
        try:
            return self.ray.get(sent)
        except errors.RayTaskError as error:
            if isinstance(error.cause, ImportError):
                return _Error(
                    SynthgymError(f"has every node of the cluster the same synthgym? {_line(error.cause)}")
                )
            return _Error(error.cause)
        except errors.RayError as error:
            return _Error(SynthgymError(f"a job of the cluster is lost again and again: {_line(error)}"))


class RayTasks(Renderer):
    """Renders by tasks on the nodes of a cluster; each process that does some keeps a copy of the worker.

    The jobs of a node that is lost are done again by the others, and nodes that join are put to work.
    Every node needs the same synthgym, and the files that the synth reads at the same paths.

    Args:
        worker: to copy.
        workers: how many cores are used (default: all of the cluster).
        address: of the cluster; see ``Tasks``.

    Raises:
        SynthgymError: Ray is not installed, the cluster is not reached, or it has fewer cores.
    """

    def __init__(self, worker: Worker, workers: int | None = None, address: str | None = None) -> None:
        self._tasks = Tasks(workers, address)
        self._do = self._tasks.ray.remote(num_cpus=1, max_retries=RETRIES)(_do)
        self._worker = self.share(worker)

    @property
    def workers(self) -> int:  # type: ignore[override]  # it changes with the cluster
        """Return how many jobs are done at once."""
        return self._tasks.workers

    def map(
        self,
        work: Callable[[Worker, Job], Result],
        jobs: Iterable[Job],
        *,
        done: Callable[[Result], None] | None = None,
    ) -> Iterator[Result]:
        """Return the results in order; an error comes after ``done`` has those that are there."""
        return self._tasks.ordered(lambda job: self._do.remote(self._worker, work, job), jobs, done)

    def share(self, value: Value) -> Shared[Value]:
        """Return a value that goes to every node once."""
        ray = self._tasks.ray
        # As bytes: what Ray itself takes apart has arrays that cannot be written to.
        return _OnTheCluster(ray.put(ray.cloudpickle.dumps(value)))

    def close(self) -> None:
        """Give up what is being done."""
        self._tasks.close()


class _Error:
    """What a job raised, until its turn comes."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _OnTheCluster(Shared[Value]):
    """A value in Ray's store."""

    def get(self) -> Value:
        """Return the value; a process fetches it once."""
        value: Value = _fetched(self._value)
        return value


@lru_cache(maxsize=FETCHED)
def _fetched(stored: Any) -> Any:
    import ray  # an extra

    return ray.cloudpickle.loads(ray.get(stored))


def _do(worker: Shared[Worker], work: Callable[[Worker, Job], Result], job: Job) -> Result:
    """Do a job, on a node."""
    return work(worker.get(), job)


def _value(found: Any) -> Any:
    if isinstance(found, _Error):
        raise found.error from None
    return found


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
