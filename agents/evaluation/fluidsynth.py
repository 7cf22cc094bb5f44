"""Notes of soundfonts, played by FluidSynth."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from synthgym.errors import SynthgymError
from synthgym.recordings import FADE_SECONDS
from synthgym.synths import Audio

from .soundfonts import DURATION, HOLD

RATE = 44100
OPTIONS = (
    *("-n", "-i", "-q"),  # no MIDI input, no shell, few words
    *("-R", "0", "-C", "0", "-g", "0.2", "-r", str(RATE), "-O", "float"),
    *("-o", "synth.dynamic-sample-loading=1"),  # one program of a large font alone
    *("-o", "synth.default-soundfont="),  # which would play in place of one that cannot be read
)
"""Of FluidSynth: without reverb and chorus."""
_TICKS = 960  # in a second
_PATIENCE = 60  # seconds


def version() -> str:
    """Return what FluidSynth says of its version; SynthgymError if it is not installed."""
    return _run(["fluidsynth", "--version"]).stdout.decode("utf-8", "replace").splitlines()[0]


def _run(command: list[str | Path]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, check=True, timeout=_PATIENCE
        )
    except FileNotFoundError as error:
        raise SynthgymError("FluidSynth is not installed: apt-get install fluidsynth") from error
    except subprocess.SubprocessError as error:
        raise SynthgymError(f"{' '.join(map(str, command))} failed: {error}; run it to see why") from error


def render_notes(font: Path, program: int, notes: Sequence[int], velocity: int) -> Audio:
    """Return notes of a soundfont that are played at once, mono (samples,), with a short fade at its end.

    It is silent where the font has no sound for them, or cannot be read.

    Args:
        font: file of the soundfont.
        program: of General MIDI, from 1.
        notes: MIDI notes.
        velocity: of each.

    Returns:
        Float32 (``DURATION`` times ``RATE``,); full scale is 1.

    Raises:
        SynthgymError: FluidSynth is missing, or failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        midi, wav, config = (Path(folder, file) for file in ("notes.mid", "notes.wav", "none"))
        midi.write_bytes(midi_of(program, notes, velocity))
        config.touch()  # in place of the user's, which may change anything
        _run(["fluidsynth", *OPTIONS, "-f", config, "-F", wav, font, midi])
        stereo = soundfile.read(wav, dtype="float32", always_2d=True)[0] if wav.exists() else np.zeros((0, 2))
    mono = stereo.mean(axis=1)[: round(DURATION * RATE)]
    audio = np.zeros(round(DURATION * RATE), np.float32)
    audio[: len(mono)] = mono
    fade = round(FADE_SECONDS * RATE)
    audio[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return audio


def midi_of(program: int, notes: Sequence[int], velocity: int) -> bytes:
    """Return a standard MIDI file of notes at once, held for ``HOLD`` seconds.

    It ends half a second after ``DURATION``, as it is rendered until its end.

    Args:
        program: of General MIDI, from 1.
        notes: MIDI notes.
        velocity: of each, 1 to 127.

    Returns:
        The bytes of the file.
    """
    held, rest = round(HOLD * _TICKS), round((DURATION + 0.5 - HOLD) * _TICKS)
    track = b"".join(
        (
            bytes([0, 0xC0, program - 1]),
            *(bytes([0, 0x90, note, velocity]) for note in notes),
            # All end together: a time counts from the event before.
            *(_length(0 if i else held) + bytes([0x80, note, 0]) for i, note in enumerate(notes)),
            _length(rest) + bytes([0xFF, 0x2F, 0]),
        )
    )
    # Without a tempo a beat lasts half a second.
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, _TICKS // 2)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def _length(ticks: int) -> bytes:
    """Return a number as MIDI writes times: seven bits a byte, the last without the eighth."""
    written = [ticks & 127]
    while ticks := ticks >> 7:
        written.insert(0, 128 | ticks & 127)
    return bytes(written)
