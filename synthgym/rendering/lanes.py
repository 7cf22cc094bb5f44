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

from synthgym.hosting.remote import ENDLESS, RemoteEngine
from synthgym.rendering.listener import Listener
from synthgym.rendering.renderer import Job, Renderer, Result

AHEAD = 2
"""Jobs taken up per worker: one at work, one waiting."""
Lane = Callable[[Any, Any], Any]
"""``Listener.do`` of a listener, here or elsewhere."""
LISTENER = f"{Listener.__module__}:{Listener.__name__}"


class InLine(Renderer):
    """One listener, here and now."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def map(self, work: Callable[[Listener, Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Return the results one by one."""
        return (work(self._listener, job) for job in jobs)


class Lanes(Renderer):
    """Several listeners: the caller's thread works for the first, a thread of its own for each other."""

    def __init__(self, lanes: list[Lane]) -> None:
        self.workers = len(lanes)
        self._own, *others = lanes
        self._free: SimpleQueue[Lane] = SimpleQueue()
        for lane in others:
            self._free.put(lane)
        self._threads = ThreadPoolExecutor(len(others), thread_name_prefix="rendering")

    def map(self, work: Callable[[Listener, Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Return the results in order."""
        jobs = iter(jobs)
        window: deque[Future[Result]] = deque()

        def submit(count: int) -> None:
            for job in islice(jobs, count):
                future = self._threads.submit(self._do, work, job)
                future.job = job  # type: ignore[attr-defined]
                window.append(future)

        submit(AHEAD * self.workers)
        try:
            while window:
                if not window[0].done():
                    # Rather than wait, take over what nobody has begun.
                    place = next((i for i, future in enumerate(window) if future.cancel()), None)
                    if place is not None:
                        job = window[place].job  # type: ignore[attr-defined]
                        future: Future[Result] = Future()
                        window[place] = future
                        future.set_result(self._own(work, job))
                        continue
                result = window.popleft().result()
                submit(1)
                yield result
        finally:
            for future in window:
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
            each.synth.open()  # here: JUCE lets one thread alone make engines
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
        start = partial(RemoteEngine, LISTENER, options, name="a rendering process", patience=ENDLESS)
        with ThreadPoolExecutor() as starting:
            self._engines = [f.result() for f in [starting.submit(start) for _ in range(workers - 1)]]
        listener.synth.open()  # here: JUCE lets one thread alone make engines
        super().__init__([listener.do, *(partial(engine.call, "do") for engine in self._engines)])

    def close(self) -> None:
        """End the threads and the processes."""
        super().close()
        for engine in self._engines:
            engine.close()
