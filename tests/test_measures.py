"""The field's measures: known pairs of sounds, and slow oracles written from their definitions."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.stats
from numpy.typing import NDArray

from agents.evaluation.field import mss, rms, sot, wmfcc
from agents.evaluation.tuning import share_in_tune

RATE = 44100
SILENCE = np.zeros(RATE, np.float32)
Sound = NDArray[np.float32]
Measure = Callable[[Sound, Sound, int], float]


def tone(note: float, level: float = 0.1, seconds: float = 1.0) -> Sound:
    """A sound of six partials."""
    time = np.arange(round(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((note - 69) / 12)
    partials = [np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 7)]
    sound: Sound = (level * np.sum(partials, axis=0)).astype(np.float32)
    return sound


def sine(hz: float) -> Sound:
    return (0.1 * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)).astype(np.float32)


def plucked(note: float) -> Sound:
    return (tone(note) * np.exp(-np.arange(RATE) / (0.2 * RATE))).astype(np.float32)


def noise(seed: int = 0) -> Sound:
    return np.random.default_rng(seed).normal(0, 0.1, RATE).astype(np.float32)


# The oracles: one frame, one band and one cell of a table at a time.


def frames_of(sound: Sound, size: int, hop: int) -> list[NDArray[np.float64]]:
    padded = np.pad(sound.astype(np.float64), size // 2)
    return [padded[at : at + size] for at in range(0, len(padded) - size + 1, hop)]


def spectra_of(sound: Sound, size: int, hop: int) -> NDArray[np.float64]:
    """Magnitudes (frames, bins)."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.array([np.abs(np.fft.rfft(frame * window)) for frame in frames_of(sound, size, hop)])


def hz_of(mel: float) -> float:
    """Slaney's scale: linear to 1 kHz, logarithmic above."""
    return mel * 200 / 3 if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)


