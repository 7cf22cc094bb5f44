"""What every way of rendering does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from synthgym.rendering.worker import Worker

Job = TypeVar("Job")
Result = TypeVar("Result")
Value = TypeVar("Value")


class Shared(Generic[Value]):
    """A value that many jobs hold, as it is for a renderer of this machine."""

    def __init__(self, value: Value) -> None:
        self._value = value

    def get(self) -> Value:
        """Return the value, where a job is done."""
        return self._value


class Renderer(ABC):
    """Calls workers, side by side.

    Attributes:
        workers: how many there are.
        rows: the most sounds a worker is asked for at once.
    """

    workers: int = 1
    rows: int = 64

    @abstractmethod
    def map(
        self,
        work: Callable[[Worker, Job], Result],
        jobs: Iterable[Job],
        *,
        done: Callable[[Result], None] | None = None,
    ) -> Iterator[Result]:
        """Return ``work(worker, job)`` for every job, in the order of the jobs.

        Jobs are taken up as workers come free, a few ahead of the results that are fetched.

        Args:
            work: a function of a module, so that other processes find it.
            jobs: can be pickled.
            done: is called with every result as soon as it is there, from any thread and in any order, so
                that results whose turn has not come are not lost when the caller is interrupted.

        Returns:
            The results, one by one as they are fetched.
        """

    def share(self, value: Value) -> Shared[Value]:
        """Return a value for jobs to hold, so that on other machines it arrives once, and not with each job.

        Args:
            value: can be pickled; jobs do not change it.

        Returns:
            What gives it back where a job is done.
        """
        return Shared(value)

    def close(self) -> None:  # noqa: B027, most have nothing to let go
        """Let the workers go, at once: jobs that are being done are given up."""
