"""Rendering on a Ray cluster: one actor for each worker."""

from __future__ import annotations

import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from synthgym.errors import SynthgymError
from synthgym.rendering.listener import Listener
from synthgym.rendering.renderer import Job, Renderer, Result

AHEAD = 4
"""Jobs sent to each actor: enough that none waits for the driver."""


class RayActors(Renderer):
    """Actors on the nodes of a cluster, each with a copy of the listener and a core of its own.

    An actor whose node is lost is made again on another, and its jobs are done again. Every node
    needs the same synthgym, and the files that the synth reads at the same paths.

    Args:
        listener: to copy.
        workers: how many actors (default: one for each core of the cluster).
        address: of the cluster, as ``ray.init`` takes it (default: the one this machine is part of;
            if there is none, one is started here).

    Raises:
        SynthgymError: Ray is not installed, the cluster is not reached, or it has fewer cores.
    """

    def __init__(self, listener: Listener, workers: int | None = None, address: str | None = None) -> None:
        self._ray = ray = _connected(address)
        cores = int(ray.cluster_resources().get("CPU", 0))
        self.workers = workers or cores
        if not 0 < self.workers <= cores:
            raise SynthgymError(f"the Ray cluster has {cores} cores; ask for no more workers than that")
        kind = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=-1)(Listener)
        parts = listener.synth, listener.space, listener.features
        self._actors = [kind.remote(*parts) for _ in range(self.workers)]

    def map(self, work: Callable[[Listener, Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Return the results in order."""
        ray, jobs = self._ray, iter(jobs)
        waiting: deque[Any] = deque()  # in the order of the jobs
        working: dict[Any, int] = {}  # the actor of each result that is not made yet

        def send(job: Job) -> None:
            made, _ = ray.wait(list(working), num_returns=len(working), timeout=0) if working else ([], [])
            for result in made:
                del working[result]
            load = Counter(working.values())
            actor = min(range(self.workers), key=load.__getitem__)
            result = self._actors[actor].do.remote(work, job)
            working[result] = actor
            waiting.append(result)

        for job in islice(jobs, AHEAD * self.workers):
            send(job)
        while waiting:
            result = self._get(waiting.popleft())
            for job in islice(jobs, 1):
                send(job)
            yield result

    def _get(self, result: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(result)
        except errors.RayTaskError as error:
            if isinstance(error.cause, SynthgymError):
                raise error.cause from None
            raise
        except errors.RayError as error:
            reason = str(error).splitlines()[0]
            raise SynthgymError(f"the Ray cluster is lost: {reason}; start it again and go on") from error

    def close(self) -> None:
        """Let the actors go."""
        for actor in self._actors:
            self._ray.kill(actor)


def _connected(address: str | None) -> Any:
    """Return the module ray, connected to a cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of what is to come
    try:
        import ray
    except ImportError as error:
        raise SynthgymError("Ray is not installed: pip install 'synthgym[ray]'") from error
    if ray.is_initialized():
        return ray
    if address not in (None, "auto", "local"):
        _check(address)
    try:
        _start(ray, address or "auto")
    except (ConnectionError, RuntimeError, ValueError) as error:
        if address is not None:
            raise _unreachable(address) from error
        _start(ray, "local", include_dashboard=False)
    return ray


def _start(ray: Any, address: str, **options: Any) -> None:
    ray.init(address=address, log_to_driver=False, logging_level="error", **options)


def _check(address: str) -> None:
    """Raise SynthgymError unless somebody listens at ``host:port``; Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        raise _unreachable(address) from error


def _unreachable(address: str) -> SynthgymError:
    return SynthgymError(f"no Ray cluster is reached at {address!r}; start one (ray start --head)")
