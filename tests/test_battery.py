"""What the default feature must say of differences that are known; docs/features.md has the figures."""

import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

sys.path.append(str(ROOT / "scripts"))

from battery.judging import (
    CENTS,
    EVENTS,
    QUARTER_TONE,
    SEMITONE,
    detuned,
    events,
    feature_distance,
    level,
    voices_heard,
)
from battery.sounds import (
    HEXTER,
    KINDS,
    NOTES,
    RATE,
    SAMPLES,
    Kind,
    hi_hat,
    render,
    sounds_as_written,
    tone,
    voices,
)

from synthgym.features import Features, distance, make_features
from synthgym.parameters import Native
from synthgym.patches import audible
from synthgym.synths import Audio
from synthgym.synths.dexed import DexedSynth
from synthgym.task import SoundMatchingTask

DEFAULT = SoundMatchingTask("dexed", operators=1).feature_name
MEASURE = feature_distance(DEFAULT)
LOWEST = 24
needs_hexter = pytest.mark.skipif(not HEXTER.is_dir(), reason="Debian's package hexter is not installed")

each_note = pytest.mark.parametrize("note", NOTES)


@each_note
@pytest.mark.parametrize("kind", ["sustained", "inharmonic"])
def test_a_wrong_note_is_farther_than_a_softer_one(note: int, kind: Kind) -> None:
    far, softer = detuned(MEASURE, note, kind), level(MEASURE, tone(note, kind), 3)
    assert far[SEMITONE] >= (1.5 if note == LOWEST else 2) * softer
    assert far[QUARTER_TONE] >= softer


@needs_hexter
@each_note
def test_a_wrong_note_of_a_voice_is_farther_than_a_softer_one(note: int) -> None:
    heard = voices_heard(MEASURE, voices()[::6], note)
    assert len(heard.softer) >= 30
    assert np.median(heard.semitone / heard.softer) >= (1.5 if note == LOWEST else 2)
    assert np.median(heard.quarter_tone / heard.softer) >= 1


@each_note
@pytest.mark.parametrize("kind", KINDS)
def test_distance_grows_with_detuning(note: int, kind: Kind) -> None:
    far = detuned(MEASURE, note, kind)
    assert len(far) == len(CENTS)
    assert (np.diff(far) > 0).all(), far
    assert 0 < far[0] < level(MEASURE, tone(note, kind), 3)


@each_note
def test_what_happens_in_time_and_in_timbre_is_heard(note: int) -> None:
    found = events(MEASURE, note)
    octave = MEASURE(tone(note + 12)[None], tone(note)[None])[0]
    assert max(found.values()) <= octave
    assert found.pop("attack 50 ms") > level(MEASURE, tone(note), 0.4)
    assert len(found) == len(EVENTS) - 1
    assert min(found.values()) > level(MEASURE, tone(note), 1.0 if note >= 48 else 0.5), found


@cache
def assorted() -> Features:
    """Features of sounds of all kinds, the last of them silence."""
    sounds = [
        *(tone(note, kind) for note in (24, 60, 96) for kind in KINDS),
        tone(108, attack=0.4),
        hi_hat(),
        tone(60) + 0.01 * hi_hat(),
        np.full(SAMPLES, 0.5, np.float32),
        tone(40) * np.float32(1e-3),
        np.eye(1, SAMPLES, 20000, dtype=np.float32)[0],
        np.zeros(SAMPLES, np.float32),
    ]
    (feature,) = make_features([DEFAULT], RATE, SAMPLES)
    return feature(np.stack(sounds).astype(np.float32))


def test_silence_is_exactly_1_from_any_sound_and_equal_sounds_exactly_0() -> None:
    features = assorted()
    far = np.stack([distance(features, one[None]) for one in features])
    assert np.isfinite(far).all()
    np.testing.assert_array_equal(far[-1, :-1], 1)
    np.testing.assert_array_equal(np.diag(far), 0)
    assert (far[~np.eye(len(far), dtype=bool)] > 0).all()


