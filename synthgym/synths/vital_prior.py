"""Patches of Vital such as people make, from ranges that a musician would choose; nothing is learned."""

from __future__ import annotations

import numpy as np

from synthgym.synths.vital_knobs import AMOUNTS, MODULATIONS

OCTAVES = (-24, -12, -12, 0, 0, 0, 0, 7, 12, 12, 19, 24)
_ON = {"osc_1": 1.0, "osc_2": 0.5, "osc_3": 0.25, "filter_1": 0.7, "filter_2": 0.3}
# How often a modulation acts, and the least and the greatest amount.
_DEPTHS = {"voice_transpose": (0.1, 0.01, 0.25), "voice_tune": (0.2, 0.02, 0.3)}
_DEPTH = (0.4, 0.05, 0.7)


def settings(rng: np.random.Generator) -> dict[str, float]:
    """Return the values of controls of a random patch; the others stand as they are."""
    values: dict[str, float] = {room: float(rng.random() < share) for room, share in _ON.items()}
    values = {f"{room}_on": on for room, on in values.items()}
    for n in (1, 2, 3):
        values |= _oscillator(f"osc_{n}", rng, root=n == 1)
    for n in (1, 2):
        values |= _filter(f"filter_{n}", rng)
    for n in (1, 2, 3):
        values |= _envelope(f"env_{n}", rng)
    for n in (1, 2):
        values[f"lfo_{n}_frequency"] = rng.uniform(0, 3) if rng.random() < 0.8 else rng.uniform(-2, 6)
    for amount, (_, target) in zip(AMOUNTS, MODULATIONS, strict=True):
        share, least, most = _DEPTHS.get(target, _DEPTH)
        depth = rng.uniform(least, most) * rng.choice((1, 1, 1, -1))
        values[amount] = depth if rng.random() < share else 0.0
    return values


def _oscillator(name: str, rng: np.random.Generator, root: bool) -> dict[str, float]:
    many, still = rng.random() < 0.3, root and rng.random() < 0.8
    return {
        f"{name}_level": rng.uniform(0.4, 0.9),
        f"{name}_transpose": 0 if still else int(rng.choice(OCTAVES)),
        f"{name}_tune": float(np.clip(0.05 * rng.standard_normal(), -1, 1)),
        f"{name}_unison_voices": int(rng.integers(2, 8)) if many else 1,
        f"{name}_unison_detune": rng.uniform(1, 6),
        f"{name}_wave_frame": rng.uniform(0, 256),
        f"{name}_phase": rng.random(),
    }


def _filter(name: str, rng: np.random.Generator) -> dict[str, float]:
    usual = rng.random() < 0.9  # a low-pass of one of the first five models
    return {
        f"{name}_model": int(rng.integers(5) if usual else rng.integers(8)),
        f"{name}_style": int(rng.integers(2) if rng.random() < 0.8 else rng.integers(5)),
        f"{name}_cutoff": rng.uniform(50, 130),
        f"{name}_resonance": 0.8 * rng.beta(1.5, 2),
        f"{name}_keytrack": rng.choice((0.0, rng.random(), 1.0)),
    }


def _envelope(name: str, rng: np.random.Generator) -> dict[str, float]:
    # Times are the fourth powers of these: 0 to 40 ms, or to two thirds of a second.
    quick, held = rng.random() < 0.75, rng.random() < 0.6
    return {
        f"{name}_attack": rng.uniform(0.05, 0.45) if quick else rng.uniform(0.45, 0.9),
        f"{name}_decay": rng.uniform(0.5, 1.3),
        f"{name}_sustain": rng.uniform(0.4, 1) if held else rng.uniform(0, 0.3),
        f"{name}_release": rng.uniform(0.3, 0.9),
    }
