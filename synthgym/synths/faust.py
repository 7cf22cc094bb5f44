"""Faust programs as synthesisers, rendered by DawDreamer: FM, the granulator, and anybody's own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from synthgym.checks import number, whole
from synthgym.errors import SynthError, quoted
from synthgym.files import as_utf8, shown
from synthgym.hosting import Engine, Isolation, open_engine
from synthgym.notes import Notes
from synthgym.parameters import Native, ParameterSpace
from synthgym.recordings import read_mono
from synthgym.synths.base import Audio
from synthgym.synths.faust_program import HELD, PLAYED, Control, read_program
from synthgym.synths.faust_text import COMPILE, told, written
from synthgym.synths.hosted import HostedSynth

HERE = Path(__file__).parent
DEFAULT_GRAINS: Mapping[str, float] = MappingProxyType(
    {"grain_length": 0.1, "position_modulation": 0.5, "overlaps": 4, "seed": 0}
)
# The user's program as it is, but for the gate: open from the first sample for as long as the note is held.
_PLAYER = """import("stdfaust.lib");
held = hslider("{held}", 0, 0, 20000000, 1);
process = ["gate": ba.time < int(held) -> {program}{definitions}];
"""


class FaustProgram(HostedSynth):
    """A synth whose sound a Faust program makes; what is made of it loads the program."""

    preset_suffix = ".json"

    def _load(
        self,
        dsp: Path,
        sounds: Mapping[str, NDArray[np.float32]] = MappingProxyType({}),
        constants: Mapping[str, float] = MappingProxyType({}),
        definitions: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Read the program and set up what plays it.

        Args:
            dsp: the program.
            sounds: what its sound files hold, (channels, samples) float32, by label.
            constants: values of controls that are no parameters, by label.
            definitions: whole numbers that replace definitions of the program.
        """
        dsp = dsp.absolute()
        self._name = shown(dsp.name)
        self._sources = [dsp]
        if not os.path.isfile(dsp):  # noqa: PTH113, its name may be too long
            raise SynthError(f"no such Faust program: {dsp}")
        defined = "".join(f"{k} = {v};" for k, v in definitions.items())
        text = self._text = written(dsp)
        code = _PLAYER.format(held=HELD, program=text.code, definitions=f"[{defined}]" if defined else "")
        folder = as_utf8(dsp.parent, "Faust")
        if '"' in folder:  # Faust writes it, as it is, into the program
            raise SynthError(f"Faust takes no folder with a quotation mark in its name: {folder}; rename it")
        program = read_program(code, folder, shown(dsp.name), text.read, risky=text.risky)
        # What stands for the gate stands in its group, and is not there if there is no gate.
        controls = [replace(c, label="gate") if c.label == HELD else c for c in program.controls]
        _check_instrument(dsp.name, controls, program.inputs, program.outputs)
        for label in program.soundfiles:
            if label not in sounds:
                raise SynthError(f"{dsp.name} reads a sound {label!r}; give soundfiles={{{label!r}: PATH}}")
        knobs = [c for c in controls if c.label not in (*PLAYED, *constants) and c.parameter]
        self.space = ParameterSpace([c.parameter for c in knobs if c.parameter])
        self._place: Isolation = "process" if program.divides else "none"
        played = [c for c in controls if c.label in PLAYED]
        self._plays = [c.label for c in played]
        self._options = {
            "code": code,
            "folder": folder,
            "soundfiles": {text.label(label): sound for label, sound in sounds.items()},
            "sample_rate": self.sample_rate,
            "samples": self.samples,
            "constants": {c.place: constants[c.label] for c in controls if c.label in constants},
            "controls": [c.place for c in (*played, *knobs)],
        }

    def sources(self) -> list[Path]:
        """Return the program and the sound files it reads."""
        return list(self._sources)

    def _make_engine(self) -> Engine:
        try:
            return open_engine("faust", self._options, self._place, self._name)
        except SynthError as error:
            if COMPILE not in str(error):
                raise
            raise SynthError(f"{self._name} does not compile: {self._text.read(told(error))}") from error

    def render(self, native: Native, notes: Notes | None = None) -> Audio:
        """Return audio (B, samples) of native rows; the program starts anew for each."""
        played = self.note.rows(len(native), notes).tolist()
        return np.stack(
            [
                self.engine.render([*self._played(*note), *values])
                for values, note in zip(native.tolist(), played, strict=True)
            ]
        )

    def _played(self, pitch: float, velocity: float, hold: float) -> list[float]:
        """Return the values of the controls by which a note is played; there may be several of a label."""
        hz = 440 * 2 ** ((pitch - 69) / 12)
        values = {"gate": round(hold * self.sample_rate), "freq": hz, "gain": velocity / 127}
        return [values[label] for label in self._plays]