def mel_powers(sound: Sound, size: int, hop: int, bands: int) -> NDArray[np.float64]:
    """Powers (frames, bands) of triangles of equal area."""
    top = 15 + 27 * math.log(RATE / 2 / 1000) / math.log(6.4)
    edges = [hz_of(top * i / (bands + 1)) for i in range(bands + 2)]
    bins = np.arange(size // 2 + 1) * RATE / size
    powers = spectra_of(sound, size, hop) ** 2
    columns = []
    for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
        weight = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
        columns.append((powers * np.maximum(weight, 0) * 2 / (high - low)).sum(axis=1))
    return np.array(columns).T


def decibels(powers: NDArray[np.float64], reference: float) -> NDArray[np.float64]:
    values = 10 * np.log10(np.maximum(powers, 1e-10)) - 10 * math.log10(max(reference, 1e-10))
    return np.asarray(np.maximum(values, values.max() - 80))


def slow_mss(a: Sound, b: Sound, rate: int) -> float:
    errors = []
    for size, hop, bands in ((441, 220, 32), (1102, 441, 64), (4410, 2205, 128)):
        x, y = (mel_powers(sound, size, hop, bands) for sound in (a, b))
        errors.append(np.mean(np.abs(decibels(x, x.max()) - decibels(y, y.max()))))
    return float(np.mean(errors))


def slow_wmfcc(a: Sound, b: Sound, rate: int) -> float:
    x, y = (
        [scipy.fft.dct(frame, norm="ortho")[:20] for frame in decibels(mel_powers(sound, 2205, 441, 128), 1)]
        for sound in (a, b)
    )
    best = {(0, 0): float(np.mean(np.abs(x[0] - y[0])))}
    for i in range(len(x)):
        for j in range(len(y)):
            far = float(np.mean(np.abs(x[i] - y[j])))
            ways = [
                best[at] + steps * far
                for at, steps in (((i - 1, j - 1), 2), ((i - 1, j), 1), ((i, j - 1), 1))
                if at in best
            ]
            if ways:
                best[i, j] = min(ways)
    return best[len(x) - 1, len(y) - 1] / (len(x) + len(y))


def slow_sot(a: Sound, b: Sound, rate: int) -> float:
    x, y = spectra_of(a, 2205, 882), spectra_of(b, 2205, 882)
    places = np.arange(x.shape[1]) / x.shape[1]
    return float(
        np.mean([scipy.stats.wasserstein_distance(places, places, *pair) for pair in zip(x, y, strict=True)])
    )


def slow_rms(a: Sound, b: Sound, rate: int) -> float:
    x, y = ([math.sqrt(np.mean(frame**2)) for frame in frames_of(sound, 2205, 1102)] for sound in (a, b))
    dot = sum(p * q for p, q in zip(x, y, strict=True))
    return dot / math.sqrt(sum(p * p for p in x) * sum(q * q for q in y))


PAIRS = {
    "semitone": (tone(60), tone(61)),
    "noise and a pluck": (noise(), plucked(48)),
    "plucks": (plucked(48), plucked(72)),
    "reversed": (plucked(60), plucked(60)[::-1].copy()),
}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(
    ("measure", "oracle"), [(mss, slow_mss), (wmfcc, slow_wmfcc), (sot, slow_sot), (rms, slow_rms)]
)
def test_measures_are_what_their_definitions_say(measure: Measure, oracle: Measure, pair: str) -> None:
    a, b = PAIRS[pair]
    assert measure(a, b, RATE) == pytest.approx(oracle(a, b, RATE), rel=1e-3)


SOUNDS = {"tone": tone(60), "pluck": plucked(36), "noise": noise()}


@pytest.mark.parametrize("sound", [*SOUNDS.values(), SILENCE], ids=[*SOUNDS, "silence"])
def test_equal_sounds(sound: Sound) -> None:
    assert [measure(sound, sound, RATE) for measure in (mss, wmfcc, sot)] == [0, 0, 0]
    assert rms(sound, sound, RATE) == pytest.approx(1, abs=1e-9)


def test_level_alone_is_heard_by_mfcc_only() -> None:
    loud, soft = plucked(60), plucked(60) * np.float32(0.5)
    assert mss(loud, soft, RATE) == pytest.approx(0, abs=1e-3)
    assert sot(loud, soft, RATE) == pytest.approx(0, abs=1e-6)
    assert rms(loud, soft, RATE) == pytest.approx(1, abs=1e-6)
    # 6.02 dB in each of 128 bands is 6.02 sqrt(128) in the first of 20 coefficients, and 0 in the others.
    assert wmfcc(loud, soft, RATE) == pytest.approx(20 * math.log10(2) * math.sqrt(128) / 20, rel=0.01)


@pytest.mark.parametrize("sound", SOUNDS.values(), ids=[*SOUNDS])
def test_silence(sound: Sound) -> None:
    """It is far by every measure, and each is a number."""
    assert mss(sound, SILENCE, RATE) == mss(SILENCE, sound, RATE) > 8
    assert wmfcc(sound, SILENCE, RATE) == wmfcc(SILENCE, sound, RATE)
    assert wmfcc(sound, SILENCE, RATE) > 12
    assert sot(sound, SILENCE, RATE) == sot(SILENCE, sound, RATE) > 0.45
    assert rms(sound, SILENCE, RATE) == rms(SILENCE, sound, RATE) == 0
    assert share_in_tune(SILENCE, RATE, 60) == 0


def test_silence_is_far_from_a_tone_but_not_from_noise() -> None:
    """It is as flat as noise is; the figures are those that the documentation gives."""
    assert mss(tone(60), SILENCE, RATE) == pytest.approx(58, abs=0.5)
    assert mss(noise(), SILENCE, RATE) == pytest.approx(9, abs=0.5)


def test_transport_is_as_far_as_frequencies_are_apart() -> None:
    # All of a spectrum moves by 2,205 of 22,050 Hz; half of it does where half is there already.
    assert sot(sine(2205), sine(4410), RATE) == pytest.approx(0.1, rel=0.02)
    both = sine(2205) + sine(4410)
    assert sot(sine(2205), both, RATE) == pytest.approx(0.05, rel=0.02)


def test_time_that_is_reversed_is_in_no_spectrum_but_in_the_envelope() -> None:
    sound = plucked(60)
    backwards = sound[::-1].copy()
    assert rms(sound, backwards, RATE) < 0.2
    assert mss(sound, backwards, RATE) > 5
    assert sot(sound, backwards, RATE) < 0.01


def test_warping_forgives_what_is_late() -> None:
    late = np.concatenate([np.zeros(4410, np.float32), plucked(60)[:-4410]])
    early = plucked(60)
    x, y = (
        scipy.fft.dct(decibels(mel_powers(sound, 2205, 441, 128), 1), norm="ortho") for sound in (early, late)
    )
    assert wmfcc(early, late, RATE) < 0.5 * np.abs(x - y)[:, :20].mean()


def test_padding_changes_mss() -> None:
    """Silence that both have counts as 80 dB below the maximum of each, or as equal."""
    a, b = tone(60, seconds=0.5), tone(64, seconds=0.5)
    padded = [np.pad(sound, (0, RATE // 2)) for sound in (a, b)]
    assert mss(padded[0], padded[1], RATE) == pytest.approx(mss(a, b, RATE) / 2, rel=0.1)


@pytest.mark.parametrize("note", [24, 36, 48, 60, 72, 84, 93])
def test_share_in_tune(note: int) -> None:
    assert share_in_tune(tone(note), RATE, note) > 0.99
    assert share_in_tune(tone(note + 0.25), RATE, note) > 0.95, "a quarter of a semitone is in tune"
    sharp = share_in_tune(tone(note + 1), RATE, note)
    assert sharp < (0.8 if note == 24 else 0.3 if note == 36 else 0.01)


def test_share_in_tune_by_hand() -> None:
    """Of a pure tone at A2 and one at 2.5 times that, with half the amplitude, a fifth is out of tune."""
    sound = sine(110) + sine(275) * np.float32(0.5)
    assert share_in_tune(sound, RATE, 45) == pytest.approx(0.8, abs=0.005)
    # Neither what is below .4 f0 nor above 2 kHz or 20 f0 counts, nor what is before .15 s or after .65 s.
    assert share_in_tune(sine(110) + sine(40) + sine(2500), RATE, 45) == pytest.approx(1, abs=0.005)
    assert share_in_tune(sine(27.5) + sine(580), RATE, 21) == pytest.approx(1, abs=0.005)
    ends = sine(275)
    ends[round(0.15 * RATE) : round(0.65 * RATE)] = sine(110)[round(0.15 * RATE) : round(0.65 * RATE)]
    assert share_in_tune(ends, RATE, 45) == pytest.approx(1, abs=0.005)


def test_share_in_tune_of_noise_is_the_share_of_frequencies_that_are() -> None:
    found = {
        note: np.mean([share_in_tune(noise(seed), RATE, note) for seed in range(50)]) for note in (24, 36, 60)
    }
    assert found == pytest.approx({24: 0.44, 36: 0.43, 60: 0.15}, abs=0.015)


def test_share_in_tune_of_what_cannot_be_told() -> None:
    assert math.isnan(share_in_tune(tone(94), RATE, 94))
    assert share_in_tune(tone(60, seconds=0.1), RATE, 60) == 0, "it has ended by then"
    assert share_in_tune(tone(60, seconds=0.5), RATE, 60) > 0.98, "what there is of it"


@pytest.mark.parametrize("rate", [8000, 22050, 96000])
def test_any_sample_rate(rate: int, recwarn: Any) -> None:
    sound = noise()[:rate]
    other = noise(1)[:rate]
    for measure in (mss, wmfcc, sot, rms):
        assert math.isfinite(measure(sound, other, rate))
    assert not recwarn.list
