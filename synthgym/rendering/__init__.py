"""Renderers: this thread, several threads, several processes, a Ray cluster, or a GPU.

Whoever does, the results are the same bytes: a sound and its features depend on its patch alone. Only the
features of a GPU are others in the last digits, and in another batch others again: distances are within
1e-4.
"""

from __future__ import annotations

import os
from typing import Literal, get_args

from synthgym.checks import one_of, whole
from synthgym.rendering.local import InLine, Processes, Threads
from synthgym.rendering.meter import RenderMeter
from synthgym.rendering.renderer import Renderer, Shared
from synthgym.rendering.worker import Rendered, Sound, Worker, one_note_each, silence_failures, usable

__all__ = [
    "RenderMeter",
    "Rendered",
    "Renderer",
    "Rendering",
    "Shared",
    "Sound",
    "Worker",
    "make_renderer",
    "one_note_each",
    "silence_failures",
    "usable",
    "usable_cores",
]

Rendering = Literal["auto", "inline", "threads", "processes", "ray", "cuda"]


def make_renderer(
    rendering: Rendering, worker: Worker, workers: int | None = None, address: str | None = None
) -> Renderer:
    """Make what renders.

    Args:
        rendering: ``auto`` is what suits the synth: ``threads``, as all engines let go of Python's
            lock, or ``processes`` for plugins that live in this one (``isolation="none"``). ``cuda`` is
            never chosen so.
        worker: renders; others are copies of it.
        workers: how many; default: the cores this process may use (``ray``: those of the
            cluster); ``cuda`` has one.
        address: of a running Ray cluster; default: the one that is found, or a new one here.

    Returns:
        The renderer; close it in the end.

    Raises:
        SynthgymError: an unknown way, no workers, no Ray or cluster, no GPU, or a synth that it does not
            render.
    """
    one_of("rendering", rendering, get_args(Rendering))
    if workers is not None:
        whole("workers", workers, 1, 4096)
    if rendering == "ray":
        from synthgym.rendering.cluster import RayTasks  # ray is an extra

        return RayTasks(worker, workers, address)
    if rendering == "cuda":
        from synthgym.rendering.cuda import Cuda  # torch and numba-cuda are an extra

        return Cuda(worker)
    workers = workers or usable_cores()
    if workers == 1 or rendering == "inline":
        return InLine(worker)
    if rendering == "auto":
        rendering = worker.synth.rendering
    return (Threads if rendering == "threads" else Processes)(worker, workers)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
