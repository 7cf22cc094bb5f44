"""The DawDreamer engines themselves: a Faust program, a plugin.

Imports nothing of synthgym: a helper process loads this file alone, so that it stays slim and forks fast.
"""

from __future__ import annotations

import re
import tempfile
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
        code: the program; it gates its note by itself.
        folder: where it finds what it imports.
        soundfiles: two-dimensional float32 arrays (channels, samples) by label.
        sample_rate: Hz.
        samples: length of a render.
        constants: values of controls that stay as they are, by their number.
        controls: numbers of the controls that ``render`` sets.
    """

    def __init__(
        self,
        *,
        code: str,
        folder: str,
        soundfiles: Mapping[str, NDArray[np.float32]],
        sample_rate: int,
        samples: int,
        constants: Mapping[int, float],
        controls: Sequence[int],
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
        for place, value in constants.items():
            self._processor.set_parameter(place, value)
        self._controls = list(controls)

    def render(self, values: Sequence[float]) -> NDArray[np.float32]:
        """Return mono audio (samples,) with the controls at the given values."""
        for index, value in zip(self._controls, values, strict=True):
            self._processor.set_parameter(index, value)
        self._engine.render(self._seconds)
        return mono(self._engine.get_audio(), self._samples)


class PluginEngine:
    """A VST2, VST3 or LV2 instrument that renders one note.

    Args:
        path: of the plugin, or the URI of an LV2 plugin.
        sample_rate: Hz.
        samples: length of a render.

    Raises:
        RuntimeError: DawDreamer cannot load it.
    """

    def __init__(self, *, path: str, sample_rate: int, samples: int) -> None:
        self._samples = samples
        self._seconds = (samples + 0.5) / sample_rate
        self._engine = dawdreamer.RenderEngine(sample_rate, BLOCK)
        self._plugin = self._engine.make_plugin_processor("plugin", path)
        self._engine.load_graph([(self._plugin, [])])

    def describe(self, pseudo: str) -> dict[str, Any]:
        """Return channel counts, and for each parameter name, default, and texts over its range.

        ``texts`` is a list of (least value, greatest value, text) for 200 values from 0 to 1, equal
        neighbours joined; it is empty for names in which the pattern ``pseudo`` is found. What the
        plugin itself says of steps and defaults is not to be trusted.
        """
        plugin = self._plugin
        count = plugin.get_plugin_parameter_size()
        names = [plugin.get_parameter_name(i).strip() for i in range(count)]
        defaults = [plugin.get_parameter(i) for i in range(count)]
        return {
            "inputs": plugin.get_num_input_channels(),
            "outputs": plugin.get_num_output_channels(),
            "parameters": [
                {"name": names[i], "default": defaults[i], "texts": self._texts(i, names[i], pseudo)}
                for i in range(count)
            ],
        }

    def render(self, code: tuple[Sequence[tuple[int, float]], tuple[int, int, float]]) -> NDArray[np.float32]:
        """Return mono audio (samples,) of settings and a note.

        Args:
            code: values in [0, 1] of parameters, by index; and MIDI note, velocity, seconds held.
        """
        settings, (note, velocity, hold) = code
        self._set(settings)
        self._plugin.clear_midi()
        self._plugin.add_midi_note(note, velocity, 0.0, hold)
        self._engine.render(self._seconds)
        return mono(self._engine.get_audio(), self._samples)

    def save(self, settings: Sequence[tuple[int, float]], path: str) -> None:
        """Write the plugin's state with parameters set.

        Args:
            settings: index and host value in [0, 1] of each parameter that is set.
            path: file to write.
        """
        self._set(settings)
        self._plugin.save_state(path)

    def state(self) -> bytes:
        """Return the plugin's state; of a VST2 plugin it is a bank."""
        state: bytes = self._plugin.__getstate__()["plugin_state"]
        return state

    def load(self, path: str) -> list[float]:
        """Read a preset and return the values of all parameters, each in [0, 1].

        The plugin is of no use for anything else afterwards, and this is to be called where JUCE's message
        thread is: in a forked child, a VST3 plugin hangs. What is no .fxp or .vstpreset is a state.

        Raises:
            RuntimeError: the plugin does not take it.
        """
        plugin = self._plugin
        suffix = path[-10:].lower()  # as long as the longest
        if suffix.endswith((".fxp", ".vstpreset")):
            load = plugin.load_preset if suffix.endswith(".fxp") else plugin.load_vst3_preset
            if not load(path):
                raise RuntimeError("the plugin does not take it")
        else:
            # load_state needs a window; a copy by pickling takes the state without one.
            copied = plugin.__getstate__()
            with open(path, "rb") as file:  # noqa: PTH123, as slim as can be
                copied["plugin_state"] = file.read()
            plugin = dawdreamer.PluginProcessor.__new__(dawdreamer.PluginProcessor)
            plugin.__setstate__(copied)
        return [plugin.get_parameter(i) for i in range(plugin.get_plugin_parameter_size())]

    def programs(self, most: int) -> list[list[float]]:
        """Return the values of all parameters, each in [0, 1], in a VST2 plugin's first ``most`` programs.

        DawDreamer selects no program. But JUCE, under it, selects those of a bank one after the other while
        it loads the bank, and stops there at one that is damaged. The plugin is of no use for anything else
        afterwards. Of other plugins there are none: DawDreamer tells nothing of them.
        """
        state = self.state()
        if not state.startswith(b"CcnK"):  # how the states of VST2 plugins begin
            return []
        count = self._plugin.get_plugin_parameter_size()
        rows = {}
        programs = min(int.from_bytes(state[24:28], "big"), most)
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/damaged.fxb"
            # The first comes last: a plugin stands there when it is loaded, and need not sound like it.
            for number in (*range(1, programs), *range(min(1, programs))):
                with open(path, "wb") as file:  # noqa: PTH123, as slim as can be
                    file.write(damaged_bank(number))
                self._plugin.load_preset(path)
                rows[number] = [self._plugin.get_parameter(i) for i in range(count)]
        return [rows[number] for number in range(programs)]

    def _texts(self, index: int, name: str, pseudo: str) -> list[tuple[float, float, str]]:
        if re.search(pseudo, name, re.IGNORECASE):
            return []
        ranges = self._plugin.get_parameter_range(index, 200, False)
        return [(low, high, text) for (low, high), text in ranges.items()]

    def _set(self, settings: Sequence[tuple[int, float]]) -> None:
        for index, value in settings:
            self._plugin.set_parameter(index, value)


def mono(audio: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Return the mean of the channels of audio (channels, at least samples), cut to length.

    Args:
        audio: float32 (channels, n), n ``samples`` or more.
        samples: the length of the clip.

    Returns:
        Float32 (samples,).
    """
    mixed: NDArray[np.float32] = audio[0, :samples] if len(audio) == 1 else audio[:, :samples].mean(axis=0)
    return mixed


def damaged_bank(number: int) -> bytes:
    """Return an .fxb bank whose program of a number is damaged, and those before it set no parameter."""

    def words(*values: int) -> bytes:
        return b"".join(value.to_bytes(4, "big") for value in values)

    def program(magic: bytes) -> bytes:
        return b"CcnK" + words(0) + magic + words(1, 0, 1, 0) + bytes(28)

    head = b"CcnK" + words(0) + b"FxBk" + words(1, 0, 1, number + 1, 0) + bytes(124)
    # The last bytes are room, as a program that reaches to the very end is not read.
    return head + program(b"FxCk") * number + program(b"none") + bytes(64)


ENGINES = {"faust": FaustEngine, "plugin": PluginEngine}
