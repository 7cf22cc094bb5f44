"""What surrounds the note in a recording: a constant offset, and silence or noise before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SILENCE = 10 ** (-48 / 20)
"""What lies this far (-48 dB) below the peak counts as leading silence."""
OFFSET_FRAME = 0.1
"""Seconds of the frames whose means tell the offset."""
NOISE_FRAME = 0.02
"""Seconds of the frames whose loudness tells noise from the note."""
NOISE_FRAMES = 3
"""Noise before a note is at least so many frames, and"""
NOISE_RANGE = 2.5
"""varies in loudness by this factor at most, up or down, and"""
NOISE_GROWTH = 1.5
"""becomes louder from its first third to its second by at most this factor, and"""
NOISE_BELOW = 10 ** (-20 / 20)
"""is at most this loud (-20 dB) beside the loudest frame."""
ABOVE_NOISE = 1.5
"""What exceeds the peak of noise by this factor is sound."""
_AT_ONCE = 1024
"""So many frames are squared at once, as a long recording is large already."""


def offset_of(audio: NDArray[np.float32], sample_rate: float) -> float:
    """Return the constant offset (DC) of mono audio (n,).

    It is the mean of the means of frames, weighted by the inverse of their variances: the silence around a
    note tells it best, and where there is none, the whole sound does.

    Args:
        audio: float32 (n,), n 1 or more.
        sample_rate: in Hz.

    Returns:
        The offset, in the unit of the audio.
    """
    frames = np.array_split(audio, max(1, round(len(audio) / sample_rate / OFFSET_FRAME)))
    means = np.array([frame.mean(dtype=np.float64) for frame in frames])
    variances = np.array([frame.var(dtype=np.float64) for frame in frames])
    if not variances.any():
        return float(means.mean())
    return float(np.average(means, weights=1 / (variances + 1e-12 * variances.max())))


def start_of(audio: NDArray[np.float32], sample_rate: float) -> int:
    """Return where the silence or noise before the note ends in mono audio (n,) without offset.

    Args:
        audio: float32 (n,).
        sample_rate: in Hz.

    Returns:
        The index of the note's first sample, 0 to n - 1.
    """
    return before_note(audio, sample_rate)[0]


def before_note(audio: NDArray[np.float32], sample_rate: float) -> tuple[int, float]:
    """Return where the note begins in mono audio (n,) without offset, and the peak of what is before it.

    The note begins where the sound rises out of a steady noise that is 20 dB softer or more; without such
    noise, where it exceeds -48 dB below its peak.

    Args:
        audio: float32 (n,).
        sample_rate: in Hz.

    Returns:
        The index of the note's first sample, and the peak before it, 0 or more, 0 where nothing is.
    """
    levels = np.abs(audio)
    start = int(np.argmax(levels > levels.max() * SILENCE))
    size = max(1, int(NOISE_FRAME * sample_rate))
    # Also from the very beginning, lest one loud sample of a noise around -48 dB be taken for its beginning.
    rise, peak = max(_rise_from_noise(levels, first, size) for first in (0, start))
    if rise > start:
        return rise, peak
    # The last frame of silence may hold the beginning of the note's attack.
    return start, float(levels[: max(0, start - size)].max(initial=0))


def _rise_from_noise(levels: NDArray[np.float32], first: int, size: int) -> tuple[int, float]:
    """Return where magnitudes (n,) rise out of the noise from ``first`` on, and its peak; 0 without noise."""
    frames = levels[first : first + (len(levels) - first) // size * size].reshape(-1, size)
    parts = np.array_split(frames, 1 + len(frames) // _AT_ONCE)
    squares = [np.mean(part.astype(np.float64) ** 2, axis=1) for part in parts]
    count = _frames_of_noise(np.sqrt(np.concatenate(squares)))
    if not count:
        return 0, 0.0
    # The last frame that is no louder than noise may end with the beginning of the note.
    peak = float(frames[: count - 1].max())
    first += (count - 1) * size
    return first + int(np.argmax(levels[first:] > peak * ABOVE_NOISE)), peak


def _frames_of_noise(loudness: NDArray[np.float64]) -> int:
    """Return how many frames at the beginning are noise; 0 if a note begins at once."""
    loudest = loudness.max(initial=0)
    for count in range(NOISE_FRAMES, len(loudness)):
        steady = loudness[:count]
        noise = np.median(steady)
        if noise > NOISE_BELOW * loudest or steady.min() < noise / NOISE_RANGE:
            return 0
        if loudness[count] > noise * NOISE_RANGE:
            early, late = (np.median(part) for part in np.array_split(steady, 3)[:2])
            return 0 if late > early * NOISE_GROWTH else count  # a note that fades in grows
    return 0
