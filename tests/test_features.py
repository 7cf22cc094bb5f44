from typing import Any

import librosa
import numpy as np
import pytest
from conftest import IDS, make_task
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from threadpoolctl import threadpool_limits

from synthgym.errors import SynthgymError, UnknownNameError
from synthgym.features import FEATURES, LogMel, distance, extract, make_features
from synthgym.features.base import Feature, Features
from synthgym.features.logmel import full_scale_power
from synthgym.patches import Stream
from synthgym.synths import Audio

NAMES = [*FEATURES, "mfcc-13", *(f"pooled-{name}" for name in FEATURES)]
RATES = [22050, 44100, 48000]


def make_feature(name: str, sample_rate: int, samples: int) -> Feature:
    (feature,) = make_features([name], sample_rate, samples)
    return feature


@pytest.mark.parametrize("name", NAMES)
def test_bytes_do_not_depend_on_the_number_of_threads(name: str) -> None:
    audio = np.random.default_rng(0).standard_normal((5, 88200)).astype(np.float32)
    feature = make_feature(name, 44100, 88200)
    made = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            made.append(feature(audio))
    np.testing.assert_array_equal(made[0], made[1])


def sounds(sample_rate: Any, samples: Any) -> Any:
    rng = np.random.default_rng(0)
    time = np.arange(samples) / sample_rate
    return np.stack(
        [
            0.1 * rng.standard_normal(samples),
            np.sin(2 * np.pi * 440 * time),
            0.125 * np.sin(2 * np.pi * 261.6 * time + 3 * np.sin(2 * np.pi * 700 * time)) * np.exp(-3 * time),
            1e-5 * rng.standard_normal(samples),
            np.zeros(samples),
        ]
    ).astype(np.float32)


def librosa_logmel(clip: Audio, sample_rate: int) -> Any:
    power = librosa.feature.melspectrogram(
        y=clip, sr=sample_rate, n_fft=2048, hop_length=1024, n_mels=64, pad_mode="constant"
    )
    full_scale = full_scale_power(sample_rate)
    return (librosa.power_to_db(power, ref=full_scale, amin=full_scale * 1e-8, top_db=None) + 80).T.clip(
        0, 80
    )


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("samples", [44100, 30000])
def test_logmel_is_librosas(rate: int, samples: int) -> None:
    audio = sounds(rate, samples)
    features = make_feature("logmel", rate, samples)(audio)
    for clip, feature in zip(audio, features, strict=True):
        np.testing.assert_allclose(feature, librosa_logmel(clip, rate), atol=1e-3)


@pytest.mark.parametrize("rate", RATES)
def test_mfcc_is_librosas(rate: int) -> None:
    audio = sounds(rate, 44100)
    features = make_feature("mfcc", rate, 44100)(audio)
    for clip, feature in zip(audio, features, strict=True):
        expected = librosa.feature.mfcc(S=librosa_logmel(clip, rate).T, n_mfcc=20).T
        np.testing.assert_allclose(feature, expected, atol=1e-2)


