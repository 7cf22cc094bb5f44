"""Files that are either whole or not there, and recordings that no memory would hold."""

import os
import stat
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import soundfile

from synthgym.errors import PresetError, SoundError
from synthgym.files import reason, replaced, unwritable
from synthgym.recordings import as_target, read_mono
from synthgym.synths import make_synth


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_a_file_has_the_mode_of_any_other_and_the_umask_is_let_alone(
    tmp_path: Path, umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.umask(umask)
    try:
        monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("other threads make files, too"))
        with replaced(tmp_path / "folder" / "x.json") as temporary:
            assert temporary.suffix == ".json"
            assert stat.S_IMODE(temporary.stat().st_mode) == 0o666 & ~umask
            temporary.write_text("{}", encoding="utf-8")
        monkeypatch.undo()
    finally:
        os.umask(usual)
    (file,) = (tmp_path / "folder").iterdir()
    assert file.name == "x.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask


def test_a_file_is_as_it_was_if_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("before", encoding="utf-8")

    def fail() -> None:
        with replaced(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_wherever_ctrl_c_comes(tmp_path: Path) -> None:
    """It comes once, before each instruction of Python in turn."""
    path = tmp_path / "x.txt"
    missing = tmp_path / "missing"
    assert not _interrupted(missing, 10**9)  # what is looked at here is loaded then
    missing.unlink()
    steps = 0
    while _interrupted(path, steps):
        assert {*tmp_path.iterdir()} <= {path}, f"after {steps} instructions"
        path.unlink(missing_ok=True)
        steps += 1
    assert steps > 50
    assert path.read_text(encoding="utf-8") == "whole"


def _interrupted(path: Path, after: int) -> bool:
    """Write a file, and interrupt it after so many instructions; whether there were as many."""
    left = after

    def step(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal left
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == -1:
                raise KeyboardInterrupt
        return step

    def write() -> None:
        with replaced(path) as temporary:
            temporary.write_text("whole", encoding="utf-8")

    usual = sys.gettrace()
    try:
        sys.settrace(step)
        write()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(usual)
    return False


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("two\nlines"), "two lines"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_an_error_without_a_text_of_the_system_is_named(tmp_path: Path, error: OSError, says: str) -> None:
    assert reason(error) == says
    assert f"cannot write to {tmp_path}: {says}; " in str(unwritable(tmp_path, error))


@pytest.mark.parametrize("rate", [1, 999, 2_000_000_000])
def test_a_header_with_an_absurd_sample_rate_is_named(tmp_path: Path, rate: int) -> None:
    """Of 1 Hz, each sample would become 44,100."""
    path = tmp_path / "x.wav"
    soundfile.write(path, np.linspace(-0.5, 0.5, 1000), rate)
    with pytest.raises(SoundError, match=r"x\.wav: the sample rate must be a number from 1000 to 1e\+07"):
        read_mono(path)
    with pytest.raises(SoundError, match="the sample rate must be a number"):
        make_synth("granulator", source=str(path))
    with pytest.raises(SoundError, match="the sample rate must be a number"):
        as_target(np.linspace(-0.5, 0.5, 1000), rate, 44100, 44100)


@pytest.mark.parametrize("rate", [1000, 8000, 192_000])
def test_usual_sample_rates_are_read(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, np.linspace(-0.5, 0.5, 1000), rate)
    audio, read = read_mono(path)
    assert (len(audio), read) == (1000, rate)


def test_a_preset_may_begin_with_the_mark_of_an_editor_but_not_be_empty(tmp_path: Path) -> None:
    synth, path = make_synth("fm"), tmp_path / "x.json"
    row = synth.space.row({"attack": 0.5})
    synth.save_preset(row, path)
    text = path.read_text(encoding="utf-8")
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_text(text, encoding=encoding)
        np.testing.assert_array_equal(synth.load_preset(path), row)
    path.write_text('{"parameters": []}')
    with pytest.raises(PresetError, match="names no parameter"):
        synth.load_preset(path)


@pytest.mark.parametrize(
    "text", ["[]", "null", "3", "{}", '{"parameters": {"a": 1}}', '{"parameters": [1]}', '{"parameters": 3}']
)
def test_json_that_lists_no_parameters_is_told_so(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(PresetError, match="it lists no parameters by name and native value"):
        make_synth("fm").load_preset(tmp_path / "x.json")


@pytest.mark.parametrize("suffix", ["flac", "mp3"])
def test_sounds_that_cannot_be_read_are_told_why(suffix: str, tmp_path: Path) -> None:
    path, rng = tmp_path / f"x.{suffix}", np.random.default_rng(0)
    soundfile.write(path, rng.uniform(-0.5, 0.5, 44100), 44100)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if suffix == "flac" else rng.bytes(3000))
    says = r"cut off or damaged: .*; export it again" if suffix == "flac" else "is not audio"
    with pytest.raises(SoundError, match=says) as raised:
        read_mono(path)
    assert "does not exist" not in str(raised.value)
