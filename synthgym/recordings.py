"""Recordings as targets: any sound file becomes a clip that a render can be compared with."""

from __future__ import annotations

import io
import os
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike, NDArray

from synthgym.checks import floats, number
from synthgym.errors import SoundError, SynthgymError, quoted
from synthgym.files import replaced
from synthgym.silence import offset_of, start_of
from synthgym.unfinished import with_length

PEAK = 10 ** (-18 / 20)
"""Recordings are levelled to this peak, -18 dBFS: one Dexed carrier at full level."""
SILENT_PEAK = 2**-24
"""A sound that varies less (-144 dBFS) is silence: no 24-bit recording can hold it."""
CANCELLED = 0.01
"""Channels whose mean peaks this far (-40 dB) below them cancel each other out."""
RATES = 1_000, 10_000_000
"""Sample rates in Hz that a recording may have. A header that claims 1 Hz would have a file of some seconds
resampled to gigabytes."""
_AT_ONCE = 2**16
"""Samples of a channel that are read at once where the length is not known, or not believed, and"""
_MOST = 2**28
"""those of all channels that are read at most: a small file may hold hours of silence, or claim terabytes."""
FADE_SECONDS = 0.01
PLAYBACK_PEAK = 0.7
"""Peak of the loudest of several sounds that are played back with one gain."""


def read_recording(path: str | os.PathLike[str], sample_rate: int, samples: int) -> NDArray[np.float32]:
    """Read a WAV, FLAC, OGG, AIFF or MP3 file of any rate and channel count as a target clip.

    Args:
        path: the file.
        sample_rate: of the clip, in Hz.
        samples: the length of the clip.

    Returns:
        Float32 mono (samples,), as ``as_target`` makes it.

    Raises:
        SoundError: the file is missing, no audio, empty or silent, or of an absurd sample rate.
    """
    return as_target(*read_mono(path), sample_rate, samples)


def read_mono(path: str | os.PathLike[str]) -> tuple[NDArray[np.float32], int]:
    """Read a sound file as the mean of its channels, (n,) float32, and its sample rate in Hz.

    Raises:
        SoundError: as ``read_channels``.
    """
    channels, rate = read_channels(path)
    mono: NDArray[np.float32] = channels.mean(axis=1)
    return mono, rate


def read_channels(path: str | os.PathLike[str]) -> tuple[NDArray[np.float32], int]:
    """Read a sound file as it is, (n, channels) float32, and its sample rate in Hz.

    Raises:
        SoundError: the file is missing, no audio, empty, silent or not finite, its channels cancel out, or
            its sample rate is not from 1,000 to 10,000,000 Hz.
    """
    try:
        path = os.fspath(path)  # a number would be taken for an open file, and closed
        if not os.path.isfile(path):  # noqa: PTH113, a Path of a name that is too long raises
            if os.path.isdir(path):  # noqa: PTH112
                raise SoundError(f"{path} is a folder; give the files in it")
            raise SoundError(f"no such file: {path}; give a WAV, FLAC, OGG, AIFF or MP3 file")
        if not os.access(path, os.R_OK):
            raise SoundError(f"cannot read {path}; give a file that you may read")
        name = os.fsencode(path)  # which need not be UTF-8
        channels, rate = _read_to_its_end(name, path)
        _check_rate(rate, f"{path}: ")
    except (soundfile.SoundFileError, TypeError, ValueError, OSError) as error:
        if isinstance(error, SoundError):
            raise
        # libsndfile's own words, without the name.
        cause = str(getattr(error, "error_string", error)).rstrip(".")
        remedy = "give a WAV, FLAC, OGG, AIFF or MP3 file"
        if "does not exist" in cause:  # it does, but mpg123 has found nothing in it
            cause = "there is no sound in it"
        if "flac decoder" in cause:
            cause, remedy = f"it is cut off or damaged: {cause.removeprefix('Error : ')}", "export it again"
        raise SoundError(f"{quoted(path, 200)} is not audio ({cause}); {remedy}") from error
    mono = channels.mean(axis=1)
    try:
        if not channels.size:
            raise SoundError("the sound is empty, or so damaged that no sample can be read; export it again")
        if _peak(mono) < CANCELLED * _peak(channels):
            raise SoundError("its channels cancel each other out when mixed to mono; give one of them")
        check_sound(mono)
    except SoundError as error:
        raise SoundError(f"{path}: {error}") from error
    return channels, rate


def _peak(audio: NDArray[np.float32]) -> float:
    """Return the greatest magnitude, without a copy of what may be long."""
    return float(max(audio.max(), -audio.min()))


