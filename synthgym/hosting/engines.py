"""The DawDreamer engines themselves.

Imports nothing of synthgym: helper processes load this file alone, so that they stay slim.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import dawdreamer
import numpy as np
from numpy.typing import NDArray

BLOCK = 512
COMPILING = threading.Lock()
"""libfaust compiles one program at a time; two at once crash the process (Faust 2.85.9)."""


class FaustEngine:
    """A compiled Faust program that renders from its start at every call.

    Args:
        code: the program; it plays its note by itself.
        folder: where it finds what it imports.
        soundfiles: two-dimensional float32 arrays (channels, samples) by label.
        sample_rate: Hz.
        samples: length of a render.
        constants: values of controls that stay as they are, by path.
        controls: paths of the controls that ``play`` sets.
    """

    def __init__(
        self,
        *,
        code: str,
        folder: str,
        soundfiles: Mapping[str, NDArray[np.float32]],
        sample_rate: int,
        samples: int,
        constants: Mapping[str, float],
        controls: Sequence[str],
    ) -> None:
        self._samples = samples
        # Half a sample more, so that no rounding renders one too few.
        self._seconds = (samples + 0.5) / sample_rate
        with COMPILING:
            self._engine = dawdreamer.RenderEngine(sample_rate, BLOCK)
            self._processor = self._engine.make_faust_processor("program")
            self._processor.num_voices = 0
            self._processor.compile_flags = ["-I", folder]
            if soundfiles:
                self._processor.set_soundfiles({name: [data] for name, data in soundfiles.items()})
            self._processor.set_dsp_string(code)
            self._processor.compile()
            self._engine.load_graph([(self._processor, [])])
        places = {d["name"]: d["index"] for d in self._processor.get_parameters_description()}
        for path, value in constants.items():
            self._processor.set_parameter(places[path], value)
        self._controls = [places[path] for path in controls]

    def play(self, values: Sequence[float]) -> NDArray[np.float32]:
        """Return mono audio (samples,) with the controls at the given values."""
        for index, value in zip(self._controls, values, strict=True):
            self._processor.set_parameter(index, value)
        self._engine.render(self._seconds)
        return mono(self._engine.get_audio(), self._samples)


def mono(audio: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Return the mean of the channels of audio (channels, at least samples), cut to length."""
    mixed: NDArray[np.float32] = audio[0, :samples] if len(audio) == 1 else audio[:, :samples].mean(axis=0)
    return mixed


def make_engine(kind: str, options: Mapping[str, Any]) -> Any:
    """Make an engine by name."""
    return {"faust": FaustEngine}[kind](**options)
