"""How near a match is by other measures than the distance that is searched by, so that a match that is near
by that distance alone shows. They are reported, never rewarded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import librosa
import numpy as np
import scipy.signal
from numpy.typing import NDArray

from synthgym.features import MFCC, Feature, LogMel, distance, make_features
from synthgym.notes import Notes
from synthgym.parameters import ParameterSpace, Unit
from synthgym.synths import Audio

from . import field
from .pitch import pitch_of
from .tuning import share_in_tune

FLOOR_DB = -80.0
"""Of a full-scale sine: what is softer is silence."""
SCALES = (256, 512, 1024, 2048)
"""Window lengths of the log-spectral distance, in samples."""

METRICS = {
    "log_spectral": "dB, multi-scale log-spectral distance",
    "mfcc": "mean absolute error of 20 MFCC",
    "convergence": "spectral convergence",
    "loudness": "dB, error of the loudness envelope",
    "pitch": "semitones, median error where both have a pitch",
    "voicing": "share of frames on whose having a pitch they agree",
    "mss": "dB, mel spectrograms at three resolutions (Hayes 2025)",
    "wmfcc": "20 MFCC under time warping (Hayes 2025)",
    "sot": "spectral optimal transport, share of the frequency range (Hayes 2025)",
    "rms": "cosine similarity of loudness envelopes, 1 is equal (Hayes 2025)",
    "cents": "cents, median error of pitch where both have one",
    "in_tune": "share of the match's energy that is in tune with the target's note, 1 is all",
    "embedding": "distance by the learned feature, whatever is searched by",
}
IN_DOMAIN = {
    "parameter_error": "mean absolute error of unit values that have an order",
    "parameter_error_heard": "the same, of those that change the sound",
    "category_accuracy": "accuracy of categorical parameters",
    "category_accuracy_heard": "the same, of those that change the sound",
}
"""Of targets whose parameters are known."""


def of_clips(seconds: float, notes: int = 1) -> str:
    """Return what must be said beside measures: the length of the clips, as padding is compared too.

    Args:
        seconds: how long a clip is.
        notes: how many clips a target has, one a note; measures are their means.

    Returns:
        A sentence, without its stop.
    """
    each = f", the mean over the {notes} notes of a target" if notes > 1 else ""
    return f"Measured on clips of {seconds:g} s, padding included{each}"


def compare_sounds(target: Audio, match: Audio, sample_rate: int, note: float) -> dict[str, float]:
    """Return the METRICS of a match (samples,) of a target (samples,).

    Silence and padding count as they are in both clips: their length must be said beside a value.

    - ``log_spectral``: for each of four window lengths, the root mean square over bins of the difference in
      dB, its mean over frames; then the mean over the lengths (Rabiner and Juang 1993; multi-scale as in
      Engel et al., "DDSP", 2020).
    - ``convergence``: the Frobenius norm of the difference of two magnitude spectrograms over that of the
      target's (Arik et al., "Fast Spectrogram Inversion", 2019).
    - ``pitch``, in semitones, ``cents``, the same in cents, and ``voicing``: by Praat's autocorrelation
      (Boersma 1993), see ``pitch_of``; ``pitch`` and ``cents`` are NaN where no frame has a pitch in both.
    - ``mss``, ``wmfcc``, ``sot`` and ``rms``: as in Hayes et al. 2025, see ``field``.
    - ``in_tune``: of the match, see ``share_in_tune``.
    - ``embedding``: the distance by the feature of that name.

    Args:
        target: what was looked for.
        match: what was found.
        sample_rate: Hz, of both.
        note: MIDI note of the target, as 60.

    Returns:
        One float a metric, by name.
    """
    field.compile_field()
    spectra = {size: (_spectrum(target, size), _spectrum(match, size)) for size in SCALES}
    log = [np.sqrt(np.mean((_decibels(a) - _decibels(b)) ** 2, axis=0)).mean() for a, b in spectra.values()]
    a, b = spectra[SCALES[-1]]
    cepstra = [_mfcc(sample_rate, len(target))(sound[None]) for sound in (target, match)]
    envelopes = [_decibels(np.sqrt(2) * librosa.feature.rms(y=sound)[0]) for sound in (target, match)]
    pitch, voicing = _pitch_errors(target, match, sample_rate)
    return {
        "log_spectral": float(np.mean(log)),
        "mfcc": float(np.abs(cepstra[0] - cepstra[1]).mean()),
        "convergence": float(np.linalg.norm(a - b)) / max(float(np.linalg.norm(a)), 1e-9),
        "loudness": float(np.abs(envelopes[0] - envelopes[1]).mean()),
        "pitch": pitch,
        "voicing": voicing,
        "mss": field.mss(target, match, sample_rate),
        "wmfcc": field.wmfcc(target, match, sample_rate),
        "sot": field.sot(target, match, sample_rate),
        "rms": field.rms(target, match, sample_rate),
        "cents": 100 * pitch,
        "in_tune": share_in_tune(match, sample_rate, note),
        "embedding": _learned(target, match, sample_rate),
    }


def compare_at_notes(target: Audio, match: Audio, sample_rate: int, notes: Notes) -> dict[str, float]:
    """Return the METRICS of a match (samples,), or their means of one of several notes.

    Args:
        target: float32 (samples,), or (k, samples) of k notes.
        match: of the same shape.
        sample_rate: Hz, of both.
        notes: the note of the target (3,), or its notes (k, 3).

    Returns:
        One float a metric, by name.
    """
    pitches = np.atleast_2d(notes)[:, 0].tolist()
    pairs = zip(np.atleast_2d(target), np.atleast_2d(match), pitches, strict=True)
    return mean_of([compare_sounds(one, other, sample_rate, pitch) for one, other, pitch in pairs])


def mean_of(measures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of the measures of several notes of a target, those left out that a note does not have.

    Args:
        measures: of each note, as ``compare_sounds`` returns them.

    Returns:
        One float a measure, by name; NaN for one that no note has.
    """
    means = {}
    for name in measures[0]:
        values = np.array([each[name] for each in measures])
        there = values[~np.isnan(values)]
        means[name] = float(there.mean()) if len(there) else float("nan")
    return means


