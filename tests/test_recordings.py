"""What is around the note in a recording and was done to it: offsets, silence, noise, clips and levels."""

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import present
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents.evaluation.pitch import HeardNote
from agents.matching.clipping import clipped_samples
from agents.matching.recording import Recording
from agents.studio.uploads import Upload
from synthgym import recordings
from synthgym.errors import SoundError
from synthgym.recordings import PEAK, as_target, read_channels, read_recording
from synthgym.silence import offset_of, start_of

RATE = 44100


def tone(
    note: int = 60, seconds: float = 1.0, attack: float = 0.005, decay: float = 2.0
) -> NDArray[np.float64]:
    time = np.arange(round(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((note - 69) / 12)
    sound = np.sum([np.sin(2 * np.pi * hz * k * time) / k for k in (1, 2, 3)], axis=0)
    sound *= np.exp(-decay * time) * np.minimum(1, time / attack)
    return np.asarray(0.5 * sound / np.abs(sound).max())


def silence(seconds: float) -> NDArray[np.float64]:
    return np.zeros(round(seconds * RATE))


def noise(colour: str, samples: int, seed: int = 0) -> NDArray[np.float64]:
    """A noise of root mean square 1."""
    time = np.arange(samples) / RATE
    if colour == "hum":
        sound = np.sin(2 * np.pi * 50 * time) + 0.4 * np.sin(2 * np.pi * 150 * time)
    else:
        spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=samples))
        spectrum /= np.maximum(20, np.arange(len(spectrum))) ** {"white": 0, "pink": 0.5}[colour]
        sound = np.fft.irfft(spectrum, samples)
    return np.asarray(sound / sound.std())


def read(folder: Path, sound: NDArray[Any], subtype: str = "FLOAT") -> Recording:
    soundfile.write(folder / "x.wav", sound, RATE, subtype=subtype)
    return Recording.read(folder / "x.wav")


@pytest.mark.parametrize("offset", [0.01, -0.1, 0.3])
@pytest.mark.parametrize("note", [24, 60, 96])
@pytest.mark.parametrize("around", [(1, 0), (0.3, 0.5), (0, 0)])
def test_an_offset_is_no_sound(offset: float, note: int, around: tuple[float, float], tmp_path: Path) -> None:
    sound = np.concatenate([silence(around[0]), tone(note), silence(around[1])])
    recording = read(tmp_path, sound + offset)
    assert recording.seconds == pytest.approx(1.0, abs=0.03)
    assert present(recording.heard).note == note
    assert not recording.clipped
    # Spectra, as the first sample may be another.
    moved, plain = (np.abs(np.fft.rfft(as_target(x, RATE, RATE, RATE))) for x in (sound + offset, tone(note)))
    np.testing.assert_allclose(moved, plain, atol=0.02 * plain.max())


@given(offset=st.floats(-0.5, 0.5), hz=st.floats(27.5, 4000), seconds=st.floats(0.5, 3))
@settings(max_examples=30, deadline=None)
def test_the_offset_of_a_steady_tone_is_its_mean(offset: float, hz: float, seconds: float) -> None:
    time = np.arange(round(seconds * RATE)) / RATE
    sound = (0.1 * np.sin(2 * np.pi * hz * time) + offset).astype(np.float32)
    assert offset_of(sound, RATE) == pytest.approx(offset, abs=0.005)


def test_a_constant_is_silent(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="silent"):
        read(tmp_path, silence(1) + 0.25)


@pytest.mark.parametrize("colour", ["white", "pink", "hum"])
@pytest.mark.parametrize("level", [0.0005, 0.003, 0.01])
@pytest.mark.parametrize("before", [0.1, 0.5, 1.5])
def test_noise_before_the_note_is_left_out(colour: str, level: float, before: float, tmp_path: Path) -> None:
    sound = np.concatenate([silence(before), tone(decay=1), silence(0.4)])
    recording = read(tmp_path, sound + level * noise(colour, len(sound)), "PCM_16")
    assert (len(sound) - len(recording.audio)) / RATE == pytest.approx(before, abs=0.01)
    assert recording.seconds == pytest.approx(1.0, abs=0.05 if colour != "pink" else 0.4)
    assert present(recording.heard).note == 60


