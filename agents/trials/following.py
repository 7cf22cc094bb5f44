"""Processes that end with the one that began them."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import wait


def follow(end: Callable[[], object]) -> None:
    """Leave Ctrl-C to the process that began this one, by multiprocessing, and end with it.

    Args:
        end: called in a thread of its own when that process is gone, however it ended: ends this one.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        end()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()