def _spectrum(sound: Audio, size: int) -> NDArray[np.float32]:
    """Return magnitudes (bins, frames), 1 for a full-scale sine."""
    window = scipy.signal.get_window("hann", size)
    spectrum = librosa.stft(sound, n_fft=size, hop_length=size // 2, window="hann")
    magnitudes: NDArray[np.float32] = np.abs(spectrum) * np.float32(2 / window.sum())
    return magnitudes


def _decibels(magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
    return 20 * np.log10(np.maximum(magnitudes, 10 ** (FLOOR_DB / 20)))


@lru_cache
def _mfcc(sample_rate: int, samples: int) -> MFCC:
    return MFCC(LogMel(sample_rate, samples))


def _learned(target: Audio, match: Audio, sample_rate: int) -> float:
    feature = _embedding(sample_rate, len(target))
    return float(distance(feature(target[None]), feature(match[None]))[0])


@lru_cache
def _embedding(sample_rate: int, samples: int) -> Feature:
    (feature,) = make_features(["embedding"], sample_rate, samples)
    return feature


@lru_cache(512)
def _pitch_of_target(sound: bytes, sample_rate: int) -> NDArray[np.float64]:
    return pitch_of(np.frombuffer(sound, np.float32), sample_rate)


def _pitch_errors(target: Audio, match: Audio, sample_rate: int) -> tuple[float, float]:
    a, b = _pitch_of_target(target.tobytes(), sample_rate), pitch_of(match, sample_rate)
    voiced = np.isfinite(a) & np.isfinite(b)
    voicing = float((np.isfinite(a) == np.isfinite(b)).mean())
    return (float(np.median(np.abs(a - b)[voiced])) if voiced.any() else float("nan")), voicing


def compare_parameters(
    space: ParameterSpace, target: Unit, match: Unit, audible: NDArray[np.bool_]
) -> dict[str, float]:
    """Return the IN_DOMAIN metrics of unit vectors (n,); NaN for a mean of nothing.

    Args:
        space: of the parameters.
        target: what was looked for.
        match: what was found.
        audible: which parameters change the sound at all, (n,).

    Returns:
        One float a metric, by name; errors are means of unit values, accuracies shares in [0, 1].
    """
    error = np.abs(space.quantise(match) - target)
    category = space.categorical
    right = (error < 1e-6).astype(np.float64)

    def mean(values: NDArray[np.floating], chosen: NDArray[np.bool_]) -> float:
        return float(values[chosen].mean()) if chosen.any() else float("nan")

    return {
        "parameter_error": mean(error, ~category),
        "parameter_error_heard": mean(error, ~category & audible),
        "category_accuracy": mean(right, category),
        "category_accuracy_heard": mean(right, category & audible),
    }
