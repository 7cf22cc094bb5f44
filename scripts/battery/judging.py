"""What a distance says of differences that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.evaluation import field
from battery.sounds import RATE, SAMPLES, Kind, render, sharper, tone
from synthgym.features import distance, make_features
from synthgym.parameters import Native
from synthgym.synths import Audio

Distance = Callable[[Audio, Audio], NDArray[np.floating]]
"""Of sounds (n, samples) and others (n or 1, samples): (n,)."""

CENTS = (5, 10, 25, 50, 100, 200)
SEMITONE, QUARTER_TONE = CENTS.index(100), CENTS.index(50)
EVENTS = {
    "attack 50 ms": {"attack": 0.05},
    "onset 30 ms later": {"onset": 0.03},
    "release 100 ms earlier": {"held": 0.6},
    "vibrato": {"vibrato": 30.0},
    "third partial missing": {"missing": 3},
}
"""What is changed of a sustained tone."""


def feature_distance(name: str) -> Distance:
    """Return the distance by a feature."""
    (feature,) = make_features([name], RATE, SAMPLES)
    return lambda sounds, others: distance(feature(sounds), feature(others))


def mss(sounds: Audio, others: Audio) -> NDArray[np.floating]:
    """Return the multi-scale spectral distance, dB, of sounds from others, or all from one."""
    pairs = zip(sounds, others if len(others) > 1 else np.repeat(others, len(sounds), axis=0), strict=True)
    return np.array([field.mss(a, b, RATE) for a, b in pairs])


def softer(sound: Audio, decibels: float) -> Audio:
    """Return a sound at a lower level."""
    return sound * np.float32(10 ** (-decibels / 20))


def detuned(measure: Distance, note: int, kind: Kind) -> NDArray[np.floating]:
    """Return the distances of a tone from itself out of tune by CENTS."""
    return measure(np.stack([tone(note, kind, cents=cents) for cents in CENTS]), tone(note, kind)[None])


def level(measure: Distance, sound: Audio, decibels: float) -> float:
    """Return the distance of a sound (samples,) from itself softer."""
    return float(measure(softer(sound, decibels)[None], sound[None])[0])


def events(measure: Distance, note: int) -> dict[str, float]:
    """Return the distances of a sustained tone from itself with each of the EVENTS."""
    changed = np.stack([tone(note, **how) for how in EVENTS.values()])  # type: ignore[arg-type]
    return dict(zip(EVENTS, measure(changed, tone(note)[None]).tolist(), strict=True))


@dataclass(frozen=True)
class VoicesHeard:
    """Distances of voices from themselves at one note, those that are audible, (n,) each.

    Attributes:
        semitone: higher, as the synth plays it.
        quarter_tone: higher, played faster.
        softer: by 3 dB.
    """

    semitone: NDArray[np.floating]
    quarter_tone: NDArray[np.floating]
    softer: NDArray[np.floating]


def voices_heard(measure: Distance, native: Native, note: int) -> VoicesHeard:
    """Return the distances of voices (n, 145) at a note."""
    sounds, higher = render(native, note), render(native, note + 1)
    heard = sounds.any(axis=1) & higher.any(axis=1)
    sounds, higher = sounds[heard], higher[heard]
    return VoicesHeard(
        measure(higher, sounds), measure(sharper(sounds, 50), sounds), measure(softer(sounds, 3), sounds)
    )
