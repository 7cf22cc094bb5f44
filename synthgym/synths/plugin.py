"""Any VST2, VST3 or LV2 instrument as a synthesiser, hosted by DawDreamer."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import number
from synthgym.errors import SynthError
from synthgym.files import as_utf8
from synthgym.hosting import SAFEST, Engine, Isolation, Patience, open_engine, place_of
from synthgym.hosting.helper import addresses_can_be_fixed
from synthgym.hosting.remote import RemoteEngine
from synthgym.notes import Notes
from synthgym.parameters import Native, ParameterSpace
from synthgym.synths.base import Audio
from synthgym.synths.exactness import UNKNOWN, RenderNote, exactness_of, only_turned
from synthgym.synths.hosted import HostedSynth
from synthgym.synths.knobs import PSEUDO, Knob, read_knob, read_knobs, readable
from synthgym.synths.plugin_places import is_uri, located, remedy
from synthgym.synths.plugin_presets import PluginPresets, preset_suffix, save_state
from synthgym.synths.trying import HURRY, SLOWER, Render, check_heard, held_knobs, silent

__all__ = ["Knob", "PluginSynth", "read_knob"]

logger = logging.getLogger(__name__)
_TOLD: set[tuple[str, str]] = set()


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
      state between notes is not exactly repeatable. Default where it was measured to be: on Linux, the
      first time that a plugin is made with these notes, 32 random audible patches are rendered in two
      orders, and must have the bytes of forked renders. That takes some seconds, and what was found is
      kept in the user's cache, by the content of the plugin's files. A patch that sets what was not turned
      then, as a MIDI channel, is forked all the same.
    - ``"none"``: in this process; fastest, and a crash of the plugin is the end of it all.

    Args:
        plugin: path of a VST2 or VST3 plugin, or the URI of an installed LV2 plugin.
        isolation: as above.
        patience: seconds, 1 to 86,400, after which the plugin is taken to hang in its helper process:
            while it is loaded or renders a note (default: 120 to load, 20 to render, and
            some 3 for each of the patches that are tried when it is made).
        **note: sample_rate, note, velocity, hold, duration: see Synth.

    Attributes:
        knobs: all its parameters, in their order.
        held: the knobs that are not free because the default patch sounds on two of their steps at most, and
            on no more than half, as on one of a switch; and why.

    Raises:
        SynthError: no such file, no plugin, or one of another platform.
        PluginCrashed: it crashes or hangs on loading.
    """

    _is_tried: ClassVar[bool] = True
    _heard: tuple[Any, Any] | None = None
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
        self._isolation: Isolation = place_of(isolation)
        self.opens_anywhere = self._isolation != "none"
        self.plugin = located(plugin)
        self._name = self.plugin if is_uri(self.plugin) else Path(self.plugin).name
        self._patience = Patience(remedy=" (patience=SECONDS gives it longer)")
        self._hurries = patience is None
        if patience is not None:
            patience = number("patience", patience, 1, 86_400)
            self._patience = self._patience._replace(loading=patience, rendering=patience)
        self.rendering = "threads" if self.opens_anywhere else "processes"
        described = self.engine.call("describe", PSEUDO.pattern)
        self._inputs = described["inputs"]
        self.knobs = read_knobs(described["parameters"])
        loaded = [(readable(p["name"]), p["default"]) for p in described["parameters"]]
        self._presets = PluginPresets(self.plugin, self._name, loaded, self._open)
        self.preset_suffix = preset_suffix(self.plugin)
        self.also_read = (".vstpreset",) if self.preset_suffix == ".state" else ()
        free = [knob.parameter.name for knob in self.knobs if not knob.pseudo]
        if not free:
            raise SynthError(f"{self.plugin} has no parameters to turn")
        self._pseudo = [knob.parameter.name for knob in self.knobs if knob.pseudo]
        self.space = ParameterSpace([knob.parameter for knob in self.knobs], free, unset=self._pseudo)
        self.held: dict[str, str] = {}
        if self._is_tried and any(knob.steps for knob in self.knobs):
            self._hold()
        self._played = self.space
        self._exact = UNKNOWN
        if self._is_tried and self._isolation == "fork":
            self._exact = exactness_of(self.plugin, self.space, self.note, self.sample_rate, self._opened)
        self._may_fork = isolation is None and self._exact.process
        if self._may_fork:
            self._move("process")

    def _move(self, isolation: Isolation) -> None:
        """Let the plugin live elsewhere from now on."""
        self.close()
        self._isolation = isolation

    def _hold(self) -> None:
        """Hold what silences the plugin, as the channel that it listens to, and say so."""
        start = self.space.row({})
        with self._apart(start) as (sound, render):
            held = {} if silent(sound) else held_knobs(self.knobs, start, render)
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
        """Raise SynthError if nothing is heard of it in a space, or of the knobs that are free there.

        Presets that are read from now on are of that space: what is no knob stands in them as it does there.
        """
        self._played = space
        described = space.names, space.frozen
        if described == self._heard:
            return
        left = [name for name in (*self.held, *self._pseudo) if name not in space.names]
        with self._apart(space.row({})) as (sound, render):
            check_heard(self.plugin, self._inputs, space, left, sound, render, self.note.duration)
        self._heard = described

    @contextmanager
    def _apart(self, start: Native) -> Iterator[tuple[Audio, Render]]:
        """Give the sound of a native row, and what renders others that are tried, at the middle of the notes.

        They are rendered safely, from the plugin as loaded, and leave no trace in the engine.
        """
        (note,) = self.note.middle()
        with self._opened(SAFEST, self.engine if self._isolation == "fork" else None) as render:
            yield render(start, note), lambda row: render(row, note)

    @contextmanager
    def _opened(self, isolation: Isolation, ours: Engine | None = None) -> Iterator[RenderNote]:
        """Give what renders native rows and notes by an engine of its own, or by ours.

        The first may take as long as any render; the others are hurried, unless the user has said how long
        one may take.
        """
        engine = ours or self._open(isolation)
        with ExitStack() as stack:
            if ours is None:
                stack.callback(engine.close)
            hurries = self._hurries

            def render(row: Native, note: NDArray[np.float64]) -> Audio:
                nonlocal hurries
                begun = time.monotonic()
                pitch, velocity, hold = note.tolist()
                audio: Audio = engine.render((self._settings(row), (int(pitch), int(velocity), hold)))
                if hurries and isinstance(engine, RemoteEngine):
                    hurries = False
                    hurry = max(HURRY, SLOWER * (time.monotonic() - begun))
                    stack.enter_context(engine.hurried(hurry))
                return audio

            yield render

    def sources(self) -> list[Path]:
        """Return the plugin's file; LV2 plugins and bundles have none."""
        return [Path(self.plugin)] if Path(self.plugin).is_file() else []

    def _make_engine(self) -> Engine:
        return self._open(self._isolation)

    def _open(self, isolation: Isolation) -> Engine:
        options = {
            "path": self.plugin if is_uri(self.plugin) else as_utf8(self.plugin, "DawDreamer"),
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
    def isolation(self) -> Isolation:
        """Where it lives."""
        return self._isolation

    @property
    def repeatable(self) -> bool:
        """Whether equal rows are bound to give equal bytes."""
        exact = self._exact.fork if self._isolation == "fork" else self._may_fork
        return exact and addresses_can_be_fixed()

    def render(self, native: Native, notes: Notes | None = None) -> Audio:
        """Return audio (B, samples) of native rows; PluginCrashed if a row crashes or hangs it twice."""
        played = self.note.rows(len(native), notes)
        if self._may_fork and self._isolation == "process" and not only_turned(self.space, native):
            self._move("fork")
        return np.stack(
            [
                self.render_settings(self._settings(row), note)
                for row, note in zip(native, played, strict=True)
            ]
        )

    def render_settings(self, settings: list[tuple[int, float]], note: NDArray[np.float64]) -> Audio:
        """Return the audio (samples,) of parameters by (index, host value), and a note (3,).

        Args:
            settings: of the parameters that are set, each host value in [0, 1]; the others stay as the plugin
                has them.
            note: float64: MIDI note, velocity and seconds held.

        Returns:
            Float32 (samples,); not finite if the plugin gave such twice.
        """
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
        if self._may_fork:  # as from a fork: of a plugin that has not played, and will not afterwards
            self.close()
        save_state(self.engine, self._settings(native), path)
        if self._may_fork:
            self.close()

    def _read_preset(self, path: Path) -> Native:
        return self._row(self._presets.read(path))

    def _row(self, hosts: Sequence[float]) -> Native:
        """Return the native row (all parameters,) of host values."""
        stands, free = self._played.row({}), set(self._played.names)
        return np.array(
            [
                stands[i] if knob.pseudo and knob.parameter.name not in free else knob.native(host)
                for i, (knob, host) in enumerate(zip(self.knobs, hosts, strict=True))
            ]
        )

    def programs(self) -> Native:
        """Return native rows (P, all parameters) of a VST2's programs or an LV2's presets, read once."""
        if self._programs is None:
            rows = [self._row(hosts) for hosts in self._presets.programs() if np.isfinite(hosts).all()]
            self._programs = np.array(rows).reshape(len(rows), len(self.knobs))
        return self._programs

    def close(self) -> None:
        """Let the engines go; they are made again when they are needed."""
        super().close()
        self._presets.close()
