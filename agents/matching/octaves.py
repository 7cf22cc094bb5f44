"""Which voices a match begins with: those that are rendered at the nearest C, or those that are there."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from functools import lru_cache, partial
from multiprocessing.process import BaseProcess

from tqdm import tqdm

from synthgym.errors import SynthgymError

from ..trials.following import follow
from . import voices
from .voices import Voices

logger = logging.getLogger(__name__)
NOTES = range(24, 97, 12)
"""At which voices are rendered, each when it is first needed: what an octave is transposed by is not lost."""
_NICENESS = 10
"""Of a process that renders beside a search, which has three times as much; with more it would starve."""
_LOOK = 0.2
"""Seconds between two looks whether to go on waiting."""
_begun: dict[tuple[str, int, int], BaseProcess] = {}
_BEGINNING = threading.Lock()


def voices_of(env_id: str, sample_rate: int, note: int) -> Voices:
    """Return the voices of an environment that are rendered at the nearest note to another.

    Args:
        env_id: id of the environment.
        sample_rate: Hz, at which they are rendered.
        note: MIDI note.

    Returns:
        The voices, opened only if the last call was for others; rendered now, if they are not there.
    """
    return _opened(env_id, sample_rate, _by_nearness(note)[0])


def voices_at_hand(env_id: str, sample_rate: int, note: int) -> Voices | None:
    """Return the voices of an environment that are there, at the nearest note to another.

    If those that ``voices_of`` returns are not, they are rendered by a process beside this one.

    Args:
        env_id: id of the environment.
        sample_rate: Hz, at which they are rendered.
        note: MIDI note.

    Returns:
        The voices, opened only if the last call was for others; None if there are none yet.
    """
    notes = _by_nearness(note)
    found = next((kept for kept in notes if voices.are_there(env_id, sample_rate, kept)), None)
    if found != notes[0]:
        _make_beside(env_id, sample_rate, notes[0])
    return None if found is None else _opened(env_id, sample_rate, found)


def make_beside(env_id: str, sample_rate: int, note: int, stopped: Callable[[], bool]) -> bool:
    """Have what ``voices_of`` returns rendered by a process beside this one, and wait for it.

    Args:
        env_id: id of the environment.
        sample_rate: Hz, at which they are rendered.
        note: MIDI note.
        stopped: whether to wait no longer; the process is ended then.

    Returns:
        Whether they are there.
    """
    nearest = _by_nearness(note)[0]
    if not voices.are_there(env_id, sample_rate, nearest):
        process = _make_beside(env_id, sample_rate, nearest)
        while process.is_alive() and not stopped():
            process.join(_LOOK)
        if process.is_alive():
            process.terminate()
            process.join()
    return voices.are_there(env_id, sample_rate, nearest)


def _by_nearness(note: int) -> list[int]:
    return sorted(NOTES, key=lambda one: abs(one - note))


@lru_cache(1)
def _opened(env_id: str, sample_rate: int, note: int) -> Voices:
    return Voices(env_id, sample_rate, note)


def _make_beside(env_id: str, sample_rate: int, note: int) -> BaseProcess:
    """Return the process that makes voices; one that has said why it failed is not begun again."""
    what = env_id, sample_rate, note
    with _BEGINNING:
        process = _begun.get(what)
        if process is None or process.exitcode not in (None, 1):  # what it made may be gone
            spawn = multiprocessing.get_context("spawn")
            process = spawn.Process(target=_make, args=(*what, voices.SIZE), daemon=True)
            process.start()
            _begun[what] = process
        return process


def _make(env_id: str, sample_rate: int, note: int, size: int) -> None:
    follow(partial(os._exit, 1))
    tqdm.set_lock(threading.RLock())  # its own is one for several processes, which it leaves if it is ended
    if hasattr(os, "nice"):
        os.nice(max(0, _NICENESS - os.nice(0)))
    try:
        Voices(env_id, sample_rate, note, size, progress=False)
    except SynthgymError as error:
        logger.warning("the voices that a search begins with are not made: %s", error)
        sys.exit(1)
