import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import IDS, ROOT, make_task, present
from numpy.typing import NDArray

from synthgym.errors import SoundError, SynthError, SynthgymError
from synthgym.parameters import Unit
from synthgym.patches import AUDIBLE_PEAK, HELD_OUT, HeldOutStream, PatchStream, Stream
from synthgym.recordings import PEAK, as_target, read_recording, write_wav
from synthgym.rendering import RenderMeter
from synthgym.streams import _TEST_SEED
from synthgym.task import SoundMatchingTask

TRAINING_STREAMS: tuple[Stream, ...] = ("train", "validation", "start", "pool", "dataset")
REAL = sorted((ROOT / "examples/targets").glob("*.wav"))


@pytest.mark.parametrize("env_id", IDS)
def test_items_depend_on_seed_and_number_only_and_streams_never_meet(env_id: str) -> None:
    task = make_task(env_id)
    seen: dict[tuple[str, int], Unit] = {}
    for stream in TRAINING_STREAMS:
        for seed in (0, 1):
            patches = task.make_patches(PatchStream(stream, seed).ids(range(6)), audio=True)
            audio = present(patches.rendered.audio)
            assert (np.abs(audio).max(axis=1) >= AUDIBLE_PEAK).all()
            again = task.render(patches.unit, audio=True)
            np.testing.assert_array_equal(again.audio, patches.rendered.audio)
            np.testing.assert_array_equal(again.features[0], patches.rendered.features[0])
            for number in (5, 2):
                alone = task.make_patches(PatchStream(stream, seed).ids([number]), audio=True)
                np.testing.assert_array_equal(alone.unit[0], patches.unit[number])
                np.testing.assert_array_equal(present(alone.rendered.audio)[0], audio[number])
            seen[stream, seed] = patches.unit
    seen["test", 0] = task.make_patches(HeldOutStream().ids(range(6))).unit
    rows = [task.space.to_native(row).tobytes() for units in seen.values() for row in units]
    assert len(set(rows)) == len(rows) == 66


@pytest.mark.parametrize("env_id", IDS)
def test_training_never_meets_a_test_patch(env_id: str) -> None:
    """On the quantised parameters, whatever the training seed, the test stream's own included."""
    task = make_task(env_id)
    held_out = task.make_patches(HeldOutStream().ids(range(12))).unit
    rows = {row.tobytes() for row in task.space.to_native(held_out)}
    for seed in (0, 1, _TEST_SEED):
        for stream in TRAINING_STREAMS:
            units = task.make_patches(PatchStream(stream, seed).ids(range(12))).unit
            assert rows.isdisjoint(row.tobytes() for row in task.space.to_native(units))


@pytest.mark.parametrize(("high_pass", "known"), [(True, "d2612c6a76074939"), (False, "f835a7fd756353d5")])
def test_the_held_out_targets_never_change(high_pass: bool, known: str) -> None:
    """Whoever changes these makes all earlier results worthless."""
    task = SoundMatchingTask("dexed", operators=1, patches="uniform", high_pass=high_pass)
    units = task.make_patches(HeldOutStream().ids(range(10))).unit
    digest = hashlib.sha256(task.space.to_native(units).astype(np.uint8).tobytes()).hexdigest()
    assert digest[:16] == known


def test_training_code_cannot_name_the_test_stream() -> None:
    with pytest.raises(SynthgymError, match="unknown stream"):
        PatchStream("test", 0)  # type: ignore[arg-type]


def test_the_test_stream_ends() -> None:
    """So that a data set can be kept free of it."""
    assert len(HeldOutStream().ids([0, HELD_OUT - 1])) == 2
    with pytest.raises(SynthgymError, match="patches 0 to 999"):
        HeldOutStream().ids([HELD_OUT])


def test_a_space_without_audible_patches_is_named() -> None:
    task = SoundMatchingTask("dexed", operators=1, parameters=["OP1 F FINE"], frozen={"OP1 OUTPUT LEVEL": 0})
    with pytest.raises(SynthError, match="20 random patches in a row are inaudible"):
        task.make_patches(PatchStream("train", 0).ids([0]), most=20)


@pytest.mark.parametrize("unit", [np.zeros((0, 23)), np.zeros(23), np.zeros((2, 3)), np.zeros((1, 2, 23))])
def test_what_is_no_batch_is_named(unit: NDArray[np.float64]) -> None:
    with pytest.raises(SynthgymError, match="array of shape"):
        SoundMatchingTask("dexed", operators=1).render(unit)


def test_one_meter_counts_all_renders() -> None:
    task = SoundMatchingTask("dexed", operators=1)
    task.render(np.full((3, 23), 0.5, np.float32))
    patches = task.make_patches(PatchStream("start", 0).ids(range(3)))
    assert patches.renders.sum() > 3, "inaudible candidates cost as much"
    assert task.meter == RenderMeter(3 + patches.renders.sum())
    training = task.meter = RenderMeter(1000)
    task.render(np.full((3, 23), 0.5, np.float32))
    assert training == RenderMeter(1003)


