"""Any VST2, VST3 or LV2 instrument as a synthesiser, hosted by DawDreamer."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import number, one_of
from synthgym.errors import PresetError, SynthError
from synthgym.files import replaced
from synthgym.hosting import Engine, Isolation, Patience, open_engine
from synthgym.notes import Notes
from synthgym.parameters import Native, Parameter, ParameterSpace
from synthgym.synths.base import Audio
from synthgym.synths.hosted import HostedSynth

MOST_STEPS = 64
"""A parameter that shows at most this many texts over its range is discrete."""

PSEUDO = re.compile(r"^(bypass|programs?|presets?|program change)$|\bmidi ?cc\b|^cc ?\d+", re.IGNORECASE)
"""Names of what hosts see as parameters but no knob is: left out unless asked for."""

_FOREIGN = {b"MZ": "Windows", b"\xcf\xfa\xed\xfe": "macOS", b"\xca\xfe\xba\xbe": "macOS"}


@dataclass(frozen=True)
class Knob:
    """A parameter of a plugin and how it is set.

    Attributes:
        index: its place in the plugin.
        parameter: the knob an agent turns. Continuous ones are native in the host's 0 to 1.
        hosts: the host value of each step of a discrete one, otherwise empty.
        texts: what the plugin shows from 0 to 1: (least value, greatest value, text).
    """

    index: int
    parameter: Parameter
    hosts: tuple[float, ...]
    texts: tuple[tuple[float, float, str], ...]

    def host(self, native: float) -> float:
        """Return the host's value, 0 to 1, of a native one."""
        return self.hosts[round(native)] if self.hosts else native

    def native(self, host: float) -> float:
        """Return the native value of a host's, 0 to 1."""
        return float(np.abs(np.array(self.hosts) - host).argmin()) if self.hosts else min(max(host, 0.0), 1.0)


def read_knob(index: int, name: str, default: float, texts: Sequence[tuple[float, float, str]]) -> Knob:
    """Return the knob of a parameter: discrete if it shows few texts, otherwise continuous.

    Discrete values that read as successive numbers are integers, others categories.
    """
    texts = tuple(texts)
    names = [text for *_, text in texts]
    if not 2 <= len(set(names)) <= MOST_STEPS or len(set(names)) < len(names):
        return Knob(index, Parameter(name, "continuous", 0, 1, min(max(default, 0.0), 1.0)), (), texts)
    count = len(names)
    even = [k / (count - 1) for k in range(count)]
    # The usual values of steps where they fall into the plugin's own intervals, else their middles.
    hosts = tuple(
        value if low <= value <= high else (low + high) / 2
        for value, (low, high, _) in zip(even, texts, strict=True)
    )
    start = float(np.abs(np.array(hosts) - default).argmin())
    try:
        ordered = count > 2 and set(np.diff([float(text) for text in names])) == {1.0}
    except ValueError:
        ordered = False
    if ordered:
        parameter = Parameter(name, "integer", 0, count - 1, start)
    else:
        parameter = Parameter(name, "categorical", 0, count - 1, start, tuple(names))
    return Knob(index, parameter, hosts, texts)


class PluginSynth(HostedSynth):
    """A plugin that plays one note.

    Parameters are found by name; a name that occurs more than once gets its index behind it, as
    ``Level (12)``. Discrete ones are detected by the texts they show, defaults are those of the
    plugin after loading. Bypass, program and MIDI-CC pseudo-parameters are there but not free.

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

    Raises:
        SynthError: no such file, no plugin, one of another platform, or an effect.
        PluginCrashed: it crashes or hangs on loading.
    """

    def __init__(
        self,
        *,
        plugin: str,
        isolation: Isolation | None = None,
        patience: float | None = None,
        **note: Any,
    ) -> None:
        super().__init__(**note)
        if isolation is not None:
            one_of("isolation", isolation, get_args(Isolation))
        if patience is not None:
            patience = number("patience", patience, 1, 86_400)
        _check_file(plugin)
        self.plugin = plugin
        self._name = Path(plugin).name
        self._patience = Patience(remedy=" (patience=SECONDS gives it longer)")
        if patience is not None:
            self._patience = self._patience._replace(loading=patience, rendering=patience)
        self._isolation: Isolation = isolation or ("fork" if sys.platform == "linux" else "process")
        self.rendering = "processes" if self._isolation == "none" else "threads"
        described = self.engine.call("describe", PSEUDO.pattern)
        named = [(p["name"] or "parameter", p["default"], p["texts"]) for p in described["parameters"]]
        counts = Counter(name for name, *_ in named)
        self.knobs = tuple(
            read_knob(i, f"{name} ({i})" if counts[name] > 1 else name, default, texts)
            for i, (name, default, texts) in enumerate(named)
        )
        if not self.knobs:
            raise SynthError(f"{self._name} has no parameters to turn")
        parameters = [knob.parameter for knob in self.knobs]
        free = [p.name for p in parameters if not PSEUDO.search(p.name)]
        self.space = ParameterSpace(parameters, free)
        self.preset_suffix = _preset_suffix(plugin)
        if described["inputs"] and not np.any(self.render(self.space.row({})[None], self.note.middle())):
            raise SynthError(
                f"{self._name} takes {described['inputs']} audio inputs and is silent on a note: "
                "an effect; give an instrument"
            )

    def sources(self) -> list[Path]:
        """Return the plugin's file; LV2 plugins and bundles have none."""
        return [Path(self.plugin)] if Path(self.plugin).is_file() else []

    def _make_engine(self) -> Engine:
        options = {
            "path": self.plugin,
            "sample_rate": self.sample_rate,
            "samples": self.samples,
        }
        try:
            return open_engine("plugin", options, self._isolation, self._name, self._patience)
        except SynthError as error:
            raise SynthError(
                f"{self.plugin} cannot be loaded here as a plugin ({error}); "
                "give a VST2, VST3 or LV2 instrument for this platform"
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
        """Return (index, host value) of every parameter of a native row (all parameters,)."""
        return [(knob.index, knob.host(value)) for knob, value in zip(self.knobs, native, strict=True)]

    def _write_preset(self, native: Native, path: Path) -> None:
        with replaced(path) as temporary:
            self.engine.call("save", self._settings(native), str(temporary))

    def _read_preset(self, path: Path) -> Native:
        if not path.is_file():
            raise PresetError(f"no such preset: {path}")
        try:
            hosts = self.engine.call("load", str(path.absolute()))
        except SynthError as error:
            raise PresetError(f"{path} is no preset of {self._name}: {error}") from error
        return np.array([knob.native(host) for knob, host in zip(self.knobs, hosts, strict=True)])


def _is_uri(plugin: str) -> bool:
    return "://" in plugin or plugin.startswith("urn:")


def _preset_suffix(plugin: str) -> str:
    if _is_uri(plugin):
        return ".json"  # DawDreamer 0.9 saves an LV2 plugin's state but does not give it back
    return ".state" if Path(plugin).suffix.lower() == ".vst3" else ".fxp"


def _check_file(plugin: str) -> None:
    if _is_uri(plugin):
        return
    path = Path(plugin)
    if not path.exists():
        raise SynthError(f"no such plugin: {plugin}; give a path of a VST2 or VST3 plugin, or an LV2 URI")
    if path.is_file():
        head = path.read_bytes()[:4]
        for magic, system in _FOREIGN.items():
            native = {"win32": "Windows", "darwin": "macOS"}.get(sys.platform)
            if head.startswith(magic) and system != native:
                raise SynthError(f"{plugin} is a plugin for {system}; get the one for this platform")
