"""Vital, a wavetable synthesiser, by its own engine (vita)."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.errors import PresetError, SynthError, installing
from synthgym.files import contents, replaced
from synthgym.hosting import Engine
from synthgym.hosting.remote import RemoteEngine
from synthgym.notes import Notes
from synthgym.parameters import Native, ParameterSpace
from synthgym.synths.base import Audio
from synthgym.synths.hosted import HostedSynth

_TABLES = ("lfos", "modulations", "sample", "wavetables")
_UNHEARD = ("view_", "modulation_", "macro_control")  # modulations are compared by what they join
_SHAPES = ("bipolar", "stereo", "power")  # of a modulation, besides its amount


class VitalSynth(HostedSynth):
    """A patch of Vital, made on its init patch.

    Free are 60 knobs in Vital's own scales: of three oscillators (switch, level, transpose, tune, unison,
    wave frame, phase), two filters (switch, model, style, cutoff, resonance, key track), three envelopes
    (attack, decay, sustain, release) and two LFOs (frequency), and the amounts of ten modulations. The others
    (routing, warps, curves, delays, distortion, chorus, delay, reverb) stand as in Vital's init patch,
    effects off, and are freed by ``parameters=[...]`` or set by ``frozen={...}``. The wave frames lead from
    sine over triangle, saw and square to a pulse. Nothing is random: phases are not, LFOs begin with the
    note, the sample is off.

    Each render takes an engine that has not played, in a helper process: equal parameters give equal bytes,
    and a crash costs one render. Stereo is mixed to mono.

    Args:
        **note: sample_rate, note, velocity, hold, duration: see Synth.

    Raises:
        SynthError: vita is not installed, or an argument is out of range.
    """

    preset_suffix = ".vital"
    engine_package = "vita"
    has_prior = True
    opens_anywhere = True

    def __init__(self, **note: Any) -> None:
        super().__init__(**note)
        if find_spec("vita") is None:
            raise SynthError(f"Vital needs the package vita; {installing('vital')}")
        from synthgym.synths import vital_knobs, vital_prior  # here: vita may be missing

        self._knobs, self._prior = vital_knobs, vital_prior
        knobs = vital_knobs.knobs()
        self.space = ParameterSpace(knobs, [knob.name for knob in knobs[: len(vital_knobs.FREE)]])

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k not in ("_knobs", "_prior")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from synthgym.synths import vital_knobs, vital_prior

        self.__dict__.update(state, _knobs=vital_knobs, _prior=vital_prior)

    def _make_engine(self) -> Engine:
        fork = sys.platform == "linux"
        options = {
            "preset": self._knobs.start(),
            "sample_rate": self.sample_rate,
            "samples": self.samples,
            "fresh": not fork,
        }
        return RemoteEngine("vital_engine:VitalEngine", options, name="Vital", fork=fork)

    def render(self, native: Native, notes: Notes | None = None) -> Audio:
        """Return audio (B, samples) of native rows; PluginCrashed if a row crashes or hangs it twice."""
        played = self.note.rows(len(native), notes).tolist()
        return np.stack(
            [
                self.engine.render((self._settings(row), (int(pitch), velocity / 127, hold)))
                for row, (pitch, velocity, hold) in zip(native, played, strict=True)
            ]
        )

    def _settings(self, native: Native) -> list[tuple[str, float]]:
        return list(zip(self._knobs.CONTROLS, native.tolist(), strict=True))

    def human_like(self, generators: Sequence[np.random.Generator]) -> Native:
        """Return random rows from ranges that a musician would choose."""
        base = dict(self._settings(self.space.row({})))
        rows = [list({**base, **self._prior.settings(rng)}.values()) for rng in generators]
        return self.space.to_native(self.space.to_unit(np.array(rows)))

    def _write_preset(self, native: Native, path: Path) -> None:
        preset = self._knobs.of_version(json.loads(self.engine.call("save", self._settings(native))))
        preset["preset_name"] = path.stem
        with replaced(path) as temporary:
            temporary.write_text(json.dumps(preset), encoding="utf-8")

    def _read_preset(self, path: Path) -> Native:
        row, remarks = self._read(path)
        if remarks:
            warnings.warn(f"{path.name} sounds otherwise here: {'; '.join(remarks)}", stacklevel=3)
        return row

    def load_presets(self, path: str | os.PathLike[str]) -> list[Native]:
        """Return the native row of a file, without a warning of what else it holds."""
        is_own = Path(path).suffix.lower() == self.preset_suffix
        return [self._read(Path(path))[0] if is_own else self.load_preset(path)]

    def _read(self, path: Path) -> tuple[Native, list[str]]:
        """Return the row of a .vital file, and what of it the row does not hold."""
        try:
            text = contents(path).decode("utf-8-sig")
            if not isinstance(json.loads(text)["settings"]["osc_1_level"], (int, float)):
                raise TypeError("its settings are no numbers")
            read = self.engine.call("load", text)
            if not read:
                raise ValueError("it is damaged, or of another version; save it again in Vital 1.5")
            settings = json.loads(read)["settings"]
            start = json.loads(self.engine.call("load", self._knobs.start()))["settings"]
            amounts, modulated = self._modulations(settings, start)
            values = {c: float(settings.get(c, start[c])) for c in self._knobs.CONTROLS} | amounts
            row = np.array(
                [_nearest(k, v) for k, v in zip(self.space.parameters, values.values(), strict=True)]
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            raise PresetError(f"{path} is no preset of Vital ({reason}); give a .vital file") from error
        others = [c for c in start if c not in (*values, *_TABLES) and not c.startswith(_UNHEARD)]
        left_out = [c for c in others if settings.get(c) != start[c]]
        if _waves(settings) != _waves(start):
            left_out.append("wavetables")
        if settings["lfos"] != start["lfos"]:
            left_out.append("lfos")
        left_out += modulated
        remarks = []
        if left_out:
            stand = "they stand as in Vital's init patch"
            remarks.append(f"no knob of this environment is {_few(left_out)}; {stand}")
        beyond = ~np.isclose(row, list(values.values()), rtol=1e-5, atol=1e-6)
        moved = [k.name for k, far in zip(self.space.parameters, beyond, strict=True) if far]
        if moved:
            remarks.append(f"what it has for {_few(moved)} is no value of the knob; the nearest is taken")
        return row, remarks

    def _modulations(
        self, settings: dict[str, Any], start: dict[str, Any]
    ) -> tuple[dict[str, float], list[str]]:
        """Return the amounts of the modulations that are knobs, and what else modulates or shapes them.

        Those of a preset that are bypassed are none; equal ones act as one with the sum of their amounts.
        """
        slots: dict[tuple[str, str], list[int]] = {}
        for slot, joined in enumerate(settings["modulations"], 1):
            route = joined["source"], joined["destination"]
            if all(route) and not settings[f"modulation_{slot}_bypass"]:
                slots.setdefault(route, []).append(slot)
        amounts, left_out = {}, []
        for own, (knob, route) in enumerate(
            zip(self._knobs.AMOUNTS, self._knobs.MODULATIONS, strict=True), 1
        ):
            acting = {slot: settings[f"modulation_{slot}_amount"] for slot in slots.pop(route, [])}
            amounts[knob] = float(sum(acting.values()))
            for slot in (slot for slot, amount in acting.items() if amount):
                differ = [
                    s for s in _SHAPES if settings[f"modulation_{slot}_{s}"] != start[f"modulation_{own}_{s}"]
                ]
                curved = ["curve"] if "line_mapping" in settings["modulations"][slot - 1] else []
                left_out += [f"{' to '.join(route)} ({shape})" for shape in (*differ, *curved)]
        return amounts, list(dict.fromkeys([*left_out, *map(" to ".join, slots)]))


def _nearest(knob: Any, value: float) -> float:
    value = min(max(value, knob.low), knob.high)
    return value if knob.steps is None else float(round(value))


def _waves(settings: dict[str, Any]) -> str:
    return json.dumps([table["groups"] for table in settings["wavetables"]], sort_keys=True)


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
