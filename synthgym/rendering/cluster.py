"""Rendering on a Ray cluster: one actor for each worker."""

from __future__ import annotations

import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from synthgym.errors import SynthgymError
from synthgym.rendering.listener import Listener
from synthgym.rendering.renderer import Job, Renderer, Result

AHEAD = 4
"""Jobs sent to each actor: enough that none waits for the driver."""
PATIENCE = 60.0
"""Seconds that a cluster without any node is waited for."""


class RayActors(Renderer):
    """Actors on the nodes of a cluster, each with a copy of the listener and a core of its own.

    The jobs of an actor that is lost with its node are done again by the others; a new actor takes its
    place as soon as there is a core for it. Every node needs the same synthgym, and the files that the
    synth reads at the same paths.

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
        kind = ray.remote(num_cpus=1)(Listener)
        self._new = partial(kind.remote, listener.synth, listener.space, listener.features)
        self._actors = [self._new() for _ in range(self.workers)]
        self._coming: dict[Any, Any] = {}  # new actors, by the first thing they answer

    def map(self, work: Callable[[Listener, Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Return the results in order."""
        jobs = iter(jobs)
        sent: deque[_Sent] = deque()  # in the order of the jobs
        for job in islice(jobs, AHEAD * self.workers):
            sent.append(self._send(work, job, sent))
        while sent:
            try:
                result = self._ray.get(sent[0].result)
            except self._ray.exceptions.RayActorError:
                lost = sent[0].actor
                self._replace(lost)
                for place, other in enumerate(sent):
                    if other.actor is lost:
                        sent[place] = self._send(work, other.job, sent)
                continue
            except self._ray.exceptions.RayTaskError as error:
                raise error.cause from None
            sent.popleft()
            for job in islice(jobs, 1):
                sent.append(self._send(work, job, sent))
            yield result

    def _send(self, work: Any, job: Any, sent: Iterable[_Sent]) -> _Sent:
        """Give a job to the actor that has least to do."""
        results = [other.result for other in sent]
        made, _ = self._ray.wait(results, num_returns=len(results), timeout=0) if results else ((), ())
        done = set(made)
        load = Counter(id(other.actor) for other in sent if other.result not in done)
        actor = min(self._alive(), key=lambda actor: load[id(actor)])
        return _Sent(job, actor, actor.do.remote(work, job))

    def _alive(self) -> list[Any]:
        """Return the actors that are there, new ones among them."""
        if self._coming:
            patience = 0 if self._actors else PATIENCE
            for answer in self._ray.wait(list(self._coming), timeout=patience, fetch_local=False)[0]:
                self._actors.append(self._coming.pop(answer))
        if not self._actors:
            raise SynthgymError("all nodes of the Ray cluster are lost; start it again and go on")
        return self._actors

    def _replace(self, lost: Any) -> None:
        self._actors = [actor for actor in self._actors if actor is not lost]
        actor = self._new()
        self._coming[actor.do.remote(_answer, None)] = actor

    def close(self) -> None:
        """Let the actors go."""
        for actor in (*self._actors, *self._coming.values()):
            self._ray.kill(actor)


class _Sent(NamedTuple):
    """A job, the actor it was given to, and the reference of its result."""

    job: Any
    actor: Any
    result: Any


def _answer(listener: Listener, job: None) -> None:
    """Do nothing, as soon as there is somebody to do it."""


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
