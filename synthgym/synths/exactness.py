"""Whether a plugin gives equal bytes, forked or not: measured once, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from synthgym import hosting
from synthgym.errors import PluginCrashed
from synthgym.files import reason, replaced
from synthgym.hosting import Isolation, addresses_can_be_fixed
from synthgym.notes import Note
from synthgym.parameters import Native, ParameterSpace
from synthgym.synths.audible import audible
from synthgym.synths.base import Audio
from synthgym.synths.plugin_places import files_of

logger = logging.getLogger(__name__)

PATCHES = 32
"""Random audible patches that must be equal, in two orders, if a helper is to render on and on."""
FEW = 8
"""So many are enough to hear that two helpers begin unlike."""
SECONDS = 5.0
"""After so long no more patches are looked for: those who make an environment are waiting."""

RenderNote = Callable[[Native, NDArray[np.float64]], Audio]
"""Gives the audio (samples,) of a native row and a note (3,)."""
Opened = Callable[[Isolation], AbstractContextManager[RenderNote]]
"""Opens a plugin in a helper process of its own."""


@dataclass(frozen=True)
class Exactness:
    """What was measured of a plugin.

    Attributes:
        fork: whether two helper processes that fork each render gave equal bytes.
        process: whether a helper process that renders on and on gave the bytes of one that forks.
    """

    fork: bool
    process: bool


UNKNOWN = Exactness(fork=True, process=False)
"""What is taken for true of a plugin that was not measured, or crashes: forks begin alike."""


def exactness_of(
    plugin: str, space: ParameterSpace, note: Note, sample_rate: int, opened: Opened
) -> Exactness:
    """Return whether a plugin gives equal bytes in a space, at its notes; measured the first time.

    Args:
        plugin: the path of the plugin.
        space: its parameters; those that are free are tried.
        note: the notes that are tried.
        sample_rate: in Hz.
        opened: opens the plugin, isolated by "fork" or "process".

    Returns:
        Which ways of isolation give equal bytes.
    """
    key = key_of(plugin, space, note, sample_rate)
    return kept(key, lambda: measure_exactness(space, note, opened))


def kept(key: str | None, measure: Callable[[], Exactness]) -> Exactness:
    """Return what is known by a key, or is measured now; without a key nothing is kept.

    What is kept decides how fast a plugin renders, and never its bytes: only what was found to be equal is
    rendered without forking, so that processes may differ in what they know.

    Args:
        key: the name of the file in the user's cache; None to measure always.
        measure: called if nothing is known.

    Returns:
        What is known, or was measured.
    """
    path = user_cache_path("synthgym") / "plugins" / f"{key}.json"
    if key is not None:
        try:
            return Exactness(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            pass  # it is not known, or the file is none of ours
    found = measure()
    if key is not None:
        try:
            with replaced(path) as temporary:
                temporary.write_text(json.dumps(asdict(found)), encoding="utf-8")
        except OSError as error:
            where = f"{path.parent}: {reason(error)}"
            logger.warning("cannot keep what was measured of a plugin in %s; set XDG_CACHE_HOME", where)
    return found


def key_of(plugin: str, space: ParameterSpace, note: Note, sample_rate: int) -> str | None:
    """Return the name of what is known of a plugin, by the content of its files; None where none are found.

    It is of all that decides the measured bytes: the code that hosts it, too, and the system.

    Args:
        plugin: the path of the plugin.
        space: its parameters; the names of the free ones count.
        note: the notes that are played.
        sample_rate: in Hz.

    Returns:
        32 hexadecimal digits, or None.
    """
    ours = [*sorted(Path(hosting.__file__).parent.glob("*.py")), Path(__file__)]
    try:
        contents = [path.read_bytes() for path in files_of(plugin)]
        if not contents:
            return None
        contents += [path.read_bytes() for path in ours]
    except OSError:
        return None
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    asked = plugin, space.names, asdict(note), sample_rate
    system = platform.platform(), version("dawdreamer"), addresses_can_be_fixed()
    digest.update(json.dumps([asked, system]).encode())
    return digest.hexdigest()[:32]


def measure_exactness(space: ParameterSpace, note: Note, opened: Opened) -> Exactness:
    """Render random audible patches by forking; on and on, in two orders; and by forking in a second helper.

    A plugin that has to be forked, as most, costs some tens of renders; nothing goes on after a crash.

    Args:
        space: the parameters; the free ones are drawn.
        note: the notes, of which one is drawn for each patch.
        opened: opens the plugin, isolated by "fork" or "process".

    Returns:
        Which of both give equal bytes; UNKNOWN after a crash.
    """
    rng, until = np.random.default_rng(0), time.monotonic() + SECONDS
    patches: list[tuple[Native, NDArray[np.float64], bytes]] = []

    def equal(render: RenderNote, order: Iterable[int]) -> bool:
        return all(_digest(render(*patches[i][:2])) == patches[i][2] for i in order)

    process = True
    try:
        with opened("fork") as fork, opened("process") as on:
            while len(patches) < (PATCHES if process else FEW) and time.monotonic() < until:
                row, played = space.to_native(space.sample(rng)), note.draw(rng)
                audio = fork(row, played)
                if audible(audio):
                    patches.append((row, played, _digest(audio)))
                    process = process and equal(on, [len(patches) - 1])
            process = process and len(patches) == PATCHES and equal(on, rng.permutation(PATCHES).tolist())
        with opened("fork") as fork:
            return Exactness(fork=equal(fork, range(min(FEW, len(patches)))), process=process)
    except PluginCrashed:
        return UNKNOWN


def only_turned(space: ParameterSpace, native: Native) -> bool:
    """Return whether rows (B, all parameters) leave what is not free in a space as it is by default.

    Args:
        space: whose free parameters may differ from the default.
        native: float64 (B, all parameters).

    Returns:
        True also of no rows.
    """
    free = set(space.names)
    others = [place for place, parameter in enumerate(space.parameters) if parameter.name not in free]
    start = space.row({})[others]
    return all(np.array_equal(row, start, equal_nan=True) for row in native[:, others])


def _digest(audio: Audio) -> bytes:
    return hashlib.sha256(audio.tobytes()).digest()
