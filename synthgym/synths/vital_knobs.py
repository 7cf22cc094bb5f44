"""The knobs of Vital that shape a patch from its init patch, and that patch."""

from __future__ import annotations

import base64
import json
import threading
from functools import cache
from typing import Any

import numpy as np
import vita

from synthgym.parameters import Parameter

MODULATIONS = (
    ("env_2", "filter_1_cutoff"),
    ("env_2", "filter_2_cutoff"),
    ("env_2", "osc_1_wave_frame"),
    ("env_3", "osc_2_wave_frame"),
    ("env_3", "osc_2_level"),
    ("env_3", "voice_transpose"),
    ("lfo_1", "voice_tune"),
    ("lfo_1", "filter_1_cutoff"),
    ("lfo_2", "osc_1_level"),
    ("lfo_2", "osc_1_wave_frame"),
)
"""Which source acts on which control; the amounts are knobs. Slot 1 first."""

_FREE = {
    "osc_{}": (3, "on level transpose tune unison_voices unison_detune wave_frame phase"),
    "filter_{}": (2, "on model style cutoff resonance keytrack"),
    "env_{}": (3, "attack decay sustain release"),
    "lfo_{}": (2, "frequency"),
}
_HELD = {
    "osc_{}": (
        3,
        "destination pan unison_blend spectral_morph_type spectral_morph_amount distortion_type "
        "distortion_amount",
    ),
    "filter_{}": (2, "drive blend mix"),
    "env_{}": (3, "delay hold attack_power decay_power release_power"),
    "lfo_{}": (2, "phase delay_time fade_time"),
    "distortion": (1, "on type drive mix"),
    "chorus": (1, "on voices frequency mod_depth feedback dry_wet"),
    "delay": (1, "on frequency feedback dry_wet"),
    "reverb": (1, "on decay_time size dry_wet"),
}
_HIGHEST = {"style": 4, "destination": 3}
"""Steps of filters that their models have in common; the filters and the effects, not each effect by name."""
SAW = 128.0
_START = {
    **{f"osc_{n}_random_phase": 0 for n in (1, 2, 3)},
    **{f"osc_{n}_wave_frame": SAW for n in (1, 2, 3)},
    **{f"{name}_sync": 0 for name in ("lfo_1", "lfo_2", "chorus", "delay")},
}
"""What the start has otherwise than Vital's init patch: nothing is random, and times are in seconds."""
VERSION = "1.0.6"
"""The version of Vital that files name: of its published source, which vita is built from."""
_SHAPES = 5
_LOCK = threading.Lock()


class VitalKnob(Parameter):
    """A parameter in Vital's own scale: equal distances on the panel are equal distances of native values."""

    def text(self, native: float) -> str:
        """Return a native value as Vital shows it."""
        if self.labels:
            return super().text(native)
        with _LOCK:
            synth, controls = _shown()
            control = control_of(self.name)
            controls[control].set(native)
            return str(synth.get_control_text(control)).strip()


@cache
def _shown() -> tuple[vita.Synth, dict[str, vita.ControlValue]]:
    synth = vita.Synth()
    return synth, synth.get_controls()


def _names(rooms: dict[str, tuple[int, str]]) -> list[str]:
    return [
        f"{room.format(number)}_{knob}"
        for room, (count, knobs) in rooms.items()
        for number in range(1, count + 1)
        for knob in knobs.split()
    ]


AMOUNTS = [f"modulation_{slot}_amount" for slot in range(1, len(MODULATIONS) + 1)]
FREE = [*_names(_FREE), *AMOUNTS]
CONTROLS = [*FREE, *_names(_HELD)]
"""Vital's own names of all knobs, in the order of native rows; those of the effects are not free."""


@cache
def knobs() -> tuple[VitalKnob, ...]:
    """Return the parameters of ``CONTROLS``."""
    return tuple(_knob(control) for control in CONTROLS)


@cache
def _by_name() -> dict[str, str]:
    return {knob.name: control for knob, control in zip(knobs(), CONTROLS, strict=True)}


def control_of(name: str) -> str:
    """Return Vital's own name of a parameter's control."""
    return _by_name()[name]


def _knob(control: str) -> VitalKnob:
    details = _shown()[0].get_control_details(control)
    name, low, high = details.display_name, details.min, details.max
    default = _START.get(control, details.default_value)
    if control in AMOUNTS:
        source, target = MODULATIONS[AMOUNTS.index(control)]
        kind, number = source.split("_")
        source = f"{'LFO' if kind == 'lfo' else 'Envelope'} {number}"
        name = f"{source} to {_shown()[0].get_control_details(target).display_name}"
    if not details.is_discrete:
        return VitalKnob(name, "continuous", low, high, default)
    high = _HIGHEST.get(control.rpartition("_")[2], high)
    labels = [str(label) for label in details.options][: int(high - low) + 1]
    if len(labels) != high - low + 1:
        return VitalKnob(name, "integer", low, high, default)
    unique = tuple(f"{label} ({i})" if labels.count(label) > 1 else label for i, label in enumerate(labels))
    return VitalKnob(name, "categorical", low, high, default, unique)


@cache
def start() -> str:
    """Return the preset that every patch is made on, JSON: Vital's init patch, of simple shapes."""
    synth = vita.Synth()
    controls = synth.get_controls()
    for control, value in _START.items():
        controls[control].set(value)
    for source, target in MODULATIONS:
        synth.connect_modulation(source, target)
    preset = json.loads(synth.to_json())
    for table in preset["settings"]["wavetables"]:
        table["name"] = "Sine to Pulse"
        component = table["groups"][0]["components"][0]
        component["keyframes"] = [
            {"position": round(256 * i / (_SHAPES - 1)), "wave_data": base64.b64encode(wave).decode()}
            for i, wave in enumerate(_waves())
        ]
    return json.dumps(of_version(preset))


def of_version(preset: dict[str, Any]) -> dict[str, Any]:
    """Return a preset whose version is one that Vital itself has; vita's own would be refused as newer."""
    preset["synth_version"] = VERSION
    for table in preset["settings"]["wavetables"]:
        table["version"] = VERSION
    return preset


def _waves() -> list[bytes]:
    """Return sine, triangle, saw, square and a pulse of a quarter, 2,048 float32 samples each."""
    k, time = np.arange(1, 512)[:, None], 2 * np.pi * np.arange(2048) / 2048
    odd, partials = k % 2, np.sin(k * time)
    pulse = (np.cos(k * time) * np.sin(k * np.pi / 4) / k).sum(axis=0)
    waves = [
        np.sin(time),
        (odd * np.sin(k * np.pi / 2) * partials / k**2).sum(axis=0),
        (partials / k).sum(axis=0),
        (odd * partials / k).sum(axis=0),
        pulse,
    ]
    return [(wave / np.abs(wave).max()).astype("<f4").tobytes() for wave in waves]
