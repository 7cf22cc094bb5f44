"""Rendering on this machine: in line, in threads, in processes."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from queue import SimpleQueue
from typing import Any

from synthgym.hosting.remote import ENDLESS, RemoteEngine
from synthgym.notes import Notes
from synthgym.parameters import Native
from synthgym.rendering.renderer import Job, Renderer, Result
from synthgym.rendering.worker import Sound, Worker

AHEAD = 2
"""Jobs taken up per worker: one at work, one waiting."""
Call = Callable[[Any, Any], Any]
"""``Worker.do`` of a worker, in this process or in another."""
WORKER = f"{Worker.__module__}:{Worker.__name__}"


class InLine(Renderer):
    """Renders in the calling thread."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def map(
        self,
        work: Callable[[Worker, Job], Result],
        jobs: Iterable[Job],
        *,
        done: Callable[[Result], None] | None = None,
    ) -> Iterator[Result]:
        """Return the results one by one."""
        for job in jobs:
            result = work(self._worker, job)
            if done is not None:
                done(result)
            yield result


class _Pool(Renderer):
    """Several workers: the calling thread works for the first, a thread of its own for each other."""

    def __init__(self, calls: list[Call]) -> None:
        self.workers = len(calls)
        self._own, *others = calls
        self._free: SimpleQueue[Call] = SimpleQueue()
        for call in others:
            self._free.put(call)
        self._threads = ThreadPoolExecutor(len(others), thread_name_prefix="rendering")

    def map(
        self,
        work: Callable[[Worker, Job], Result],
        jobs: Iterable[Job],
        *,
        done: Callable[[Result], None] | None = None,
    ) -> Iterator[Result]:
        """Return the results in order."""
        jobs = iter(jobs)
        window: deque[Future[Result]] = deque()

        def submit(count: int) -> None:
            for job in islice(jobs, count):
                future = self._threads.submit(self._do, work, job, done)
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
                        future.set_result(_done(self._own, work, job, done))
                        continue
                result = window.popleft().result()
                submit(1)
                yield result
        finally:
            for future in window:
                future.cancel()

    def _do(
        self,
        work: Callable[[Worker, Job], Result],
        job: Job,
        done: Callable[[Result], None] | None,
    ) -> Result:
        call = self._free.get()
        try:
            return _done(call, work, job, done)
        finally:
            self._free.put(call)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)


def _done(
    call: Call, work: Callable[[Worker, Job], Result], job: Job, done: Callable[[Result], None] | None
) -> Result:
    result: Result = call(work, job)
    if done is not None:
        done(result)
    return result


class _ThreadWorker(Worker):
    """A worker that another thread can end: it renders nothing more."""

    ended = False

    def sounds_of(self, native: Native, notes: Notes) -> Iterator[Sound]:
        """As of any worker; CancelledError if it is ended."""
        for sound in super().sounds_of(native, notes):
            if self.ended:
                raise CancelledError
            yield sound


class Threads(_Pool):
    """The worker here, and a copy of it for every further thread.

    Args:
        worker: renders in the thread that asks.
        workers: threads in all, 1 or more.
    """

    def __init__(self, worker: Worker, workers: int) -> None:
        parts = worker.synth, worker.space, worker.features
        self._copies = [_ThreadWorker(*copy.deepcopy(parts)) for _ in range(workers - 1)]
        synths = [each.synth for each in (worker, *self._copies)]
        if worker.synth.opens_anywhere:
            with ThreadPoolExecutor(workers) as starting:
                list(starting.map(type(worker.synth).open, synths))
        else:
            for synth in synths:
                synth.open()  # here: JUCE lets one thread alone make engines
        super().__init__([worker.do, *(each.do for each in self._copies)])

    def close(self) -> None:
        """End the threads, each after the sound it is rendering, and the copies' engines."""
        for each in self._copies:
            each.ended = True
        super().close()
        for each in self._copies:
            each.synth.close()


class Processes(_Pool):
    """The worker here, and a copy of it in every further process; results come by shared memory.

    Args:
        worker: renders in this process.
        workers: processes in all, this one among them.
    """

    def __init__(self, worker: Worker, workers: int) -> None:
        options = {"synth": worker.synth, "space": worker.space, "features": worker.features}
        start = partial(RemoteEngine, WORKER, options, name="a rendering process", patience=ENDLESS)
        with ThreadPoolExecutor() as starting:
            self._engines = [f.result() for f in [starting.submit(start) for _ in range(workers - 1)]]
        worker.synth.open()  # here: JUCE lets one thread alone make engines
        super().__init__([worker.do, *(partial(engine.call, "do") for engine in self._engines)])

    def close(self) -> None:
        """End the processes, and the threads that wait for them."""
        for engine in self._engines:
            engine.abort()
        super().close()
        for engine in self._engines:
            engine.close()
