"""The Vital engine itself, by vita.

Imports nothing of synthgym: a helper process loads this file alone, so that it stays slim and forks fast. No
other process may render by vita: it leaves denormal numbers zero in the thread that renders, in which Faust's
compiler aborts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import vita
from numpy.typing import NDArray

Settings = Iterable[tuple[str, float]]


class VitalEngine:
    """One voice of Vital.

    A used engine still sounds of the note before, whatever is reset: each render takes an engine that has not
    played. A helper that forks has one in each child; with ``fresh``, one is made for each render.

    Args:
        preset: the patch that settings are made on, JSON.
        sample_rate: Hz.
        samples: length of a render.
        fresh: whether each call makes its own engine.
    """

    def __init__(self, *, preset: str, sample_rate: int, samples: int, fresh: bool) -> None:
        self._preset, self._rate, self._samples, self._fresh = preset, sample_rate, samples, fresh
        self._synth, self._controls = self._make()

    def _make(self) -> tuple[vita.Synth, dict[str, vita.ControlValue]]:
        synth = vita.Synth()
        synth.set_sample_rate(self._rate)
        if not synth.load_json(self._preset):
            raise RuntimeError("vita does not take the patch that is the start")
        return synth, synth.get_controls()

    def _set(self, settings: Settings) -> vita.Synth:
        if self._fresh:
            self._synth, self._controls = self._make()
        for control, value in settings:
            self._controls[control].set(value)
        return self._synth

    def render(self, code: tuple[Settings, tuple[int, float, float]]) -> NDArray[np.float32]:
        """Return mono audio (samples,) of settings and a note.

        Args:
            code: values by control; and MIDI note, velocity from 0 to 1, seconds held.
        """
        settings, (note, velocity, hold) = code
        # Half a sample more, so that no rounding renders one too few.
        audio = self._set(settings).render(note, velocity, hold, (self._samples + 0.5) / self._rate)
        mixed: NDArray[np.float32] = audio[:, : self._samples].mean(axis=0)
        return mixed

    def save(self, settings: Settings) -> str:
        """Return the preset of settings, JSON."""
        return str(self._set(settings).to_json())

    def load(self, preset: str) -> str:
        """Return a preset as this version of Vital has it, JSON; empty if it cannot be read."""
        synth = self._set(())
        return str(synth.to_json()) if synth.load_json(preset) else ""
