"""Files and folders of any name are read and written, or refused in words."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import AMSYNTH, ROOT, Script, needs
from hypothesis import given
from hypothesis import strategies as st

from agents.commands.cli import read_keywords
from agents.evaluation.targets import read_targets
from agents.training.learners import make_config
from agents.training.run_folder import RunFolder
from synthgym.errors import SynthgymError
from synthgym.files import as_given, as_utf8, files_in, shown
from synthgym.recordings import read_mono, write_wav
from synthgym.synths import make_synth
from synthgym.synths.faust import FaustSynth
from synthgym.synths.plugin import PluginSynth
from synthgym.task import SoundMatchingTask

LATIN = "fl\udcf6te"  # b"fl\xf6te", as Python reads it
NAMES = ["Größe", "音", LATIN, 'a "b" {0} %s $x', "a\\b", "a\nb", "-a", "x" * 200]


@pytest.mark.parametrize("name", NAMES)
def test_sounds_are_written_and_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name / f"{name}.wav"
    sound = np.sin(np.arange(4410) * 0.05).astype(np.float32)
    write_wav(path, sound, 44100)
    np.testing.assert_array_equal(read_mono(path)[0], sound)
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208, as it is on the disk


@pytest.mark.parametrize("name", NAMES)
def test_faust_programs_are_played(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "of any name" / (name if name not in (LATIN, 'a "b" {0} %s $x') else "x")
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "examples/faust/subtractive.dsp", folder / f"{name}.dsp")
    synth = FaustSynth(dsp=str(folder / f"{name}.dsp"), duration=0.1, hold=0.1)
    assert np.abs(synth.render(synth.space.row({})[None])).max() > 0.01


@pytest.mark.parametrize("name", [LATIN, 'a "b"'])
def test_a_folder_that_faust_does_not_take_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    shutil.copy(ROOT / "examples/faust/subtractive.dsp", tmp_path / name / "x.dsp")
    with pytest.raises(SynthgymError, match=r"Faust .*; rename it$"):
        FaustSynth(dsp=str(tmp_path / name / "x.dsp"))


@needs.amsynth
@pytest.mark.parametrize("name", ["Größe", LATIN])
def test_presets_of_plugins_are_written_and_read(name: str, tmp_path: Path) -> None:
    synth = PluginSynth(plugin=AMSYNTH, duration=0.1, hold=0.1)
    row = synth.space.row({})
    path = tmp_path / name / f"{name}.fxp"
    synth.save_preset(row, path)
    np.testing.assert_allclose(synth.load_preset(path), row, atol=1e-6)
    synth.close()
    shutil.copy(AMSYNTH, tmp_path / name / f"{name}.so")
    if name == LATIN:
        with pytest.raises(SynthgymError, match=r"fl\\udcf6te.so is not in UTF-8, as DawDreamer wants it"):
            PluginSynth(plugin=str(tmp_path / name / f"{name}.so"))
    else:
        PluginSynth(plugin=str(tmp_path / name / f"{name}.so"), duration=0.1, hold=0.1).close()


@given(st.text(st.characters(exclude_characters="\0\x85\u2028\u2029")))  # which YAML reads as line breaks
def test_keywords_name_files_of_any_name(name: str) -> None:
    value = name if shown(name) != name else json.dumps(name, ensure_ascii=False)
    try:
        (read,) = read_keywords([f"source={value}"]).values()
    except SynthgymError:  # of control characters, which YAML does not take and says so
        assert yaml.reader.Reader.NON_PRINTABLE.search(value)
    else:
        assert read == name


def test_a_path_is_utf_8_whatever_the_locale() -> None:
    assert as_utf8("/Größe/音", "it") == "/Größe/音"
    with pytest.raises(SynthgymError, match=r"the path /fl\\udcf6te is not in UTF-8, as it wants it"):
        as_utf8(f"/{LATIN}", "it")


def test_a_run_in_a_folder_that_tensorboard_does_not_take_is_refused(tmp_path: Path) -> None:
    config = make_config("FM-v0", "ppo", 0, steps=64)
    with pytest.raises(SynthgymError, match=r"TensorBoard takes no folder .*udcf6te; give another"):
        RunFolder(tmp_path / LATIN).begin(config)
    assert not any(tmp_path.iterdir())


@given(st.text(st.characters(exclude_characters="\0\\")))
def test_a_name_is_written_and_read_again(name: str) -> None:
    shown(name).encode()
    assert as_given(shown(name)) == name


@pytest.mark.slow
def test_an_evaluation_of_files_of_any_name_is_written_and_checked(script: Script, tmp_path: Path) -> None:
    sound = tmp_path / f"{LATIN}.wav"
    write_wav(sound, np.sin(np.arange(44100) * 0.05).astype(np.float32), 44100)
    out = tmp_path / LATIN
    command = ["--env", "FM-v0", "--agents", "random", "--targets", sound, "--seeds", 1, "--budgets", "1"]
    script("evaluate.py", *command, "--out", out)
    assert "1 rows, 0 differ" in script("evaluate.py", "--validate", out).stdout


@pytest.fixture
def untidy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what folders of recordings and presets also hold; one within it cannot be read."""
    synth = make_synth("dexed", operators=6)
    synth.save_preset(synth.space.row({}), tmp_path / "a.syx")
    shutil.copy(ROOT / "examples/targets/marimba.wav", tmp_path / "a.wav")
    for suffix in (".wav", ".syx"):
        for name in ("._a", ".hidden", ".Trashes/a", "__MACOSX/._a", "within/b", "locked/c"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(tmp_path / f"a{suffix}", tmp_path / f"{name}{suffix}")
        os.mkfifo(tmp_path / f"pipe{suffix}")
        (tmp_path / f"folder{suffix}").mkdir()
        (tmp_path / f"nowhere{suffix}").symlink_to("/nowhere")
        (tmp_path / f"link{suffix}").symlink_to(f"a{suffix}")
    (tmp_path / "within/round").symlink_to(tmp_path)
    listed = os.scandir

    def refused(place: Any = ".") -> Any:
        if os.path.basename(place) == "locked":  # noqa: PTH119, as os.walk gives it
            raise PermissionError(13, "Permission denied", place)
        return listed(place)

    monkeypatch.setattr(os, "scandir", refused)
    return tmp_path


def test_files_of_an_untidy_folder(untidy: Path) -> None:
    here, unreadable = files_in(untidy, below=False)
    assert [path.name for path in here] == ["a.syx", "a.wav", "link.syx", "link.wav"]
    assert not unreadable
    below, unreadable = files_in(untidy, below=True)
    assert {path.parent.name for path in below} == {untidy.name, "within"}
    assert [path.name for path in unreadable] == ["locked"]
    assert files_in(untidy / "locked", below=False) == ([], [untidy / "locked"])


def test_presets_of_an_untidy_folder(untidy: Path, caplog: pytest.LogCaptureFixture) -> None:
    (untidy / "other.syx").write_bytes(b"of another synth")
    with caplog.at_level("WARNING", "synthgym"):
        found = [path.name for path, _ in make_synth("dexed", operators=6).presets_in(untidy)]
    assert found == ["a.syx", "link.syx", "b.syx"]
    says = "2 files are no presets of this synth, or cannot be read: locked/, other.syx; passed over"
    assert says in caplog.text


def test_recordings_of_an_untidy_folder(untidy: Path) -> None:
    task = SoundMatchingTask("fm")
    assert [target.name for target in read_targets(task, str(untidy))[0]] == ["a.wav", "link.wav"]
    assert read_targets(task, str(untidy / ".hidden.wav"))[0][0].name == ".hidden.wav"
    with pytest.raises(SynthgymError, match=r"cannot read the folder .*locked; give one that you may read"):
        read_targets(task, str(untidy / "locked"))


def test_a_recording_that_may_not_be_read_is_named(untidy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SynthgymError, match=r"cannot read .*a\.wav; give a file that you may read"):
        read_mono(untidy / "a.wav")


def test_a_target_may_have_commas_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "a,b"
    write_wav(folder / "c,d.wav", np.sin(np.arange(44100) * 0.05).astype(np.float32), 44100)
    task = SoundMatchingTask("fm", note=60)
    for path in (folder, folder / "c,d.wav"):
        assert [target.name for target in read_targets(task, str(path))[0]] == ["c,d.wav"]
