"""The lower sample rate of the long windows."""

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from synthgym.features.decimation import Decimator

CASES = [(44100, 16), (48000, 16), (22050, 8), (96000, 32), (16000, 4), (8000, 2)]


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


@pytest.mark.parametrize(("rate", "factor"), CASES)
@pytest.mark.parametrize("samples", [1, 7, 1000, 44100])
def test_it_is_a_filter_as_scipy_computes_it(rate: int, factor: int, samples: int) -> None:
    decimator = Decimator(rate, factor, samples, 1010)
    taps = decimator.taps.T.ravel().astype(np.float64)
    clip = noise(samples)
    padded = np.concatenate([np.zeros(len(taps)), clip, np.zeros(len(taps) + decimator.half)])
    filtered = np.convolve(padded, taps[::-1])[2 * len(taps) - 1 - decimator.half :][::factor]
    assert decimator(clip).shape == (decimator.samples,) == (-(-samples // factor),)
    np.testing.assert_allclose(decimator(clip), filtered[: decimator.samples], atol=1e-7)


@pytest.mark.parametrize(("rate", "factor"), CASES)
def test_what_is_kept_stays_as_it_is_and_what_folds_onto_it_does_not_sound(rate: int, factor: int) -> None:
    decimator = Decimator(rate, factor, rate, 1010)
    lower = rate / factor
    for hz in (30.0, 440.0, 1005.0, lower - 1000, lower, 2 * lower - 500):
        if hz >= rate / 2:
            continue
        sine = np.sin(2 * np.pi * hz * np.arange(rate) / rate).astype(np.float32)
        middle = slice(decimator.samples // 4, 3 * decimator.samples // 4)
        left = decimator(sine)[middle]
        if hz < 1010:  # at the same moments
            np.testing.assert_allclose(left, sine[::factor][middle], atol=3e-5)
        else:
            assert np.abs(left).max() < 10 ** (-95 / 20)


def test_by_one_nothing_changes() -> None:
    clip = noise(500)
    assert Decimator(4000, 1, 500, 1010)(clip) is clip


def test_silence_stays_silence() -> None:
    assert not Decimator(44100, 16, 44100, 1010)(np.zeros(44100, np.float32)).any()


# Prints a digest of the default feature of noise, with code that is compiled anew.
DIGEST = """
import hashlib, numpy as np
from synthgym.features import make_features
(feature,) = make_features(["multiresolution"], 44100, 44100)
noise = (0.1 * np.random.default_rng(0).standard_normal((3, 44100))).astype(np.float32)
print(hashlib.sha256(feature.lowered(noise[0]).tobytes()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["haswell", "x86-64"])
def test_the_bytes_do_not_depend_on_the_processor(name: str, tmp_path: str) -> None:
    features = {"haswell": "+avx2,+fma,+sse4.2", "x86-64": ""}[name]
    other = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
    digests = [
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for environment in ({}, other)
    ]
    assert digests[0] == digests[1]