class FaustSynth(FaustProgram):
    """A Faust program that plays one note.

    The program is an instrument as Faust's own polyphony wants it: it has a ``freq`` (Hz) and a
    ``gate``, may have a ``gain`` (0 to 1, velocity / 127), and no audio input. Its other sliders,
    entries, check boxes and buttons are the parameters, with their ranges and steps: ``[scale:log]``
    makes a logarithmic knob, a step of 1 whole numbers, a menu or radio style categories. What has one
    value only stays there. More than one channel is mixed to mono. A program that takes remainders of whole
    numbers by what a knob says is rendered in a helper process: by zero, that process ends.

    Args:
        dsp: path of the program.
        soundfiles: paths of sound files by the label under which the program reads them.
        **note: sample_rate, note, velocity, hold, duration: see Synth.

    Raises:
        SynthError: the program is missing, does not compile, or is no instrument.
    """

    def __init__(self, *, dsp: str, soundfiles: Mapping[str, str] | None = None, **note: Any) -> None:
        super().__init__(**note)
        if not isinstance(dsp, str | os.PathLike):
            raise SynthError(f"dsp is the path of a Faust program; got {quoted(dsp)}")
        if not isinstance(soundfiles, Mapping | None):
            raise SynthError(f"soundfiles is a dict of paths by label; got {quoted(soundfiles)}")
        sounds = {label: read_sound(path, self.sample_rate) for label, path in (soundfiles or {}).items()}
        self._load(Path(dsp), sounds)
        self._sources += [Path(path) for path in (soundfiles or {}).values()]


class FMSynth(FaustProgram):
    """Two-operator FM: modulation index and ratio, and an envelope for level and index (``fm.dsp``)."""

    def __init__(self, **note: Any) -> None:
        super().__init__(**note)
        self._load(HERE / "fm.dsp")


class GranulatorSynth(FaustProgram):
    """Grains of a source sound (``granulator.dsp``).

    The note transposes the source, which is taken to sound middle C at its own speed, and the parameter
    ``frequency`` transposes it again: at another note, the same pitch takes another ``frequency``. Of a
    range of notes, an agent therefore sees the note that is played, and ``frequency`` tunes against it.

    Args:
        source: path of a sound file (default: a synthesised tone of many partials).
        grain_length: seconds, 0.005 to 10; a grain also ends when its stream begins the next.
        position_modulation: how much of the source the grains are taken from, 0 (its middle) to 1.
        overlaps: how many grains may sound together, 1 to 16; each costs time.
        seed: of the grains' places, 0 to 65,535.
        **note: sample_rate, note, velocity, hold, duration: see Synth.

    Raises:
        SynthError: a value out of range, or a source that is missing, no audio or silent.
    """

    def __init__(
        self,
        *,
        source: str | None = None,
        grain_length: float = 0.1,
        position_modulation: float = 0.5,
        overlaps: int = 4,
        seed: int = 0,
        **note: Any,
    ) -> None:
        super().__init__(**note)
        self._grains = {
            "grain_length": number("grain_length", grain_length, 0.005, 10),
            "position_modulation": number("position_modulation", position_modulation, 0, 1),
            "overlaps": whole("overlaps", overlaps, 1, 16),
            "seed": whole("seed", seed, 0, 65535),
        }
        constants = {
            "grain length": self._grains["grain_length"],
            "position modulation": self._grains["position_modulation"],
            "seed": self._grains["seed"],
        }
        rate = self.sample_rate
        sound = default_source(rate) if source is None else read_sound(source, rate)
        self._load(HERE / "granulator.dsp", {"source": sound}, constants, {"OVERLAPS": overlaps})
        if source is not None:
            self._sources.append(Path(source))

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the sound of a native row besides the note: the keywords that are not the defaults.

        Those that are go unsaid, as in data sets and models of before, which kept none.
        """
        grains = {name: value for name, value in self._grains.items() if value != DEFAULT_GRAINS[name]}
        return {"grains": grains} if grains else {}


def _check_instrument(name: str, controls: Sequence[Control], inputs: int, outputs: int) -> None:
    labels = list(dict.fromkeys(control.label for control in controls))
    missing = [label for label in ("freq", "gate") if label not in labels]
    if missing:
        raise SynthError(f"{name} has no {' and no '.join(missing)}; name its controls freq and gate")
    if inputs or not outputs:
        raise SynthError(f"{name} has {inputs} inputs and {outputs} outputs; an instrument has outputs only")
    if not any(control.parameter for control in controls if control.label not in PLAYED):
        raise SynthError(f"{name} has nothing to turn but {', '.join(labels)}; give it a slider")


def default_source(sample_rate: int) -> NDArray[np.float32]:
    """Return a second of middle C whose 24 partials swell one after the other, (1, sample_rate).

    Grains from different places differ in colour, and none is silent.
    """
    time = np.arange(sample_rate) / sample_rate
    k = np.arange(1, 25)[:, None]
    swell = 0.3 + 0.7 * np.cos(np.pi * (time - k / 24)) ** 8
    return _levelled((swell * np.sin(2 * np.pi * 261.6256 * k * time + k**2) / k).sum(axis=0))


def read_sound(path: str, sample_rate: int) -> NDArray[np.float32]:
    """Read a sound file as mono (1, n) at ``sample_rate`` Hz, its peak at 1; SoundError as read_mono.

    Args:
        path: of a file of any sample rate and number of channels.
        sample_rate: Hz.

    Returns:
        Float32 (1, n).
    """
    audio, rate = read_mono(path)
    return _levelled(soxr.resample(audio, rate, sample_rate, quality="VHQ"))


def _levelled(sound: NDArray[Any]) -> NDArray[np.float32]:
    # Two dimensions: DawDreamer takes a one-dimensional array for endless channels and fills the memory.
    levelled: NDArray[np.float32] = (sound / np.abs(sound).max()).astype(np.float32)[None]
    return levelled