class _Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound that is read from its beginning to its end: some cannot be sought in, whatever they claim."""

    def seekable(self) -> bool:
        return False


def _read_to_its_end(name: bytes, path: str) -> tuple[NDArray[np.float32], int]:
    """Read a file, also if its header does not say yet how long it is."""
    try:
        channels, rate = _read(name, path)
    except soundfile.SoundFileError:
        if (whole := with_length(name)) is None:
            raise
        return _read(whole, path)
    if not len(channels) and (whole := with_length(name)) is not None:
        return _read(whole, path)
    return channels, rate


def _read(file: bytes | BinaryIO, path: str) -> tuple[NDArray[np.float32], int]:
    with soundfile.SoundFile(file) as sound:
        if sound.seekable() and sound.frames * sound.channels <= _MOST:
            return sound.read(dtype="float32", always_2d=True), int(sound.samplerate)
    # Of some codecs, and of a FLAC that was written to a pipe, the length is known at the end; of a damaged
    # file it is anything.
    if not isinstance(file, bytes):
        file.seek(0)
    with _Stream(file) as sound:
        parts, left = [np.zeros((0, sound.channels), np.float32)], _MOST
        while len(part := sound.read(_AT_ONCE, dtype="float32", always_2d=True)):
            parts.append(part)
            left -= part.size
            if left < 0:
                raise SoundError(f"{path}: it is longer than {_MOST:,} samples; cut out what is wanted")
        return np.concatenate(parts), int(sound.samplerate)


def check_sound(audio: NDArray[np.float32]) -> None:
    """Raise SoundError for mono audio (n,) that is empty, silent (or constant) or not finite."""
    if audio.ndim != 1:
        raise SoundError(
            f"the sound must be mono, not of shape {audio.shape}; take one channel or their mean"
        )
    if audio.size == 0:
        raise SoundError("the sound is empty; give one of a sample or more")
    if not np.isfinite(audio).all():
        raise SoundError("the sound holds NaN or infinite samples; export it again")
    if np.ptp(audio) < SILENT_PEAK:
        raise SoundError("the sound is silent (mixed to mono); give one that is not")


def _check_rate(rate: float, where: str = "") -> float:
    """Return a sample rate; SoundError if no recording has it."""
    try:
        return number("the sample rate", rate, *RATES)
    except SynthgymError as error:
        raise SoundError(f"{where}{error}; export the sound again") from error


def as_target(audio: ArrayLike, rate: float, sample_rate: int, samples: int) -> NDArray[np.float32]:
    """Return mono audio (n,) of ``rate`` Hz as float32 (samples,) of ``sample_rate`` Hz.

    Resampled (soxr, "VHQ"), without its constant offset and the silence or noise before the note, cropped
    with a short fade or padded with zeros, and levelled to a peak of -18 dBFS.

    Args:
        audio: real numbers of any level.
        rate: the audio's sample rate, in Hz.
        sample_rate: of the clip, in Hz.
        samples: the length of the clip.

    Returns:
        Float32 (samples,), its peak at -18 dBFS.

    Raises:
        SoundError: the audio is empty, silent or not finite, or ``rate`` not from 1,000 to 10,000,000 Hz.
    """
    if isinstance(audio, np.ndarray) and audio.dtype == np.float32:  # no copy of what may be long
        sound: NDArray[np.float32] = audio
    else:
        sound = floats("a sound", audio).astype(np.float32)
    _check_rate(rate)
    check_sound(sound)
    clip = soxr.resample(sound, rate, sample_rate, quality="VHQ")
    if clip.size == 0:
        raise SoundError("the sound is too short to be resampled; give a longer one")
    clip = without_offset(clip, sample_rate)
    start = start_of(clip, sample_rate)
    longer = start + samples < len(clip)
    clip = clip[start : start + samples]
    if longer:
        fade = min(int(FADE_SECONDS * sample_rate), samples)
        clip[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    target = np.zeros(samples, dtype=np.float32)
    target[: len(clip)] = clip
    return np.asarray(target * np.float32(PEAK / np.abs(target).max()), dtype=np.float32)


def without_offset(audio: NDArray[np.float32], sample_rate: float) -> NDArray[np.float32]:
    """Return mono audio (n,) without its constant offset (DC).

    Args:
        audio: float32 (n,).
        sample_rate: in Hz.

    Returns:
        A new float32 array (n,); see ``offset_of``.
    """
    return audio - np.float32(offset_of(audio, sample_rate))


def write_wav(
    path: str | os.PathLike[str], audio: NDArray[np.float32], sample_rate: int, subtype: str = "FLOAT"
) -> None:
    """Write mono audio (n,) as a WAV, whole or not at all; OSError if it cannot be written.

    Args:
        path: the file; one that is there is replaced.
        audio: float32 (n,), as it is, beyond [-1, 1], too.
        sample_rate: in Hz.
        subtype: of the samples, as soundfile calls it (default: 32-bit float).

    Raises:
        OSError: it cannot be written.
    """
    file = io.BytesIO()
    soundfile.write(file, audio, sample_rate, subtype=subtype, format="WAV")
    with replaced(path) as temporary:
        temporary.write_bytes(file.getvalue())  # not by libsndfile, which would not say that the disk is full


def playback_gain(*sounds: NDArray[np.float32]) -> float:
    """Return the gain that sounds (samples,) share, so that the loudest peaks at ``PLAYBACK_PEAK``."""
    peak = max(float(np.abs(sound).max()) for sound in sounds)
    return PLAYBACK_PEAK / peak if peak > 0 else 1.0