@example(seed=868, before=0.165, level=0.000494)  # one sample of it is above -48 dB
@example(seed=360, before=0.131, level=0.000537)  # its last frame has the beginning of the note
@given(seed=st.integers(0, 1000), before=st.floats(0.08, 2), level=st.floats(0.0002, 0.01))
@settings(max_examples=30, deadline=None)
def test_any_white_noise_before_the_note(seed: int, before: float, level: float) -> None:
    sound = np.concatenate([silence(before), tone()])
    sound += level * noise("white", len(sound), seed)
    assert start_of(sound.astype(np.float32), RATE) / RATE == pytest.approx(before, abs=0.015)


@pytest.mark.parametrize("attack", [0.05, 0.5, 2.0])
def test_a_note_that_fades_in_is_whole(attack: float) -> None:
    sound = tone(seconds=2, attack=attack, decay=0).astype(np.float32)
    assert start_of(sound, RATE) < 0.01 * attack * RATE + 50
    rise = np.exp((np.arange(len(sound)) / RATE - 2) / (attack / 5))
    swell = (tone(seconds=2, decay=0) * rise).astype(np.float32)
    audible = int(np.argmax(np.abs(swell) > np.abs(swell).max() * 10 ** (-48 / 20)))
    assert start_of(swell, RATE) == audible


def test_a_softer_first_note_is_no_noise() -> None:
    melody = np.concatenate([0.2 * tone(decay=0), tone(67)]).astype(np.float32)
    assert start_of(melody, RATE) < 50


@pytest.mark.parametrize(
    ("subtype", "peak"),
    [("PCM_16", 3 / 2**15), ("PCM_16", 1e-3), ("PCM_24", 4 / 2**23), ("PCM_24", 5e-5), ("FLOAT", 2e-7)],
)
@pytest.mark.parametrize("note", [33, 60, 84])
def test_quiet_recordings_are_heard(subtype: str, peak: float, note: int, tmp_path: Path) -> None:
    sound = np.concatenate([silence(0.3), 2 * peak * tone(note, decay=0)])
    recording = read(tmp_path, sound, subtype)
    assert present(recording.heard).note == note
    assert recording.seconds == pytest.approx(1.0, abs=0.01)
    assert not recording.clipped
    assert np.abs(recording.target(RATE, RATE)).max() == pytest.approx(PEAK)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("gain", [1.0, 0.5, 0.05])
@pytest.mark.parametrize("note", [24, 45, 60, 84])
def test_clips_are_found_at_any_level(subtype: str, gain: float, note: int, tmp_path: Path) -> None:
    cut = np.clip(4 * tone(note, decay=1), -1, 1) * gain
    recording = read(tmp_path, cut, subtype)
    assert recording.clipped > 20
    assert any(line.startswith("clipped: ") for line in recording.env_kwargs({}, 60)[1])
    assert not read(tmp_path, 2 * tone(note) * gain, subtype).clipped
    one = np.stack([0.3 * tone(note, decay=1), cut], axis=1)
    assert read(tmp_path, one, subtype).clipped == recording.clipped, "one of two channels"


