"""What computes the features: sixteen frames at a time, against plain calls in double precision."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.signal
from conftest import PROCESSORS, printed
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgym.features import MultiResolution, distance, fft
from synthgym.features.bands import BandPower
from synthgym.features.bands import _band_powers as kernel
from synthgym.features.logmel import mel_matrix
from synthgym.features.loudness import EXPONENT, NEIGHBOURHOOD, WEIGHT

RATES = [16000, 22050, 32000, 44100, 48000, 96000]


def clip_of(kind: str, samples: int, seed: int, rate: int = 44100) -> Any:
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / rate
    sine = np.sin(2 * np.pi * rng.uniform(30, 5000) * time)
    made = {
        "noise": 0.1 * rng.standard_normal(samples),
        "full scale": sine,
        "square": np.sign(sine),
        "decay": 0.3 * sine * np.exp(-6 * time) + 1e-3 * rng.standard_normal(samples),
        "very quiet": 1e-6 * rng.standard_normal(samples),
        "click": np.eye(1, samples, samples // 3)[0],
        "silence": np.zeros(samples),
    }
    return made[kind].astype(np.float32)


KINDS = ["noise", "full scale", "square", "decay", "very quiet", "click", "silence"]


def plain_powers(clip: Any, window: int, hop: int, filters: Any) -> Any:
    """The powers (bands, frames) in double precision."""
    padded = np.pad(clip.astype(float), (window // 2, window + hop))
    weights = scipy.signal.get_window("hann", window)
    frames = np.stack([padded[i * hop : i * hop + window] * weights for i in range(1 + len(clip) // hop)])
    return filters.astype(float) @ np.abs(scipy.fft.rfft(frames, 2 * (filters.shape[1] - 1), axis=1).T) ** 2


def plain(feature: MultiResolution, clip: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """The feature in double precision, of a clip decimated by its own; and its powers beside plain ones."""
    low = feature.lowered(clip)
    banks = [(feature.short, clip), (feature.long, low)]
    powers = []
    for bank, sound in banks:
        plan, (bands, _) = bank._plan, bank.shape
        filters = np.zeros((bands, len(plan.places) + 1))
        for band in range(bands):
            count = plan.last[band] - plan.first[band]
            filters[band, plan.bins[band] : plan.bins[band] + count] = plan.weights[
                plan.first[band] : plan.last[band]
            ]
        window = int(np.flatnonzero(plan.window)[-1]) + 1  # a periodic Hann window begins with 0
        powers.append((bank(sound[None])[0], plain_powers(sound, window, plan.hop, filters)))
    short, long = (np.clip(power**EXPONENT - 10 ** (-10 * EXPONENT), 0, 1) for _, power in powers)
    frames = feature.shape[0]
    found = np.zeros(feature.shape)
    found[:, :64] = short.T[::2]
    found[: short.shape[1] // 2, 64:128] = short.T[1::2]
    reach = NEIGHBOURHOOD // 2
    long = long[:, :frames]
    padded = np.pad(long, ((reach, reach), (0, 0)), mode="edge")
    mean = np.stack([padded[i : i + NEIGHBOURHOOD].mean(axis=0) for i in range(len(long))])
    found[:, 128:] = WEIGHT * np.maximum(long - mean, 0).T
    return found, powers


@pytest.mark.parametrize("rate", RATES)
@given(st.sampled_from(KINDS), st.integers(1, 40000), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_it_is_what_double_precision_makes(rate: int, kind: str, samples: int, seed: int) -> None:
    feature = MultiResolution(rate, samples)
    clip = clip_of(kind, samples, seed, rate)
    (found,) = feature(clip[None])
    expected, powers = plain(feature, clip)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.min() >= 0
    assert found.max() <= 1
    assert distance(found[None], expected[None].astype(np.float32))[0] <= 1e-4
    assert kind != "silence" or not found.any()
    for own, exact in powers:  # within 1e-2 dB, but for what single precision leaves of the peak
        np.testing.assert_allclose(np.sqrt(own), np.sqrt(exact), rtol=1.15e-3, atol=2e-7 * np.abs(clip).max())


@pytest.mark.parametrize("rate", RATES)
def test_it_hears_within_a_hundredth_of_a_decibel(rate: int) -> None:
    feature = MultiResolution(rate, 30000)
    away = []
    for seed, kind in enumerate(5 * KINDS):
        for own, exact in plain(feature, clip_of(kind, 30000, seed, rate))[1]:
            heard = exact > 1e-10
            away.append(np.abs(10 * np.log10(own[heard] / exact[heard])))
    assert np.mean(np.concatenate(away) < 1e-2) >= 0.999


@pytest.mark.parametrize("points", [5, 10, 16, 25, 144, 256, 288, 375, 450, 1024])
def test_a_transform_of_any_length(points: int) -> None:
    filters = np.eye(points + 1, dtype=np.float32)
    clip = clip_of("noise", 3 * points, points)
    bank = BandPower(len(clip), 2 * points, points, filters)
    expected = plain_powers(clip, 2 * points, points, filters)
    np.testing.assert_allclose(bank(clip[None])[0], expected, atol=1e-6 * expected.max())


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2, 3 and 5"):
        fft.factors(7)


def test_a_filter_without_weights_hears_nothing() -> None:
    filters = np.zeros((2, 9), np.float32)
    filters[1, 3] = 1
    powers = BandPower(100, 16, 8, filters)(clip_of("noise", 100, 0)[None])[0]
    assert not powers[0].any()
    assert powers[1].all()


def test_frames_are_centred_as_librosas() -> None:
    clip = clip_of("noise", 9001, 1)
    expected = np.abs(librosa.stft(clip.astype(float), n_fft=2048, hop_length=1024, pad_mode="constant")) ** 2
    found = BandPower(9001, 2048, 1024, mel_matrix(44100))(clip[None])[0]
    np.testing.assert_allclose(found, mel_matrix(44100) @ expected, rtol=1e-4)


def test_the_bytes_do_not_depend_on_batch_threads_or_the_kind_of_array() -> None:
    feature = MultiResolution(44100, 30001)
    audio = np.stack([clip_of(KINDS[i % 7], 30001, i) for i in range(20)])
    together = feature(audio)
    np.testing.assert_array_equal(feature(audio[::-1])[::-1], together)
    np.testing.assert_array_equal(feature(np.asfortranarray(audio)), together)
    fixed = audio.copy()
    fixed.flags.writeable = False
    np.testing.assert_array_equal(feature(fixed), together)
    np.testing.assert_array_equal(np.concatenate([feature(clip[None]) for clip in audio]), together)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(feature, [audio] * 8):
            np.testing.assert_array_equal(found, together)
    assert len(getattr(kernel, "signatures", [0])) == 1, "compiled once"


def test_what_is_not_a_number_stays_so() -> None:
    clip = clip_of("noise", 44100, 0)
    clip[20000] = np.nan
    (found,) = MultiResolution(44100, 44100)(clip[None])
    assert np.isnan(found).any()
    assert np.isfinite(found[0]).all()


# Prints a digest of the features of some sounds, with code that is compiled anew.
DIGEST = """
import hashlib, numpy as np
from synthgym.features import make_features
digest = hashlib.sha256()
for rate in (44100, 48000):
    noise = (0.1 * np.random.default_rng(0).standard_normal((2, 20001))).astype(np.float32)
    feature, logmel = make_features(["multiresolution", "logmel"], rate, 20001)
    digest.update(feature(noise).tobytes() + logmel._power(noise).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_the_bytes_depend_neither_on_the_processor_nor_on_compilation(tmp_path: Path) -> None:
    here = printed(DIGEST)
    assert len(here) == len(hashlib.sha256().hexdigest())
    for name, features in PROCESSORS.items():
        other = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
        assert printed(DIGEST, **other) == here, name
    assert printed(DIGEST, NUMBA_DISABLE_JIT="1") == here
