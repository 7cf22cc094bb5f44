"""An engine that plays any note of a patch."""

from __future__ import annotations

import threading
import time

from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.notes import Notes
from synthgym.parameters import Unit
from synthgym.rendering import Rendered
from synthgym.synths import Audio, Synth

from .instruments import Instrument


class Voice:
    """Renders patches of an instrument at any note; threads take turns.

    Args:
        instrument: it.
        seconds: that a note sounds.
        opened: whether its engine is made now, not when it first plays.
    """

    def __init__(self, instrument: Instrument, seconds: float, *, opened: bool = False) -> None:
        ranges = {"note": (0, 127), "velocity": (1, 127), "hold": (0.001, seconds), "duration": seconds}
        # Nobody asks it for random patches: presets of a plugin need not be read for them.
        kwargs = {**instrument.env_kwargs, **instrument.played, **ranges, "patches": "uniform"}
        self._task = make_task(instrument.env_id, kwargs)
        self._lock = threading.Lock()
        if opened:
            self._task.synth.open()
        self.quickest = 0.0
        """Seconds that a note took, at best; 0 before one has been played."""

    @property
    def synth(self) -> Synth:
        """What renders."""
        return self._task.synth

    @property
    def feature(self) -> str:
        """The name of its feature."""
        return self._task.feature_name

    def sounds(self, units: Unit, notes: Notes) -> Audio:
        """Render patches, each at a note.

        Args:
            units: (B, n) in [0, 1].
            notes: (B, 3): MIDI note, velocity and seconds held.

        Returns:
            Audio (B, samples).

        Raises:
            SynthgymError: none of them can be rendered.
        """
        with self._lock:
            self._task.synth.open()  # which takes long, once
            begun = time.perf_counter()
            rendered: Rendered = self._task.render(units, notes, audio=True)
            spent = (time.perf_counter() - begun) / len(units)
            self.quickest = min(spent, self.quickest or spent)
        if len(rendered.failures) == len(units):
            raise SynthgymError(rendered.failures[0][1])
        assert rendered.audio is not None
        return rendered.audio

    def close(self) -> None:
        """Let the engine go, when nobody renders."""
        with self._lock:
            self._task.close()