@given(
    note=st.integers(21, 100),
    partials=st.integers(1, 12),
    level=st.floats(1e-4, 1),
    bits=st.sampled_from([8, 16, 24, 32]),
)
@settings(max_examples=100, deadline=None)
def test_round_tops_are_not_clipped(note: int, partials: int, level: float, bits: int) -> None:
    time = np.arange(RATE // 2) / RATE
    hz = 440 * 2 ** ((note - 69) / 12)
    sound = np.sum([np.sin(2 * np.pi * hz * k * time) / k for k in range(1, partials + 1)], axis=0)
    steps = 2 ** (bits - 1)
    sound = np.round(sound / np.abs(sound).max() * level * (steps - 1)) / steps
    assert clipped_samples(sound.astype(np.float32)) == 0


@pytest.mark.parametrize("duty", [0.5, 0.2])
def test_square_waves_are_not_clipped(duty: float) -> None:
    wave = np.where(np.arange(RATE) * 110 / RATE % 1 < duty, 0.5, -0.5)
    padded = np.concatenate([silence(0.2), wave, silence(0.2)])
    assert clipped_samples(padded.astype(np.float32)) == 0


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64", "AU"])
@pytest.mark.parametrize("unwritten", ["all", "of the samples alone"])  # RF64 has FF there, and it elsewhere
def test_a_length_that_was_never_written_is_that_of_the_file(
    kind: str, subtype: str, unwritten: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(), RATE, subtype=subtype, format=kind, endian="FILE")
    whole = bytearray(path.read_bytes())
    expected = read_channels(path)[0]
    at = 8 if kind == "AU" else whole.find(b"data") + 4
    if kind != "RF64" or unwritten != "of the samples alone":
        whole[at : at + 4] = bytes(4)
    if kind == "RF64":
        whole[20:44] = bytes(24)  # the lengths of its ds64 chunk
    elif kind != "AU" and unwritten == "all":
        whole[4:8] = bytes(4)
    path.write_bytes(whole)
    found, rate = read_channels(path)
    assert rate == RATE
    np.testing.assert_array_equal(found, expected)


def test_a_flac_that_was_written_to_a_pipe_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.flac"
    soundfile.write(path, tone(), RATE)
    whole, expected = bytearray(path.read_bytes()), read_channels(path)[0]
    whole[21] &= 0xF0  # the count of samples, 36 bits of its first block
    whole[22:26] = bytes(4)
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_channels(path)[0], expected)
    assert Upload.read("x", path).heard == HeardNote(60, clear=True)
    monkeypatch.setattr(recordings, "_MOST", len(expected) - 1)
    with pytest.raises(SoundError, match="longer than"):
        read_channels(path)