@given(
    st.lists(st.integers(0, 14), min_size=3, max_size=3), st.lists(st.floats(0, 2), min_size=9, max_size=9)
)
@settings(max_examples=200, deadline=None)
def test_the_triangle_inequality_holds_for_mixtures(picked: list[int], gains: list[float]) -> None:
    features = assorted()
    rows = np.array(gains, np.float32).reshape(3, 3)
    a, b, c = (np.einsum("i,ifb->fb", row, features[picked])[None] for row in rows)
    assert distance(a, c)[0] <= distance(a, b)[0] + distance(b, c)[0] + 1e-5


def test_what_nobody_hears_hardly_counts() -> None:
    """Recordings have noise where a synth is silent: of 16 bits, and of a good room."""
    rng = np.random.default_rng(0)
    (feature,) = make_features([DEFAULT], RATE, SAMPLES)
    for note in (36, 60, 84):
        for kind in KINDS:
            sound = tone(note, kind)
            rounded = (np.rint(sound * 32768) / 32768).astype(np.float32)
            noisy = (sound + 1e-4 * rng.standard_normal(SAMPLES)).astype(np.float32)
            clean, *others = feature(np.stack([sound, rounded, noisy]))
            near, softer = (distance(clean[None], other[None])[0] for other in others)
            assert near < 0.005
            assert softer < 0.02, "noise at -80 dBFS"


def human_like(count: int) -> Audio:
    """The first audible sounds of the DX7's prior (count, samples)."""
    synth = DexedSynth(operators=6)
    sounds = synth.render(synth.human_like([np.random.default_rng(0)] * (2 * count)))
    heard: Audio = sounds[[audible(sound) for sound in sounds]][:count]
    assert len(heard) == count
    return heard


def test_voices_that_people_might_make_share_something() -> None:
    (feature,) = make_features([DEFAULT], RATE, SAMPLES)
    features = feature(human_like(300))
    far = np.concatenate([distance(features, np.roll(features, by, axis=0)) for by in (1, 2, 3)])
    assert (far >= 0.999).mean() <= 0.01


def linear_probe(features: NDArray[Any], notes: NDArray[Any], fitted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Name the notes of what was not fitted by ridge regression onto one column for each note."""
    x = (features - features[fitted].mean(axis=0)) / (features[fitted].std(axis=0) + 1e-3)
    named, which = np.unique(notes, return_inverse=True)
    seen, wanted = x[fitted].astype(float), np.eye(len(named))[which[fitted]]
    weights = np.linalg.solve(seen.T @ seen + 3000 * np.eye(seen.shape[1]), seen.T @ wanted)
    found: NDArray[np.int64] = named[(x[~fitted] @ weights).argmax(axis=1)]
    return found


def pooled_of(native: Native, notes: range) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """What the policy sees of voices at notes, those that are audible; their notes, and numbers."""
    (pooled,) = make_features([f"pooled-{DEFAULT}"], RATE, SAMPLES)
    seen, number, named = [], [], []
    for note in notes:
        sounds = render(native, note)
        heard = np.flatnonzero(sounds.any(axis=1))
        seen.append(pooled(sounds[heard]).reshape(len(heard), -1))
        number.append(heard)
        named.append(np.full(len(heard), note))
    return np.concatenate(seen), np.concatenate(named), np.concatenate(number)


@pytest.mark.slow
@needs_hexter
def test_a_linear_probe_on_what_the_policy_sees_names_the_note() -> None:
    """Of voices that sound at the note they are asked for: the octave of others is their own affair."""
    native = voices()
    native = native[[sounds_as_written(voice) for voice in native]]
    assert len(native) >= 100
    seen, notes, number = pooled_of(native, range(28, 97))
    fitted = number % 4 != 0
    off = np.abs(linear_probe(seen, notes, fitted) - notes[~fitted])
    assert (off <= 1).mean() >= 0.9
    low = notes[~fitted] < 48
    assert (off[low] <= 1).mean() >= 0.9
