"""The synthesisers, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synthgym.errors import UnknownNameError
from synthgym.synths.base import Audio, Note, Synth
from synthgym.synths.dexed import DexedSynth

__all__ = ["SYNTHS", "Audio", "DexedSynth", "Note", "Synth", "make_synth"]

SYNTHS: dict[str, Callable[..., Synth]] = {"dexed": DexedSynth}


def make_synth(name: str, **options: Any) -> Synth:
    """Make a synthesiser by name.

    Raises:
        UnknownNameError: no such synth.
        SynthError: an option is out of range.
    """
    if name not in SYNTHS:
        raise UnknownNameError("synth", name, SYNTHS)
    return SYNTHS[name](**options)
