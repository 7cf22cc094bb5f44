"""Rendering on a Ray cluster: one actor for each worker."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from synthgym.errors import SynthgymError
from synthgym.rendering.renderer import Job, Renderer, Result
from synthgym.rendering.worker import Worker

AHEAD = 4
"""Jobs sent to each actor: enough that none waits for the driver."""
MOST_TRIES = 3
"""So often a job that loses its actor is tried, and an actor that does not start."""
SECONDS_BETWEEN_LOOKS = 10.0
"""After which the cluster is asked for new cores."""
PATIENCE = 60.0
"""Seconds that a cluster without any node is waited for."""
OVERDUE = 120.0
"""Seconds after which a result is asked for again, twice as long each time."""
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
_SETTINGS = 3
_PATIENCE = 10
"""gRPC begins (RFC 9113) with the client's preface and its settings, which are none, and with the server's
settings, whose type, 4, is at this place."""


class RayActors(Renderer):
    """Actors on the nodes of a cluster, each with a copy of the worker and a core of its own.

    The jobs of an actor that is lost with its node are done again by the others; a new actor takes its
    place as soon as there is a core for it, and nodes that join are put to work. Every node needs the
    same synthgym, and the files that the synth reads at the same paths.

    Args:
        worker: to copy.
        workers: how many actors (default: one for each core of the cluster).
        address: of the cluster, as ``ray.init`` takes it (default: the one this machine is part of;
            if there is none, one is started here).

    Raises:
        SynthgymError: Ray is not installed, the cluster is not reached, or it has fewer cores.
    """

    def __init__(self, worker: Worker, workers: int | None = None, address: str | None = None) -> None:
        self._ray = ray = _connected(address)
        cores = self._cores()
        self.workers = workers or cores
        if not 0 < self.workers <= cores:
            raise SynthgymError(f"the Ray cluster has {cores} cores; ask for no more workers than that")
        self._enlists = workers is None
        self._looked = time.monotonic()
        kind = ray.remote(num_cpus=1)(Worker)
        self._new = partial(kind.remote, worker.synth, worker.space, worker.features)
        self._actors = [self._new() for _ in range(self.workers)]
        self._coming: dict[Any, Any] = {}  # new actors, by the first thing they answer
        self._stillborn = 0

    def map(
        self,
        work: Callable[[Worker, Job], Result],
        jobs: Iterable[Job],
        *,
        done: Callable[[Result], None] | None = None,
    ) -> Iterator[Result]:
        """Return the results in order; an error comes after ``done`` has those that are there."""
        sent: deque[_Sent] = deque()  # in the order of the jobs
        try:
            for result in self._map(work, jobs, sent):
                if done is not None:
                    done(result)
                yield result
        except BaseException:  # Ctrl-C, a scheduler that ends the job, a cluster that is lost
            if done is not None:
                waiting = [each.result for each in sent]
                for each in (
                    self._ray.wait(waiting, num_returns=len(waiting), timeout=0)[0] if waiting else ()
                ):
                    with suppress(self._ray.exceptions.RayError):
                        done(self._ray.get(each))
            raise

    def _map(
        self, work: Callable[[Worker, Job], Result], jobs: Iterable[Job], sent: deque[_Sent]
    ) -> Iterator[Result]:
        jobs, errors = iter(jobs), self._ray.exceptions
        while True:
            for job in islice(jobs, max(AHEAD * self.workers - len(sent), 0)):
                sent.append(self._send(work, job, sent))
            if not sent:
                return
            first = sent[0]
            try:
                result = self._ray.get(first.result, timeout=OVERDUE * 2 ** (first.tries - 1))
            except errors.GetTimeoutError:
                # Seen once (Ray 2.60): the actors idle, and the result never comes. A job may be done twice.
                sent[0] = self._send(work, first.job, sent, first.tries + 1)
                continue
            except (errors.RayActorError, errors.ObjectLostError) as error:
                if first.tries >= MOST_TRIES:
                    raise SynthgymError(
                        f"a worker of the cluster is lost again and again: {_line(error)}"
                    ) from error
                gone = isinstance(error, errors.RayActorError)
                if gone:
                    self._replace(first.actor)
                for place, other in enumerate(sent):
                    if other is first or (gone and other.actor is first.actor):
                        sent[place] = self._send(work, other.job, sent, other.tries + 1)
                continue
            except errors.RayTaskError as error:
                raise error.cause from None
            sent.popleft()
            yield result

    def _send(self, work: Any, job: Any, sent: Iterable[_Sent], tries: int = 1) -> _Sent:
        """Give a job to the actor that has least to do."""
        load = Counter(id(other.actor) for other in sent)
        actor = min(self._alive(), key=lambda actor: load[id(actor)])
        return _Sent(job, actor, actor.do.remote(work, job), tries)

    def _alive(self) -> list[Any]:
        """Return the actors that are there, new ones among them."""
        self._enlist()
        if self._coming:
            patience = 0 if self._actors else PATIENCE
            for answer in self._ray.wait(list(self._coming), timeout=patience, fetch_local=False)[0]:
                self._welcome(answer)
        if not self._actors:
            raise SynthgymError("all nodes of the Ray cluster are lost; start it again and go on")
        return self._actors

    def _welcome(self, answer: Any) -> None:
        actor = self._coming.pop(answer)
        try:
            self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            self._stillborn += 1
            if self._stillborn == MOST_TRIES:
                raise SynthgymError(
                    f"no worker starts on the cluster; has every node the same synthgym? {_line(error)}"
                ) from error
            self._start()
        else:
            self._stillborn = 0
            self._actors.append(actor)
            self.workers = len(self._actors)

    def _enlist(self) -> None:
        """Start an actor for every core that has joined, if all cores are wanted; look now and then."""
        if self._enlists and time.monotonic() - self._looked > SECONDS_BETWEEN_LOOKS:
            self._looked = time.monotonic()
            for _ in range(self._cores() - len(self._actors) - len(self._coming)):
                self._start()

    def _cores(self) -> int:
        return int(self._ray.cluster_resources().get("CPU", 0))

    def _start(self) -> None:
        actor = self._new()
        self._coming[actor.do.remote(_answer, None)] = actor

    def _replace(self, lost: Any) -> None:
        # A loss may be met more than once, by maps within one another.
        if any(actor is lost for actor in self._actors):
            self._actors = [actor for actor in self._actors if actor is not lost]
            self.workers = max(len(self._actors), 1)
            self._start()

    def close(self) -> None:
        """Let the actors go."""
        for actor in (*self._actors, *self._coming.values()):
            self._ray.kill(actor)


class _Sent(NamedTuple):
    """A job, the actor it was given to, the reference of its result, and how often it was tried."""

    job: Any
    actor: Any
    result: Any
    tries: int


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _answer(worker: Worker, job: None) -> None:
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
    # What a shell's profile or a job has set; Ray itself looks there, too.
    address = address or os.environ.get("RAY_ADDRESS") or None
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
    """Raise SynthgymError unless a gRPC server answers at ``host:port``; Ray itself would wait for minutes.

    The port of a cluster that is gone may be another program's, which answers otherwise or never.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            if os.environ.get("RAY_USE_TLS", "0") != "1":
                connection.sendall(_GREETING)
                connection.settimeout(_PATIENCE)
                # It may come in pieces.
                if connection.makefile("rb").read(_SETTINGS + 1)[_SETTINGS:] != b"\x04":
                    raise _unreachable(address)
    except (OSError, ValueError) as error:
        raise _unreachable(address) from error


def _unreachable(address: str) -> SynthgymError:
    unset = ", or unset RAY_ADDRESS" if address == os.environ.get("RAY_ADDRESS") else ""
    return SynthgymError(f"no Ray cluster is reached at {address!r}; start one (ray start --head){unset}")
