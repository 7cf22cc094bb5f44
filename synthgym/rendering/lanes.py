"""Rendering on this machine: in line, in threads, in processes."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from queue import SimpleQueue
from typing import Any

from synthgym.hosting.remote import RemoteEngine
from synthgym.rendering.listener import Listener
from synthgym.rendering.renderer import Job, Renderer, Result
from synthgym.synths.hosted import HostedSynth

AHEAD = 2
"""Jobs taken up per worker: one at work, one waiting."""
LISTENER = f"{Listener.__module__}:{Listener.__name__}"


class InLine(Renderer):
    """One listener, here and now."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def map(self, work: Callable[[Listener, Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Return the results one by one."""
        return (work(self._listener, job) for job in jobs)


class Lanes(Renderer):
    """Several listeners, each with a thread that works for it or waits for it."""

    def __init__(self, lanes: list[Callable[[Any, Any], Any]]) -> None:
        self.workers = len(lanes)
        self._free: SimpleQueue[Callable[[Any, Any], Any]] = SimpleQueue()
        for lane in lanes:
            self._free.put(lane)
        self._threads = ThreadPoolExecutor(len(lanes), thread_name_prefix="rendering")

    def map(self, work: Callable[[Listener, Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Return the results in order."""
        jobs = iter(jobs)
        waiting: deque[Future[Result]] = deque()
        try:
            for job in islice(jobs, AHEAD * self.workers):
                waiting.append(self._threads.submit(self._do, work, job))
            while waiting:
                result = waiting.popleft().result()
                for job in islice(jobs, 1):
                    waiting.append(self._threads.submit(self._do, work, job))
                yield result
        finally:
            for future in waiting:
                future.cancel()

    def _do(self, work: Callable[[Listener, Job], Result], job: Job) -> Result:
        lane = self._free.get()
        try:
            result: Result = lane(work, job)
            return result
        finally:
            self._free.put(lane)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)


class Threads(Lanes):
    """A copy of the listener for every thread."""

    def __init__(self, listener: Listener, workers: int) -> None:
        self._listeners = [listener, *(copy.deepcopy(listener) for _ in range(workers - 1))]
        for each in self._listeners:
            if isinstance(each.synth, HostedSynth):
                each.synth.engine  # noqa: B018, made here: JUCE lets one thread alone make engines
        super().__init__([each.do for each in self._listeners])

    def close(self) -> None:
        """End the threads and the copies' engines."""
        super().close()
        for each in self._listeners[1:]:
            each.synth.close()


class Processes(Lanes):
    """The listener here, and a copy of it in every further process; results come by shared memory."""

    def __init__(self, listener: Listener, workers: int) -> None:
        options = {"synth": listener.synth, "space": listener.space, "features": listener.features}
        start = partial(RemoteEngine, LISTENER, options, name="a rendering process", patient=True)
        with ThreadPoolExecutor() as starting:
            self._engines = [f.result() for f in [starting.submit(start) for _ in range(workers - 1)]]
        if isinstance(listener.synth, HostedSynth):
            listener.synth.engine  # noqa: B018, made here: JUCE lets one thread alone make engines
        super().__init__([listener.do, *(partial(engine.call, "do") for engine in self._engines)])

    def close(self) -> None:
        """End the threads and the processes."""
        super().close()
        for engine in self._engines:
            engine.close()
