"""Any VST2, VST3 or LV2 instrument as a synthesiser, hosted by DawDreamer."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import number, one_of
from synthgym.errors import PluginCrashed, PresetError, SynthError
from synthgym.files import replaced
from synthgym.hosting import Engine, Isolation, Patience, open_engine
from synthgym.hosting.remote import RemoteEngine
from synthgym.notes import Notes
from synthgym.parameters import Native, ParameterSpace
from synthgym.synths.base import Audio
from synthgym.synths.hosted import HostedSynth
from synthgym.synths.knobs import PSEUDO, Knob, read_knob, read_knobs, readable
from synthgym.synths.lv2_presets import lv2_presets
from synthgym.synths.plugin_places import is_uri, located, remedy
from synthgym.synths.trying import HURRY, check_heard, held_knobs

__all__ = ["Knob", "PluginSynth", "read_knob"]

logger = logging.getLogger(__name__)
_SAFEST: Isolation = "fork" if sys.platform == "linux" else "process"
_STATE = b"<VST3PluginState"
_TOLD: set[tuple[str, str]] = set()
MOST_PROGRAMS = 128
"""So many programs of a plugin are read: those that a MIDI program change reaches."""


class PluginSynth(HostedSynth):
    """A plugin that plays one note.

    Parameters are found by name; a name that occurs more than once gets its index behind it, as
    ``Level (12)``. Discrete ones are detected by the texts they show, defaults are those of the
    plugin after loading. What is no knob of the sound (bypass, program, MIDI CC, MIDI channel) is left as
    the plugin has it, and neither listed nor saved, unless it is freed or frozen by name.

    Random patches are made of the plugin's own programs (VST2) or presets (LV2), if they are 16 or more;
    see ``programs`` and docs/prior.md.

    ``isolation`` says where the plugin lives:

    - ``"fork"`` (default on Linux; other systems forbid it to audio programs): a helper process forks
      each render from the plugin as it was after loading. Equal parameters give equal bytes, and a
      crash, hang or exit of the plugin costs one render. Costs some milliseconds a render.
    - ``"process"``: a helper process renders again and again. Survives crashes; a plugin that keeps
      state between notes is not exactly repeatable.
    - ``"none"``: in this process; fastest, and a crash of the plugin is the end of it all.

    Args:
        plugin: path of a VST2 or VST3 plugin, or the URI of an installed LV2 plugin.
        isolation: as above.
        patience: seconds, 1 to 86,400, after which the plugin is taken to hang in its helper process:
            while it is loaded or renders a note (default: 120 to load, 20 to render).
        **note: sample_rate, note, velocity, hold, duration: see Synth.

    Attributes:
        knobs: all its parameters, in their order.
        held: the knobs that are not free because they silence it on nearly all of their steps, and why.

    Raises:
        SynthError: no such file, no plugin, one of another platform, or an effect.
        PluginCrashed: it crashes or hangs on loading.
    """

    _is_tried: ClassVar[bool] = True
    _heard: tuple[Any, Any] | None = None
    _loader: Engine | None = None
    _programs: Native | None = None

    def __init__(
        self,
        *,
        plugin: str | os.PathLike[str],
        isolation: Isolation | None = None,
        patience: float | None = None,
        **note: Any,
    ) -> None:
        super().__init__(**note)
        if isolation is not None:
            one_of("isolation", isolation, get_args(Isolation))
        if patience is not None:
            patience = number("patience", patience, 1, 86_400)
        self.plugin = located(plugin)
        self._name = self.plugin if is_uri(self.plugin) else Path(self.plugin).name
        self._patience = Patience(remedy=" (patience=SECONDS gives it longer)")
        if patience is not None:
            self._patience = self._patience._replace(loading=patience, rendering=patience)
        self._isolation: Isolation = isolation or _SAFEST
        self.rendering = "processes" if self._isolation == "none" else "threads"
        described = self.engine.call("describe", PSEUDO.pattern)
        self._inputs = described["inputs"]
        self.knobs = read_knobs(described["parameters"])
        self._loaded = [(readable(p["name"]), p["default"]) for p in described["parameters"]]
        self.preset_suffix = _preset_suffix(self.plugin)
        self.also_read = (".vstpreset",) if self.preset_suffix == ".state" else ()
        free = [knob.parameter.name for knob in self.knobs if not knob.pseudo]
        if not free:
            raise SynthError(f"{self.plugin} has no parameters to turn")
        self._pseudo = [knob.parameter.name for knob in self.knobs if knob.pseudo]
        self.space = ParameterSpace([knob.parameter for knob in self.knobs], free, unset=self._pseudo)
        self.held: dict[str, str] = {}
        if self._is_tried and any(knob.steps for knob in self.knobs):
            self._hold()
        if self._is_tried and self._inputs:
            self.check(self.space)

    def _hold(self) -> None:
        """Hold what silences the plugin, as the channel that it listens to, and say so."""
        with self._apart() as render:
            held = held_knobs(self.knobs, self.space.row({}), render)
        left = [name for name in self.space.names if name not in held]
        if not left:
            return
        self.held = held
        self.space = ParameterSpace([knob.parameter for knob in self.knobs], left, unset=self._pseudo)
        for name, why in held.items():
            if (self.plugin, name) not in _TOLD:
                _TOLD.add((self.plugin, name))
                logger.warning(
                    "%s: %s is held %s; parameters= or frozen= sets it by name", self._name, name, why
                )

    def check(self, space: ParameterSpace) -> None:
        """Raise SynthError if nothing is heard of it in a space, or of the knobs that are free there."""
        described = space.names, space.frozen
        if described == self._heard:
            return
        left = [name for name in (*self.held, *self._pseudo) if name not in space.names]
        with self._apart() as render:
            check_heard(self.plugin, self._inputs, space, left, render)
        self._heard = described

    @contextmanager
    def _apart(self) -> Iterator[Callable[[Native], Audio]]:
        """Give what renders native rows at the middle of the notes, safely and from the plugin as loaded."""
        (note,) = self.note.middle()
        apart = None if self._isolation == _SAFEST else self._open(_SAFEST)
        engine = apart or self.engine
        pitch, velocity, hold = note.tolist()

        def render(row: Native) -> Audio:
            audio: Audio = engine.render((self._settings(row), (int(pitch), int(velocity), hold)))
            return audio

        try:
            with engine.hurried(HURRY) if isinstance(engine, RemoteEngine) else nullcontext():
                yield render
        finally:
            if apart is not None:
                apart.close()

    def sources(self) -> list[Path]:
        """Return the plugin's file; LV2 plugins and bundles have none."""
        return [Path(self.plugin)] if Path(self.plugin).is_file() else []

    def _make_engine(self) -> Engine:
        return self._open(self._isolation)

    def _open(self, isolation: Isolation) -> Engine:
        options = {
            "path": self.plugin,
            "sample_rate": self.sample_rate,
            "samples": self.samples,
        }
        try:
            return open_engine("plugin", options, isolation, self._name, self._patience)
        except SynthError as error:
            raise SynthError(
                f"{self.plugin} cannot be loaded here as a plugin ({error}); {remedy(self.plugin)}"
            ) from error

    @property
    def repeatable(self) -> bool:
        """Whether equal rows are bound to give equal bytes: only by forking."""
        return self._isolation == "fork"

    def render(self, native: Native, notes: Notes | None = None) -> Audio:
        """Return audio (B, samples) of native rows; PluginCrashed if a row crashes or hangs it twice."""
        played = self.note.rows(len(native), notes)
        return np.stack(
            [
                self.render_settings(self._settings(row), note)
                for row, note in zip(native, played, strict=True)
            ]
        )

    def render_settings(self, settings: list[tuple[int, float]], note: NDArray[np.float64]) -> Audio:
        """Return the audio (samples,) of parameters by (index, host value), and a note (3,)."""
        pitch, velocity, hold = note.tolist()
        for _ in range(2):
            audio: Audio = self.engine.render((settings, (int(pitch), int(velocity), hold)))
            if np.isfinite(audio).all():
                break
            # What gave NaN once may give nothing else from now on: begin with a fresh one.
            self.close()
        return audio

    def _settings(self, native: Native) -> list[tuple[int, float]]:
        """Return (index, host value) of every parameter that a native row (all parameters,) sets."""
        return [
            (knob.index, knob.host(value))
            for knob, value in zip(self.knobs, native.tolist(), strict=True)
            if not math.isnan(value)
        ]

    def _write_preset(self, native: Native, path: Path) -> None:
        with replaced(path) as temporary:
            self.engine.call("save", self._settings(native), str(temporary))

    def _read_preset(self, path: Path) -> Native:
        if not path.is_file():
            raise PresetError(f"no such preset: {path}")
        no_preset = f"{path} is no preset of {self._name}"
        if path.suffix.lower() == ".state" and _STATE not in path.read_bytes():
            raise PresetError(
                f"{no_preset}: no state of a VST3 plugin is in it; give one that was saved here"
            )
        if self._loader is None:
            # Not forked, as a state is taken by the thread alone that loaded the plugin; and of its own, as
            # what a preset changes besides the knobs must not be heard in the next render.
            self._loader = self._open("process")
        try:
            hosts = self._loader.call("load", str(path.absolute()))
        except (SynthError, PluginCrashed) as error:
            raise PresetError(f"{no_preset}: {error}") from error
        return self._row(hosts)

    def _row(self, hosts: Sequence[float]) -> Native:
        """Return the native row (all parameters,) of host values."""
        return np.array(
            [
                np.nan if knob.pseudo else knob.native(host)
                for knob, host in zip(self.knobs, hosts, strict=True)
            ]
        )

    def programs(self) -> Native:
        """Return native rows (P, all parameters) of a VST2 plugin's programs or an LV2 plugin's presets.

        They are read once, at most 128, in a helper process: of a plugin that crashes there are none. Of VST3
        plugins DawDreamer tells none.
        """
        if self._programs is None:
            rows = [self._row(hosts) for hosts in self._read_programs() if np.isfinite(hosts).all()]
            self._programs = np.array(rows).reshape(len(rows), len(self.knobs))
        return self._programs

    def _read_programs(self) -> list[list[float]]:
        """Return the host values of all parameters in each program."""
        if is_uri(self.plugin):
            names, defaults = zip(*self._loaded, strict=True)
            return lv2_presets(self.plugin, names, defaults)[:MOST_PROGRAMS]
        try:
            engine = self.engine if self._isolation == "fork" else self._open(_SAFEST)
            try:
                hosts: list[list[float]] = engine.call("programs", MOST_PROGRAMS)
            finally:
                if engine is not self._engine:
                    engine.close()
        except (SynthError, PluginCrashed) as error:
            logger.warning("%s: its programs cannot be read (%s); taken to have none", self._name, error)
            return []
        return hosts

    def close(self) -> None:
        """Let the engines go; they are made again when they are needed."""
        super().close()
        if self._loader is not None:
            self._loader.close()
            self._loader = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_loader": None}


def _preset_suffix(plugin: str) -> str:
    if is_uri(plugin):
        return ".json"  # DawDreamer 0.9 saves an LV2 plugin's state but does not give it back
    return ".state" if Path(plugin).suffix.lower() == ".vst3" else ".fxp"