@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_real_recordings_are_read(path: Path) -> None:
    audio = read_recording(path, 44100, 44100)
    assert audio.shape == (44100,)
    assert audio.dtype == np.float32
    assert np.abs(audio).max() == pytest.approx(PEAK)


def test_there_are_eight_real_recordings() -> None:
    assert len(REAL) == 8


def tone(rate: int, seconds: float, hz: float = 440.0) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [
        ("wav", "PCM_16"),
        ("wav", "PCM_U8"),
        ("wav", "PCM_24"),
        ("wav", "FLOAT"),
        ("flac", "PCM_24"),
        ("aiff", "PCM_16"),
    ],
)
def test_any_rate_format_and_channel_count(
    tmp_path: Path, rate: int, channels: int, suffix: str, subtype: str
) -> None:
    path = tmp_path / f"x.{suffix}"
    sound = np.repeat(0.5 * tone(rate, 0.5)[:, None], channels, axis=1)
    soundfile.write(path, sound, rate, subtype=subtype)
    audio = read_recording(path, 44100, 44100)
    spectrum = np.abs(np.fft.rfft(audio))
    assert spectrum.argmax() == pytest.approx(440, abs=2)
    assert np.abs(audio).max() == pytest.approx(PEAK)
    assert not audio[30000:].any(), "padded with silence"


def test_ogg(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.ogg", 0.5 * tone(44100, 2.0), 44100)
    assert np.abs(read_recording(tmp_path / "x.ogg", 44100, 44100)).max() == pytest.approx(PEAK)


def test_leading_silence_is_trimmed_and_the_end_fades() -> None:
    sound = np.concatenate([np.zeros(20000), tone(44100, 3.0)])
    audio = as_target(sound, 44100, 44100, 44100)
    assert np.abs(audio[:50]).max() > 0.01
    assert abs(audio[-1]) == 0
    assert np.abs(audio[-2000:-1000]).max() > 0.1


@pytest.mark.parametrize(
    ("sound", "says"),
    [
        (np.zeros((1000, 2)), "silent"),
        (np.stack([tone(44100, 0.5), -tone(44100, 0.5)], axis=1), "cancel each other out"),
        (np.zeros((0, 1)), "empty"),
        (np.full((1000, 1), 1e-40), "silent"),
        (np.full((1000, 1), np.nan), "NaN"),
    ],
)
def test_unusable_recordings_are_named(tmp_path: Path, sound: NDArray[np.float64], says: str) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, sound, 44100, subtype="FLOAT")
    with pytest.raises(SoundError, match=rf"x\.wav: .*{says}"):
        read_recording(path, 44100, 44100)


@pytest.mark.parametrize("data", [b"", b"not audio at all", bytes(1000)])
def test_files_that_are_no_audio_are_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    with pytest.raises(SoundError, match="is not audio"):
        read_recording(path, 44100, 44100)


@pytest.mark.parametrize(
    ("sound", "rate", "says"),
    [
        (np.ones((10, 2)), 44100, "mono"),
        (np.eye(2)[0], 7_000_000, "too short"),
        (np.full(1000, 0.5), 44100, "silent"),
        (np.ones(10), float("nan"), "sample rate"),
        (np.ones(10), 0, "sample rate"),
        ("noise", 44100, "array of numbers"),
    ],
)
def test_unusable_arrays_are_named(sound: Any, rate: float, says: str) -> None:
    with pytest.raises(SynthgymError, match=says):
        as_target(sound, rate, 44100, 44100)


@pytest.mark.parametrize("path", ["x" * 5000, "x.raw", 7, b"\xff.wav"])
def test_odd_paths_are_named(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.raw").write_bytes(bytes(100))
    with pytest.raises(SoundError):
        read_recording(path, 44100, 44100)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    for path, says in ((tmp_path, "is a folder"), (tmp_path / "nope.wav", "no such file")):
        with pytest.raises(SoundError, match=says):
            read_recording(path, 44100, 44100)


def test_what_is_written_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    write_wav(path, tone(44100, 0.1).astype(np.float32), 44100)
    before = path.read_bytes()
    with pytest.raises(IndexError):
        write_wav(path, np.array(object()), 44100)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_need_not_be_utf8(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(44100, 0.5).astype(np.float32), 44100)
    latin1 = os.fsdecode(os.fsencode(tmp_path) + b"/fl\xf6te.wav")
    (tmp_path / "a.wav").rename(latin1)
    assert np.abs(read_recording(latin1, 44100, 44100)).max() == pytest.approx(PEAK)
