"""Dexed, a Yamaha DX7 in software, by its own engine (dexed-py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from dexed import DexedSynth as Engine

from synthgym.errors import SynthError
from synthgym.parameters import Native, ParameterSpace
from synthgym.synths import dx7_voice
from synthgym.synths.base import Audio, Synth

LOWEST_SAMPLE_RATE = 16000
"""Hz. At 12 kHz and below the engine is silent, at 14 kHz it is out of tune (measured, dexed-py 0.3.0)."""

DEFAULT_ALGORITHM = 18

# The plugin scales its output so that one carrier at full level peaks at 1/8, -18 dBFS.
_GAIN = np.float32(1 / 8)
# Byte 155 switches operators on and off in hardware; the engine ignores it.
_ALL_OPERATORS_ON = b"\x3f"


class DexedSynth(Synth):
    """A DX7 voice of one to six operators.

    With one to five operators, the free parameters are the 21 of each operator and the first two
    globals for each: 23 n. The other operators are silent (output level 0) and everything else
    stands as in the DX7's INIT VOICE. With six operators all 145 are free, the algorithm included.

    Args:
        operators: 1 to 6.
        algorithm: 1 to 32 as on the panel (default 18); not with six operators, where it is free.
        **note: sample_rate, note, velocity, hold, duration: see Synth.

    Raises:
        SynthError: an argument is out of range.
    """

    preset_suffix = ".syx"

    def __init__(self, *, operators: int, algorithm: int | None = None, **note: Any) -> None:
        super().__init__(**note)
        if operators not in range(1, 7):
            raise SynthError(f"operators must be from 1 to 6; got {operators!r}")
        if algorithm is not None and operators == 6:
            raise SynthError(
                "the algorithm is a parameter of the six-operator voice; "
                "freeze it instead: frozen={'ALGORITHM': '18'}"
            )
        if algorithm is not None and algorithm not in range(1, 33):
            raise SynthError(f"algorithm must be from 1 to 32; got {algorithm!r}")
        if self.sample_rate < LOWEST_SAMPLE_RATE:
            raise SynthError(
                f"Dexed is silent or out of tune at {self.sample_rate} Hz; "
                f"use a sample rate of {LOWEST_SAMPLE_RATE} Hz or more"
            )
        if operators == 6:
            self.space = ParameterSpace(dx7_voice.PARAMETERS)
        else:
            self.space = ParameterSpace(
                dx7_voice.PARAMETERS,
                free=dx7_voice.operator_parameters(operators),
                values={"ALGORITHM": (algorithm or DEFAULT_ALGORITHM) - 1},
            )
        self._open()

    def _open(self) -> None:
        # `_synth` takes voice bytes as they are: a tenth of the cost of the public classes.
        self._engine = Engine(float(self.sample_rate))._synth

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_engine"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def render(self, native: Native) -> Audio:
        """Return float32 audio (B, samples) for native rows (B, 145); see Synth.render."""
        note = self.note
        audio = np.empty((len(native), self.samples), dtype=np.float32)
        voices = dx7_voice.voice_bytes(native)
        for i in range(len(native)):
            voice = voices[i * dx7_voice.VOICE_BYTES : (i + 1) * dx7_voice.VOICE_BYTES]
            self._engine.load_sysex(voice + _ALL_OPERATORS_ON)
            sound = self._engine.render(note.pitch, note.velocity, note.hold, note.duration)
            np.multiply(sound, _GAIN, out=audio[i])
        return audio

    def write_preset(self, native: Native, path: Path) -> None:
        """Write a native row (145,) as a single-voice .syx."""
        dx7_voice.write_syx(path, native)
