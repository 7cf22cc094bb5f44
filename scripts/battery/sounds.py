"""Tones whose differences are known, and voices that people made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from synthgym.parameters import Native
from synthgym.patches import audible
from synthgym.synths import Audio
from synthgym.synths.dexed import DexedSynth
from synthgym.synths.dx7_algorithms import ALGORITHMS, OPERATORS
from synthgym.synths.dx7_parameters import PARAMETERS
from synthgym.synths.dx7_voice import read_voices

RATE = SAMPLES = 44100
NOTES = (24, 36, 48, 60, 72, 84, 96)
HEXTER = Path("/usr/share/hexter")
"""Where Debian's package hexter puts its voices."""

Kind = Literal["sustained", "decaying", "inharmonic"]
KINDS: tuple[Kind, ...] = ("sustained", "decaying", "inharmonic")

_PEAK = 10 ** (-18 / 20)
_HIGHEST = 18000.0
_COLUMN = {parameter.name: column for column, parameter in enumerate(PARAMETERS)}


def hz_of(note: float) -> float:
    """Return the frequency of a MIDI note."""
    return float(440 * 2 ** ((note - 69) / 12))


def tone(
    note: int,
    kind: Kind = "sustained",
    *,
    cents: float = 0,
    attack: float = 0.005,
    onset: float = 0.0,
    held: float = 0.7,
    vibrato: float = 0.0,
    missing: int | None = None,
) -> Audio:
    """Return a tone (samples,) of 1.0 s: partials of amplitude 1 / k up to 18 kHz, peak -18 dBFS.

    Args:
        note: MIDI note.
        kind: decaying by exp(-t / .3 s), or partials at k f0 sqrt(1 + .003 k^2).
        cents: by which it is out of tune.
        attack: seconds of a linear rise; the release takes 20 ms.
        onset: seconds of silence before it.
        held: seconds to the release.
        vibrato: cents up and down, five times a second.
        missing: number of a partial that is left out. The level stays that of the whole tone.
    """
    time = np.arange(SAMPLES) / RATE
    f0 = hz_of(note + cents / 100)
    seconds = np.cumsum(2 ** (vibrato / 1200 * np.sin(2 * np.pi * 5 * time))) / RATE if vibrato else time
    envelope = np.clip((time - onset) / attack, 0, 1) * np.clip(1 - (time - onset - held) / 0.02, 0, 1)
    if kind == "decaying":
        envelope = envelope * np.exp(-np.maximum(time - onset, 0) / 0.3)
    partials = dict(enumerate(_partials(f0 * seconds, f0, kind == "inharmonic"), start=1))
    whole = envelope * sum(partials.values())
    sound = whole if missing is None else whole - envelope * partials[missing]
    levelled: Audio = (sound * (_PEAK / np.abs(whole).max())).astype(np.float32)
    return levelled


def _partials(cycles: NDArray[np.float64], f0: float, inharmonic: bool) -> Iterator[NDArray[np.float64]]:
    """Yield the partials of a tone whose fundamental has gone through so many cycles at each sample."""
    # Phases of their own, the same for a partial of every tone: in phase they are pulses.
    phases = np.exp(2j * np.pi * np.random.default_rng(0).random(int(_HIGHEST)))
    turn = np.exp(2j * np.pi * cycles)
    harmonic = np.ones_like(turn)
    for k, phase in enumerate(phases, start=1):
        stretch = float(np.sqrt(1 + 0.003 * k**2)) if inharmonic else 1.0
        if k * f0 * stretch > _HIGHEST:
            return
        harmonic *= turn
        at = np.exp(2j * np.pi * k * stretch * cycles) if inharmonic else harmonic
        yield (at.imag * phase.real + at.real * phase.imag) / k


def hi_hat() -> Audio:
    """Return a burst of noise (samples,), nearly all of it above 6 kHz."""
    noise = np.random.default_rng(0).standard_normal(SAMPLES)
    bright = np.diff(noise, n=6, append=np.zeros(6)) * np.exp(-np.arange(SAMPLES) / (0.03 * RATE))
    levelled: Audio = (bright * (_PEAK / np.abs(bright).max())).astype(np.float32)
    return levelled


def voices() -> Native:
    """Return hexter's voices (n, 145), those with TRANSPOSE at 24 and no fixed frequency, once each."""
    read = [voice.native for path in sorted(HEXTER.glob("*.dx7")) for voice in read_voices(path)]
    native = np.unique(np.array(read), axis=0)
    modes = [_COLUMN[f"OP{operator} MODE"] for operator in OPERATORS]
    chosen: Native = native[(native[:, _COLUMN["TRANSPOSE"]] == 24) & (native[:, modes] == 0).all(axis=1)]
    return chosen


def sounds_as_written(voice: NDArray[np.floating]) -> bool:
    """Return whether a voice (145,) sounds at the note that is asked for, and not octaves from it: a carrier
    has its frequency, and no operator half of it."""

    def value(operator: int, name: str) -> float:
        return float(voice[_COLUMN[f"OP{operator} {name}"]])

    on = [operator for operator in OPERATORS if value(operator, "OUTPUT LEVEL") > 0]
    carriers = ALGORITHMS[int(voice[_COLUMN["ALGORITHM"]])].carriers
    own = [o for o in on if o in carriers and (value(o, "F COARSE"), value(o, "F FINE")) == (1, 0)]
    return bool(own) and all(value(operator, "F COARSE") > 0 for operator in on)


def render(native: Native, note: int) -> Audio:
    """Return voices (n, samples) at a note, zero where one is inaudible."""
    synth = DexedSynth(operators=6, note=note, sample_rate=RATE)
    sounds = synth.render(native)
    synth.close()
    return np.where(np.array([audible(sound) for sound in sounds])[:, None], sounds, np.float32(0))


def sharper(sounds: Audio, cents: float) -> Audio:
    """Return sounds (n, samples) played faster, so that they are sharper by some cents."""
    found = np.zeros_like(sounds)
    for sound, out in zip(sounds, found, strict=True):
        played = soxr.resample(sound, RATE * 2 ** (cents / 1200), RATE)[:SAMPLES]
        out[: len(played)] = played
    return found