def plain_multiresolution(clip: Audio, rate: int) -> Any:
    """The feature by plain calls at the clip's own rate: an FFT of the whole long window, no resampling."""

    def loudness(power: Any) -> Any:
        return np.maximum(power**0.13 - 10**-1.3, 0)

    frames = 1 + len(clip) // 2048
    mel = librosa.feature.melspectrogram(
        y=clip, sr=rate, n_fft=2048, hop_length=1024, n_mels=64, pad_mode="constant"
    )
    short = np.zeros((2 * frames, 64))
    short[: mel.shape[1]] = loudness(mel.T.astype(float) / full_scale_power(rate))
    window, points = {22050: (4096, 4096), 44100: (8192, 8192), 48000: (558 * 16, 576 * 16)}[rate]
    spectrum = librosa.stft(
        clip.astype(float), n_fft=points, win_length=window, hop_length=2048, pad_mode="constant"
    )
    centres = 440 * 2 ** ((20 + np.arange(190) / 3 - 69) / 12)
    width = np.maximum(centres * (2 ** (1 / 36) - 1), rate / points)
    bins = np.arange(points // 2 + 1) * rate / points
    bank = np.maximum(1 - np.abs(bins - centres[:, None]) / width[:, None], 0)
    loudest = (bank[:, 1:-1] + (bank[:, :-2] + bank[:, 2:]) / 4).max()
    power = bank @ np.abs(spectrum) ** 2 / (loudest * (window / 4) ** 2)
    long = loudness(power.T[:frames])
    padded = np.pad(long, ((0, 0), (9, 9)), mode="edge")
    mean = np.stack([padded[:, i : i + 19].mean(axis=1) for i in range(190)], axis=1)
    return np.concatenate([short.reshape(frames, 128), 0.8 * np.maximum(long - mean, 0)], axis=1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("samples", [44100, 30001])
def test_multiresolution_is_what_plain_calls_make(rate: int, samples: int) -> None:
    audio = sounds(rate, samples)
    features = make_feature("multiresolution", rate, samples)(audio)
    for clip, feature in zip(audio, features, strict=True):
        expected = plain_multiresolution(clip, rate)
        # Below -100 dB of full scale single precision has its own noise.
        np.testing.assert_allclose(feature, expected, atol=0.02)
        assert np.abs(feature - expected).mean() < 1e-3


@pytest.mark.parametrize("name", ["multiresolution", "pooled-multiresolution"])
@pytest.mark.parametrize("rate", [16000, 22050, 32000, 44100, 48000, 96000, 192000, 11025, 37777])
@pytest.mark.parametrize("seconds", [0.01, 0.05, 0.33, 1.0, 2.5])
def test_multiresolution_of_any_rate_and_length(name: str, rate: int, seconds: float) -> None:
    samples = round(rate * seconds)
    feature = make_feature(name, rate, samples)
    (clip,) = sounds(rate, samples)[1:2]
    (found,) = feature(clip[None])
    assert found.shape == feature.shape
    assert np.isfinite(found).all()
    assert found.any()
    assert not feature(np.zeros((1, samples), np.float32)).any()
    if name == "multiresolution":
        assert feature.shape == (1 + samples // 2048, 318)
        loud = found[len(found) // 2, 128:].argmax()
        if seconds >= 0.33:
            assert loud == pytest.approx((69 - 20) * 3, abs=1), "440 Hz is note 69"


def test_multiresolution_has_at_most_4_times_the_values_of_logmel() -> None:
    logmel, default = make_features(["logmel", "multiresolution"], 44100, 44100)
    assert np.prod(default.shape) <= 4 * np.prod(logmel.shape)


@pytest.mark.parametrize("name", ["multiresolution", "pooled-multiresolution"])
@pytest.mark.parametrize("hz", [55, 110, 440, 3000, 9000])
def test_a_sine_is_drawn_at_its_frequency(name: str, hz: float) -> None:
    """Frequencies are logarithmic, so that places between two ticks are, too."""
    feature = make_feature(name, 44100, 44100)
    sine = 0.1 * np.sin(2 * np.pi * hz * np.arange(44100) / 44100).astype(np.float32)
    (found,) = feature(sine[None])
    picture = feature.picture(found)
    places, labels = zip(*feature.ticks, strict=True)
    octaves = np.log2([float(label.removesuffix(" Hz").replace(",", "")) for label in labels])
    drawn = 2 ** np.interp(picture[len(picture) // 2].argmax(), places, octaves)
    if hz >= 50:
        assert drawn == pytest.approx(hz, rel=0.08)
    assert len(picture) >= feature.shape[0]
    # A difference of two is drawn as well.
    np.testing.assert_allclose(feature.picture(found - found / 2), picture / 2, atol=1e-5)


def test_a_full_scale_sine_reads_80_at_most() -> None:
    time = np.arange(44100) / 44100
    sines = np.stack([np.sin(2 * np.pi * hz * time) for hz in np.geomspace(60, 15000, 60)])
    loudest = make_feature("logmel", 44100, 44100)(sines.astype(np.float32)).max(axis=(1, 2))
    assert loudest.max() == pytest.approx(80, abs=0.5)
    assert loudest.max() <= 80


@pytest.mark.parametrize("name", NAMES)
def test_shape_range_silence_and_batches(name: str) -> None:
    feature = make_feature(name, 44100, 44100)
    audio = sounds(44100, 44100)
    features = feature(audio)
    assert features.shape == (len(audio), *feature.shape)
    assert features.dtype == np.float32
    assert (features >= feature.low - 1e-3).all()
    assert (features <= feature.high + 1e-3).all()
    assert not features[-1].any(), "silence is zero"
    alone = np.concatenate([feature(clip[None]) for clip in audio])
    np.testing.assert_array_equal(alone, features)


@pytest.mark.parametrize("name", NAMES)
def test_distance_knows_equal_sounds_and_silence(name: str) -> None:
    feature = make_feature(name, 44100, 44100)
    features = feature(sounds(44100, 44100))
    np.testing.assert_array_equal(distance(features, features), 0)
    silence = features[-1:]
    np.testing.assert_array_equal(distance(features[:3], silence), 1)
    assert (distance(features[:1], features[1:3]) > 0).all()


signed = arrays(np.float32, (1, 3, 4), elements=st.floats(-100, 100, width=32))
positive = arrays(np.float32, (1, 3, 4), elements=st.floats(0, 80, width=32))


@given(signed, signed, signed)
@settings(max_examples=300)
def test_distance_is_a_metric_in_0_to_1(a: Features, b: Features, c: Features) -> None:
    ab, bc, ac = distance(a, b)[0], distance(b, c)[0], distance(a, c)[0]
    assert 0 <= ab <= 1
    assert ab == distance(b, a)[0]
    assert ac <= ab + bc + 1e-5


@given(positive, positive)
def test_distance_is_ruzicka_where_nothing_is_negative(a: Features, b: Features) -> None:
    top = np.maximum(a, b).sum(dtype=float)
    expected = 1 - np.minimum(a, b).sum(dtype=float) / top if top > 0 else 0
    assert distance(a, b)[0] == pytest.approx(expected, abs=1e-5)


def test_an_unknown_feature_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'logmel'"):
        make_feature("log_mel", 44100, 44100)
    for name in ("mfcc-x", "mfcc-", "pooled-", "logmel-3"):
        with pytest.raises(UnknownNameError, match="unknown feature"):
            make_feature(name, 44100, 44100)
    for name in ("mfcc-0", "mfcc-65"):
        with pytest.raises(SynthgymError, match="number of coefficients"):
            make_feature(name, 44100, 44100)


def test_features_of_one_sound_share_their_source() -> None:
    features = make_features(NAMES, 44100, 44100)
    logmel = features[0]
    calls = []
    logmel_of = type(logmel).__call__

    assert type(logmel) is LogMel

    class Counted(LogMel):
        def __call__(self, audio: Audio) -> Features:
            calls.append(len(audio))
            return logmel_of(self, audio)

    logmel.__class__ = Counted
    audio = sounds(44100, 44100)
    together = extract(features, audio)
    assert calls == [len(audio)]
    for feature, rendered in zip(features, together, strict=True):
        np.testing.assert_array_equal(feature(audio), rendered)


def test_pooled_cells_are_means() -> None:
    logmel, pooled = make_features(["logmel", "pooled-logmel"], 44100, 44100)
    audio = sounds(44100, 44100)
    means = logmel(audio).reshape(-1, 22, 2, 32, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(pooled(audio), means, atol=1e-4)


@pytest.mark.parametrize("env_id", IDS)
def test_silence_and_the_best_constant_patch_lose_to_random_search(env_id: str) -> None:
    """50 random renders beat both by .05: a policy that stops listening must not look good."""
    from synthgym.patches import PatchStream

    task = make_task(env_id)

    def features(stream: Stream, count: int) -> Features:
        return task.make_patches(PatchStream(stream, seed=0).ids(range(count))).rendered.features[0]

    targets = features("validation", 40)
    silence = distance(np.zeros_like(targets), targets)
    np.testing.assert_array_equal(silence, 1)
    random = np.mean(
        [
            distance(target[None], features_50).min()
            for target, features_50 in zip(targets, [features("pool", 50)] * 40, strict=True)
        ]
    )
    constants = [distance(constant[None], targets).mean() for constant in features("train", 100)]
    assert random < min(constants) - 0.05
    assert random < silence.mean() - 0.05
