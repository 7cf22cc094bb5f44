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
from synthgym.rendering.renderer import Job, Renderer, Result
from synthgym.rendering.worker import Worker

AHEAD = 2
"""Jobs taken up per worker: one at work, one waiting."""
Call = Callable[[Any, Any], Any]
"""``Worker.do`` of a worker, in this process or in another."""
WORKER = f"{Worker.__module__}:{Worker.__name__}"


class InLine(Renderer):
    """Renders in the calling thread."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def map(self, work: Callable[[Worker, Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Return the results one by one."""
        return (work(self._worker, job) for job in jobs)


class _Pool(Renderer):
    """Several workers: the calling thread works for the first, a thread of its own for each other."""

    def __init__(self, calls: list[Call]) -> None:
        self.workers = len(calls)
        self._own, *others = calls
        self._free: SimpleQueue[Call] = SimpleQueue()
        for call in others:
            self._free.put(call)
        self._threads = ThreadPoolExecutor(len(others), thread_name_prefix="rendering")

    def map(self, work: Callable[[Worker, Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
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

    def _do(self, work: Callable[[Worker, Job], Result], job: Job) -> Result:
        call = self._free.get()
        try:
            result: Result = call(work, job)
            return result
        finally:
            self._free.put(call)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)


class Threads(_Pool):
    """A copy of the worker for every thread."""

    def __init__(self, worker: Worker, workers: int) -> None:
        self._workers = [worker, *(copy.deepcopy(worker) for _ in range(workers - 1))]
        for each in self._workers:
            each.synth.open()  # here: JUCE lets one thread alone make engines
        super().__init__([each.do for each in self._workers])

    def close(self) -> None:
        """End the threads and the copies' engines."""
        super().close()
        for each in self._workers[1:]:
            each.synth.close()


class Processes(_Pool):
    """The worker here, and a copy of it in every further process; results come by shared memory."""

    def __init__(self, worker: Worker, workers: int) -> None:
        options = {"synth": worker.synth, "space": worker.space, "features": worker.features}
        start = partial(RemoteEngine, WORKER, options, name="a rendering process", patience=ENDLESS)
        with ThreadPoolExecutor() as starting:
            self._engines = [f.result() for f in [starting.submit(start) for _ in range(workers - 1)]]
        worker.synth.open()  # here: JUCE lets one thread alone make engines
        super().__init__([worker.do, *(partial(engine.call, "do") for engine in self._engines)])

    def close(self) -> None:
        """End the threads and the processes."""
        super().close()
        for engine in self._engines:
            engine.close()