@pytest.mark.parametrize("claimed", [2**28 + 1, 2**31, 2**36 - 1])
def test_a_flac_that_claims_terabytes_is_read(claimed: int, tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    soundfile.write(path, tone(), RATE)
    whole, expected = bytearray(path.read_bytes()), read_channels(path)[0]
    whole[21:26] = ((whole[21] >> 4 << 36) + claimed).to_bytes(5, "big")
    path.write_bytes(whole)
    assert soundfile.info(path).frames == claimed
    np.testing.assert_array_equal(read_channels(path)[0], expected)


def test_an_mp3_is_heard_as_the_wav_is(tmp_path: Path) -> None:
    wav = read(tmp_path, tone(64), "PCM_16")
    soundfile.write(tmp_path / "x.mp3", tone(64), RATE)
    mp3 = Recording.read(tmp_path / "x.mp3")
    assert mp3.note == wav.note == 64
    a, b = wav.target(RATE, RATE), mp3.target(RATE, RATE)
    later = np.argmax(np.correlate(a[:8000], b[:8000], "full")) - 7999
    assert abs(later) < 0.005 * RATE, "the encoder's delay is left out"


@pytest.mark.parametrize("subtype", ["GSM610", "G721_32", "IMA_ADPCM", "MS_ADPCM", "ULAW"])
def test_what_cannot_be_sought_in_is_read(subtype: str, tmp_path: Path) -> None:
    recording = read(tmp_path, tone(64), subtype)
    assert recording.note == 64
    assert recording.seconds == pytest.approx(1, abs=0.02)


def test_a_level_beyond_all_scales_is_no_fault(tmp_path: Path) -> None:
    recording = read(tmp_path, tone(64) * 1e30)
    assert recording.env_kwargs({}, None)[0] == read(tmp_path, tone(64)).env_kwargs({}, None)[0]


def test_a_file_without_samples_is_empty(tmp_path: Path) -> None:
    for kind in ("WAV", "RF64", "AIFF"):
        soundfile.write(tmp_path / "x.wav", np.empty(0), RATE, format=kind)
        with pytest.raises(SoundError, match="empty"):
            read_channels(tmp_path / "x.wav")


@pytest.mark.parametrize("kind", [b"LIST", b"cue ", b"smpl"])
def test_what_follows_the_samples_of_an_unfinished_file_is_no_sound(kind: bytes, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", 0.005 * tone(), RATE, subtype="PCM_16")
    expected, _ = soundfile.read(tmp_path / "x.wav", dtype="float32")
    whole = bytearray((tmp_path / "x.wav").read_bytes())
    at = whole.find(b"data") + 4
    whole[4:8] = whole[at : at + 4] = bytes(4)
    for more in (kind + struct.pack("<I", 5) + b"Audio\0", b"junk" + kind + b"zzzz"):
        (tmp_path / "x.wav").write_bytes(whole + more)
        audio, _ = read_channels(tmp_path / "x.wav")
        np.testing.assert_array_equal(audio[: len(expected), 0], expected)
        assert (len(audio) == len(expected)) == more.startswith(kind), "or it is sound for all we know"


@pytest.mark.parametrize("length", [-1, 0, 2**40])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_caf_file_that_was_not_finished_is_read_to_its_end(
    length: int, subtype: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.caf"
    soundfile.write(path, tone(), RATE, subtype=subtype, format="CAF")
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    whole = path.read_bytes()
    at = whole.find(b"data") + 4
    path.write_bytes(whole[:at] + struct.pack(">q", length) + whole[at + 8 :])
    audio, rate = read_channels(path)
    assert rate == RATE
    np.testing.assert_array_equal(audio, expected)
    path.write_bytes(path.read_bytes()[:-1000])
    assert 0 < len(read_channels(path)[0]) < len(expected)


@pytest.mark.parametrize("data", [b".snd", b".snd\0\0\0\x18", b"caff\0\1", b"FORM\0\0\0\0AIFF", b"RIFFWAVE"])
def test_a_head_of_a_file_is_no_audio(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(SoundError, match="x' is not audio") as refused:
        read_channels(tmp_path / "x")
    assert "memoryview" not in str(refused.value)


def test_a_film_is_refused_without_all_of_it_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.avi"
    with path.open("wb") as file:
        file.write(b"RIFF\0\0\0\0AVI LIST" + bytes(1000))
        file.truncate(10**9)
    tracemalloc.start()
    with pytest.raises(SoundError, match="is not audio"):
        read_channels(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**7


@pytest.mark.parametrize("length", [0, 8])
@pytest.mark.parametrize("form", [0, 46])
def test_an_aiff_file_that_was_not_finished_is_read_to_its_end(
    length: int, form: int, tmp_path: Path
) -> None:
    path = tmp_path / "x.aiff"
    soundfile.write(path, tone(), RATE, subtype="PCM_16")
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    whole = bytearray(path.read_bytes())
    whole[4:8] = struct.pack(">I", form)
    frames, at = whole.find(b"COMM") + 10, whole.find(b"SSND") + 4
    whole[frames : frames + 4], whole[at : at + 4] = bytes(4), struct.pack(">I", length)
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_channels(path)[0], expected)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("header", ["whole", "unfinished"])
def test_a_long_recording_takes_a_few_times_its_memory(channels: int, header: str, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    one = np.repeat(tone()[:, None], channels, axis=1)
    soundfile.write(path, np.tile(one, (60, 1)), RATE, subtype="PCM_16")
    if header == "unfinished":
        whole = bytearray(path.read_bytes())
        at = whole.find(b"data") + 4
        whole[4:8] = whole[at : at + 4] = bytes(4)
        path.write_bytes(whole)
    for read_it in (Recording.read, lambda path: read_recording(path, RATE, RATE)):
        tracemalloc.start()
        read_it(path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4 * 60 * RATE * channels * np.dtype(np.float32).itemsize
