"""What a process holds."""

from __future__ import annotations

import psutil


def memory_of(process: psutil.Process) -> float:
    """Return the MB of a process and its children.

    What they share is counted once on Linux, and not at all elsewhere.
    """
    found = [p.memory_full_info() for p in [process, *process.children(recursive=True)]]
    return float(sum(getattr(memory, "pss", memory.uss) for memory in found) / 1e6)
