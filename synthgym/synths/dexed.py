"""Dexed, a Yamaha DX7 in software: by its own engine (dexed-py), or many voices at once (dx7_engine)."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from synthgym.checks import one_of, truth, whole
from synthgym.errors import PresetError, SynthError, quoted
from synthgym.notes import Notes
from synthgym.parameters import Native, ParameterSpace
from synthgym.synths import dx7_layers, dx7_levels, dx7_parameters, dx7_prior, dx7_voice
from synthgym.synths.base import Audio, Synth
from synthgym.synths.dexed_py import DexedSynth as Dexed
from synthgym.synths.diagram import Diagram
from synthgym.synths.dx7_diagram import algorithm_diagram

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)
Engine = Literal["auto", "batched", "dexed-py"]

BATCH = 64
"""Voices that the batched engine is given at once, at most."""
BATCH_SAMPLES = 1 << 22
"""And so many samples of them, 16 MB."""
SOON = 500
"""So many voices of a process are rendered by dexed-py before the batched engine is worth its loading."""
DEFAULT_ALGORITHM = 18
GAIN = np.float32(1 / 8)
"""The plugin's: one carrier at full level peaks at 1/8, -18 dBFS."""
HIGH_PASS = 126.0
"""The corner of the plugin's high-pass in radians a second, 20 Hz (Dexed's PluginFx)."""

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
        high_pass: whether Dexed's high-pass at 20 Hz follows the engine (default), as in the plugin:
            ``y[n] = x[n] - x[n-1] + (1 - 126 / sample_rate) y[n-1]``. Without it, operators too low to hear
            count in every comparison.
        engine: ``batched``, this package's own, ``dexed-py``, or ``auto`` (default): dexed-py for the first
            500 renders of a process, and from then on ``batched``, which takes a second to load and is
            several times as fast, the more the more voices it is given. All render the same bytes.
        **note: sample_rate, note, velocity, hold, duration: see Synth.

    Raises:
        SynthError: an argument is out of range.
    """

    preset_suffix = ".syx"
    also_read = (".dx7", ".mid", ".midi")
    bank_size = dx7_voice.BANK_VOICES
    engine_package = "dexed-py"
    # At 12 kHz and below the engine is silent, at 14 kHz it is out of tune (measured, dexed-py 0.3.0).
    lowest_sample_rate = 16000
    on_cuda = True
    has_prior = True
    engine: Engine = "auto"
    _rendered = 0  # by all of this process, or a few less: threads do not wait for each other to count

    def __init__(
        self,
        *,
        operators: int,
        algorithm: int | None = None,
        high_pass: bool = True,
        engine: Engine = "auto",
        **note: Any,
    ) -> None:
        super().__init__(**note)
        one_of("engine", engine, get_args(Engine))
        self.engine = engine
        self.batch = 1 if engine == "dexed-py" else max(1, min(BATCH, BATCH_SAMPLES // self.samples))
        self.high_pass = truth("high_pass", high_pass)
        whole("operators", operators, 1, 6)
        self.most_layers = dx7_layers.MOST_LAYERS if operators == 6 else 0
        if algorithm is not None and operators == 6:
            raise SynthError(
                "the algorithm is a parameter of the six-operator voice; "
                "freeze it instead: frozen={'ALGORITHM': '18'}"
            )
        if algorithm is not None:
            whole("algorithm", algorithm, 1, 32)
        if operators == 6:
            self.space = ParameterSpace(dx7_parameters.PARAMETERS)
        else:
            self.space = ParameterSpace(
                dx7_parameters.PARAMETERS,
                free=dx7_parameters.operator_parameters(operators),
                values={"ALGORITHM": (algorithm or DEFAULT_ALGORITHM) - 1},
            )
        self._open()

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the sound of a native row besides the note: whether the high-pass is on."""
        return {"high_pass": self.high_pass}

    def _open(self) -> None:
        # `_synth` takes voice bytes as they are: a tenth of the cost of the public classes.
        self._dexed = Dexed(float(self.sample_rate))._synth

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_dexed"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def render(self, native: Native, notes: Notes | None = None) -> Audio:
        """Return audio (B, samples) of native rows (B, 145), at the level of the Dexed plugin."""
        if native.ndim != 2:
            raise SynthError(f"native rows are an array (B, 145); got one of shape {native.shape}")
        voices, played = dx7_parameters.voice_bytes(native), self.note.rows(len(native), notes)
        return (self._together if self._batched(len(native)) else self._one_by_one)(voices, played)

    def render_on(self, device: torch.device, native: Native, notes: Notes) -> torch.Tensor:
        """Return what ``render`` does, with its bytes, as a tensor (B, samples) on a CUDA device."""
        from synthgym.synths.dx7_engine import on_cuda  # here, since torch and numba-cuda are an extra

        return on_cuda.render(_rows(dx7_parameters.voice_bytes(native)), notes, **self._how, device=device)

    def _batched(self, rows: int) -> bool:
        """Return whether the batched engine is to render some rows."""
        DexedSynth._rendered += rows
        if self.engine == "auto":
            return DexedSynth._rendered > SOON and not os.environ.get("NUMBA_DISABLE_JIT")
        return self.engine == "batched"

    @property
    def _how(self) -> dict[str, Any]:
        """What the package's own engines are told besides voices and notes."""
        high_pass = HIGH_PASS if self.high_pass else 0.0
        return {"sample_rate": self.sample_rate, "samples": self.samples, "high_pass": high_pass}

    def _together(self, voices: bytes, played: Notes) -> Audio:
        from synthgym.synths import dx7_engine  # here, since it takes a while to load

        return dx7_engine.render(_rows(voices), played, **self._how)

    def _one_by_one(self, voices: bytes, played: Notes) -> Audio:
        size = dx7_parameters.VOICE_BYTES
        # The engine rounds in its own way; of a whole number of samples it makes that number.
        duration = self.samples / self.sample_rate
        audio = np.empty((len(played), self.samples), np.float32)
        for row, (sound, (pitch, velocity, hold)) in enumerate(zip(audio, played.tolist(), strict=True)):
            try:
                self._dexed.load_sysex(voices[row * size : (row + 1) * size] + _ALL_OPERATORS_ON)
                rendered = self._dexed.render(int(pitch), int(velocity), hold, duration)
            except RuntimeError as error:
                raise SynthError(
                    f"Dexed: {error}; render at one sample rate at a time in a process"
                ) from error
            np.multiply(self._filtered(rendered), GAIN, out=sound)
        return audio

    def _filtered(self, sound: NDArray[np.floating]) -> NDArray[np.floating]:
        if not self.high_pass:
            return sound
        # In float64, where the tail of a note that has ended is not made of denormal numbers.
        filtered: NDArray[np.float64] = lfilter((1.0, -1.0), (1.0, HIGH_PASS / self.sample_rate - 1), sound)
        return filtered

    def _write_preset(self, native: Native, path: Path) -> None:
        dx7_voice.write_syx(path, native)

    def _read_preset(self, path: Path) -> Native:
        voices = dx7_voice.read_voices(path)
        if len(voices) > 1:
            named = f"{path}:1 is {voices[0].name!r}, {path}:2 {voices[1].name!r}"
            logger.warning("%s holds %d voices; the first is taken (%s)", path, len(voices), named)
        return voices[0].native

    def load_preset(self, path: str | os.PathLike[str]) -> Native:
        """As of any synth; a voice of a bank is named by its number, from 1, as ``bank.syx:7``."""
        is_numbered = _numbered(path)[1] is not None
        return self.load_presets(path)[0] if is_numbered else super().load_preset(path)

    def human_like(self, generators: Sequence[np.random.Generator]) -> Native:
        """Return random voices (B, 145) such as people make, of this synth's operators and algorithm."""
        algorithm = self.space.frozen.get("ALGORITHM")
        voices = dx7_prior.human_like(generators, None if algorithm is None else int(algorithm))
        return self.space.to_native(self.space.to_unit(voices))

    def louder(self, native: Native, decibels: float) -> tuple[Native, NDArray[np.float64]]:
        """Return voices (B, 145) with their carriers' output levels moved, and the decibels (B,) that makes.

        Args:
            native: float64 (B, 145).
            decibels: by how much louder; below 0 for softer.

        Returns:
            As of any synth; about so many decibels, where key scaling or a carrier's feedback has its part.
        """
        return dx7_levels.louder(native, decibels)

    def layers(self, native: Native) -> tuple[Native, NDArray[np.bool_]]:
        """Return a voice for each pair of a carrier of voices (B, 145) and its modulator, these alone.

        Args:
            native: float64 (B, 145).

        Returns:
            As of any synth.
        """
        return dx7_layers.layers(native)

    def layered(self, layers: Native, decibels: NDArray[np.float64]) -> Native:
        """Return a voice (145,) of up to three pairs of operators.

        Args:
            layers: (L, 145).
            decibels: of each, 0 or below, (L,).

        Returns:
            The voice.
        """
        return dx7_layers.layered(layers, decibels)

    def diagram(self, native: Native) -> Diagram:
        """Return the algorithm of a voice (145,)."""
        return algorithm_diagram(self.space, native)

    def save_bank(self, natives: Native, names: Sequence[str], path: str | os.PathLike[str]) -> None:
        """Save native rows (up to 32, 145) as a bank that any DX7 or Dexed loads; INIT voices fill it up.

        Raises:
            PresetError: it cannot be written.
        """
        try:
            dx7_voice.write_bank(path, natives, names)
        except OSError as error:
            raise PresetError(f"cannot write {path}: {error.strerror}; choose another place") from error

    def load_presets(self, path: str | os.PathLike[str]) -> list[Native]:
        """Return the native rows of all voices of a file, of one (``bank.syx:7``), or of a JSON preset."""
        bank, number = _numbered(path)
        if number is not None:
            rows = self.load_presets(bank)
            if not 1 <= number <= len(rows):
                raise PresetError(f"{bank} holds voices 1 to {len(rows)}; got {number}")
            return [rows[number - 1]]
        if self._suffix(path, self.preset_suffix, *self.also_read, ".json") == ".json":
            return super().load_presets(path)
        return [voice.native for voice in dx7_voice.read_voices(path)]


def _numbered(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Return the path of a file, and the number of a voice in it where one is named."""
    if not isinstance(path, str | os.PathLike):
        raise PresetError(f"a preset is named by its path; got {quoted(path)}")
    found = re.fullmatch(r"(.+):(\d{1,9})", os.fspath(path))
    if found is None or Path(path).exists():
        return Path(path), None
    return Path(found[1]), int(found[2])


def _rows(voices: bytes) -> NDArray[np.uint8]:
    """Return voices (B, 155) that lie one after the other."""
    return np.frombuffer(voices, np.uint8).reshape(-1, dx7_parameters.VOICE_BYTES)
