"""The note of a sound: single notes from the lowest to the highest, and what has no clear note."""

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import ROOT, Script, present
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents.evaluation.pitch import PITCH_RATE, hear_note, note_of, pitch_of
from agents.matching.recording import Recording
from synthgym.synths import make_synth
from synthgym.synths.dx7_parameters import PARAMETERS

RATE = 44100
TIME = np.arange(RATE) / RATE
PIANO = range(21, 109, 3)
PLAYED = {"sawtooth": (81, 105), "piano": (1, 21), "flute": (74, 98)}


def tone(note: float, partials: int = 100, stretch: float = 0.0, odd: bool = False) -> NDArray[np.float32]:
    hz = 440 * 2 ** ((note - 69) / 12)
    sound = np.zeros(RATE)
    for k in range(1, partials + 1, 2 if odd else 1):
        f = hz * k * np.sqrt(1 + stretch * k**2)
        if f < 18_000:
            sound += np.sin(2 * np.pi * f * TIME) / k
    return np.asarray(sound * 0.12 / np.abs(sound).max(), np.float32)


TONES: dict[str, Callable[[float], NDArray[np.float32]]] = {
    "sine": lambda note: tone(note, 1),
    "sawtooth": tone,
    "odd": lambda note: tone(note, odd=True),
    "string": lambda note: tone(note, stretch=0.0005),
    "decaying": lambda note: tone(note) * np.exp(-TIME / 0.1).astype(np.float32),
    "noisy": lambda note: tone(note) + np.random.default_rng(0).normal(0, 0.004, RATE).astype(np.float32),
}


@pytest.mark.parametrize("kind", TONES)
def test_notes_from_the_lowest_of_a_piano_to_the_highest_are_heard(kind: str) -> None:
    heard = [present(hear_note(TONES[kind](note), RATE)) for note in PIANO]
    assert [found.note for found in heard] == list(PIANO)
    assert sum(found.clear for found in heard) >= len(PIANO) - 1


@pytest.mark.parametrize("note", range(24, 97, 12))
def test_the_notes_of_a_synth_are_heard(note: int) -> None:
    init = np.array([parameter.default for parameter in PARAMETERS])
    (sound,) = make_synth("dexed", operators=1, note=note).render(init[None])
    assert note_of(sound, RATE) == note


@pytest.mark.parametrize("root", [41, 48, 60, 67])
@pytest.mark.parametrize("chord", [(0, 4, 7), (0, 3, 7), (0, 7), (0, 5), (0, 3), (0, 4, 7, 10)])
@pytest.mark.parametrize("partials", [3, 100])
def test_chords_are_unsure(root: int, chord: tuple[int, ...], partials: int) -> None:
    # Players are never at one phase.
    notes = [np.roll(tone(root + interval, partials), 997 * interval) for interval in chord]
    heard = hear_note(np.sum(notes, axis=0), RATE)
    assert heard is None or not heard.clear


def test_an_octave_is_clear_as_its_lower_note() -> None:
    heard = present(hear_note(tone(48) + tone(60), RATE))
    assert (heard.note, heard.clear) == (48, True)


@pytest.mark.parametrize("colour", [0, 0.5, 1])
def test_noise_has_no_clear_note(colour: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    spectrum = np.fft.rfft(noise) / np.maximum(20, np.arange(RATE // 2 + 1)) ** colour
    heard = hear_note(np.fft.irfft(spectrum).astype(np.float32), RATE)
    assert heard is None or not heard.clear


@given(level=st.floats(-144, 0), note=st.integers(28, 100))
@settings(max_examples=20, deadline=None)
def test_the_level_does_not_matter(level: float, note: int) -> None:
    assert note_of(tone(note) * np.float32(10 ** (level / 20)), RATE) == note


@given(samples=st.integers(0, 60_000), rate=st.sampled_from([8000, 22050, 44100, 48000, 96000]))
@settings(max_examples=30, deadline=None)
def test_there_is_a_frame_at_every_hop(samples: int, rate: int) -> None:
    sound = np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)
    frames = pitch_of(sound, rate)
    assert frames.shape == pitch_of(0 * sound, rate).shape
    assert len(frames) == pytest.approx(1 + samples * PITCH_RATE / rate // 1024, abs=1)


def test_frames_follow_a_melody() -> None:
    melody = np.concatenate([tone(40), tone(64), np.zeros(RATE, np.float32), tone(88)])
    frames = np.array_split(pitch_of(melody, RATE), 4)
    for found, note in zip(frames, (40, 64, None, 88), strict=True):
        inner = found[3:-3]
        assert np.isnan(inner).all() if note is None else np.allclose(inner, note, atol=0.1)


def test_an_unsure_note_is_said(tmp_path: Path, script: Script) -> None:
    path = tmp_path / "chord.wav"
    soundfile.write(path, tone(48) + tone(52) + tone(55), RATE)
    (remark, *_) = Recording.read(path).env_kwargs({}, None)[1]
    assert remark.startswith("no clear pitch, as of a chord or a bell: taken as note ")
    assert "unsure" in remark
    done = script(
        "match.py", path, "--env", "FM-v0", "--agent", "random", "--budget", 2, "--out", tmp_path / "m"
    )
    assert f"{path}: {remark}" in done.stderr
    assert remark in json.loads((tmp_path / "m" / "match.json").read_text())["remarks"]
    assert not any("pitch" in line for line in Recording.read(path).env_kwargs({}, 48)[1]), "it was asked for"


@pytest.fixture
def accuracy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("pitch_accuracy")


def font(accuracy: Any, name: str) -> Path:
    """The file of a soundfont; skips where it cannot be played."""
    path: Path = accuracy.FONTS[name]
    if shutil.which("fluidsynth") is None:
        pytest.skip("Debian's package fluidsynth is not installed")
    if not path.exists():
        pytest.skip(f"the soundfont {path} is not installed")
    return path


@pytest.mark.parametrize("instrument", PLAYED)
def test_a_soundfont_note_is_heard(accuracy: Any, instrument: str, tmp_path: Path) -> None:
    program, note = PLAYED[instrument]
    (heard,) = accuracy.hear(font(accuracy, "TimGM6mb"), program, (note,), tmp_path)
    assert abs(heard.note - note) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("velocity", [40, 127])
@pytest.mark.parametrize("name", ["TimGM6mb", "FluidR3"])
def test_nine_of_ten_soundfont_notes_are_heard(
    accuracy: Any, name: str, velocity: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = font(accuracy, name)
    monkeypatch.setattr(accuracy, "VELOCITY", velocity)
    counts = [
        accuracy.accuracy(path, program, [n for n in accuracy.NOTES if low <= n <= high], tmp_path)
        for program, (_, low, high) in accuracy.PROGRAMS.items()
        if program not in accuracy.DOUBLED
    ]
    sounding, right, clear = np.sum(counts, axis=0)
    assert sounding > 120
    assert right >= 0.9 * sounding
    assert clear >= 0.9 * right
