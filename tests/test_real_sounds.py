"""Real sounds: single notes of soundfonts, of the same bytes each time, those to judge by apart."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import ROOT, Script, interrupted

from agents.evaluation import soundfonts
from agents.evaluation.fluidsynth import midi_of
from agents.evaluation.pitch import note_of
from agents.evaluation.real_sounds import write_real_sounds
from agents.evaluation.soundfonts import FLUIDR3, FONTS, OPL3, SETS, TIMGM6MB, Font, Instrument, SoundSet
from agents.evaluation.targets import read_targets
from agents.evaluation.tuning import share_in_tune
from synthgym.errors import SynthgymError
from synthgym.recorded_notes import MANIFEST, read_manifest
from synthgym.task import SoundMatchingTask

RATE = 44100
SEVERAL = r"\b([3-9]|\d{2,})/"
"""In a progress bar, which may go from two sounds to five: three sounds or more are done."""


def needs(*fonts: Font) -> pytest.MarkDecorator:
    """Skip a test where FluidSynth or a font is not installed."""
    absent = [font.package for font in fonts if not (FONTS / font.file).exists()]
    absent += ["fluidsynth"] * (shutil.which("fluidsynth") is None)
    return pytest.mark.skipif(bool(absent), reason=f"Debian's packages {absent} are not installed")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the set for training four sounds of two instruments."""
    instruments = (Instrument(13, "marimba", 45, 96), Instrument(59, "tuba", 28, 58))
    monkeypatch.setattr(soundfonts, "INSTRUMENTS", instruments)
    monkeypatch.setitem(SETS, "train", SoundSet("train", (TIMGM6MB,), range(36, 61, 12), (50, 100)))


FEW = {
    f"timgm6mb_{instrument}_{velocity:03}.wav": (note, velocity, 0.7)
    for instrument, note in (
        ("013_marimba_048", 48),
        ("013_marimba_060", 60),
        ("059_tuba_036", 36),
        ("059_tuba_048", 48),
    )
    for velocity in (50, 100)
}


def test_sets_keep_to_their_fonts_and_instruments_to_their_notes() -> None:
    assert {name: len([*of.sounds()]) for name, of in SETS.items()} == {"train": 1536, "validation": 364}
    for name, sounds in SETS.items():
        assert sounds.use == name
        for _, instrument, note, velocity in sounds.sounds():
            assert instrument.lowest <= note <= instrument.highest
            assert 1 <= velocity <= 127
    assert SETS["validation"].fonts == (FLUIDR3,)
    packages = [font.package for font in SETS["train"].fonts]
    assert not [package for package in packages if "fluid" in package or "musescore" in package]
    programs = [instrument.program for instrument in soundfonts.INSTRUMENTS]
    assert len(set(programs)) == len(programs)


def test_a_note_is_a_midi_file() -> None:
    """960 ticks in a second: 672 held, 768 until the end; a tuba is program 58 from 0."""
    header = "4d546864 00000006 0000 0001 01e0"
    events = "00c03a 00902464 8520802400 8600ff2f00"
    assert midi_of(59, [36], 100).hex() == f"{header} 4d54726b 00000011 {events}".replace(" ", "")


def test_notes_of_a_chord_begin_and_end_together() -> None:
    header = "4d546864 00000006 0000 0001 01e0"
    events = "00c03a 00902464 00902b64 8520802400 00802b00 8600ff2f00"
    assert midi_of(59, [36, 43], 100).hex() == f"{header} 4d54726b 00000019 {events}".replace(" ", "")


@needs(TIMGM6MB)
@pytest.mark.usefixtures("few")
def test_the_same_bytes_again_and_targets_of_their_notes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert write_real_sounds(first, "train") == 8
    assert write_real_sounds(second, "train") == 8
    assert read_manifest(first) == FEW
    assert {path.name for path in first.iterdir()} == {MANIFEST, *FEW}
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
    manifest = json.loads((first / MANIFEST).read_text())
    assert manifest["use"] == "train"
    assert manifest["engine"].startswith("FluidSynth")
    assert manifest["fonts"]["TimGM6mb.sf2"]["licence"] == "GPL-2"
    assert len(manifest["fonts"]["TimGM6mb.sf2"]["sha256"]) == 64
    targets, silent = read_targets(SoundMatchingTask("fm"), str(first))
    assert silent == 0
    assert sorted(target.name for target in targets) == sorted(FEW)
    for target in targets:
        note, *_ = FEW[target.name]
        assert share_in_tune(target.audio[0], RATE, note) > 0.95
    tuba, _ = soundfile.read(first / "timgm6mb_059_tuba_048_100.wav", dtype="float32")
    assert tuba.shape == (RATE,)
    assert note_of(tuba, RATE) == 48
    softer, _ = soundfile.read(first / "timgm6mb_059_tuba_048_050.wav")
    assert abs(softer).max() < abs(tuba).max()


@needs(TIMGM6MB)
@pytest.mark.usefixtures("few")
def test_what_is_there_is_kept_and_what_is_missing_is_made(tmp_path: Path, capsys: Any) -> None:
    write_real_sounds(tmp_path, "train")
    gone, *kept = sorted(FEW)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in kept}
    bytes_of_it = (tmp_path / gone).read_bytes()
    (tmp_path / gone).unlink()
    assert write_real_sounds(tmp_path, "train") == 1
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in kept} == before
    assert (tmp_path / gone).read_bytes() == bytes_of_it
    assert "8/8" in capsys.readouterr().err, "a bar"


@needs(TIMGM6MB)
@pytest.mark.usefixtures("few")
def test_another_font_of_the_same_name_is_refused(tmp_path: Path) -> None:
    fonts, out = tmp_path / "fonts", tmp_path / "out"
    fonts.mkdir()
    write_real_sounds(out, "train")
    (fonts / TIMGM6MB.file).write_bytes((FONTS / TIMGM6MB.file).read_bytes() + b"0")
    with pytest.raises(SynthgymError, match=r"a set of real sounds with fonts TimGM6mb.sf2 sha256 .* choose"):
        write_real_sounds(out, "train", fonts)
    (fonts / TIMGM6MB.file).write_bytes(b"no font")
    with pytest.raises(SynthgymError, match="plays nothing for program 13, note 48"):
        write_real_sounds(tmp_path / "other", "train", fonts)
    assert [path.name for path in (tmp_path / "other").iterdir()] == [MANIFEST]


@needs(TIMGM6MB, OPL3)
def test_ctrl_c_leaves_no_half_a_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, _, errors = interrupted("real_sounds.py", "--set", "train", "--out", out, after=SEVERAL)
    assert code == 130
    assert errors.endswith("interrupted\n")
    sounds = {path.name for path in out.iterdir()} - {MANIFEST}
    assert sounds < {*read_manifest(out)}
    assert len(sounds) >= 3
    assert {soundfile.info(out / name).frames for name in sounds} == {RATE}


@needs(FLUIDR3)
def test_the_set_to_judge_by_says_so(script: Script, tmp_path: Path) -> None:
    """All but two of its sounds are there already, as far as their names go."""
    out = tmp_path / "out"
    code, *_ = interrupted("real_sounds.py", "--set", "validation", "--out", out, after=SEVERAL)
    assert code == 130
    manifest = json.loads((out / MANIFEST).read_text())
    assert manifest["use"] == "validation"
    for name in manifest["sounds"]:
        (out / name).touch()
    said = script("real_sounds.py", "--set", "validation", "--out", out).stdout
    assert said == f"{out}: {len(manifest['sounds'])} sounds, 0 of them made now\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "test"], "unknown set 'test'"),
        (["--set", "train", "--fonts", "."], "no TimGM6mb.sf2 in .: apt-get install timgm6mb-soundfont"),
        (["--set", "validation", "--fonts", "."], "apt-get install fluid-soundfont-gm"),
    ],
)
def test_bad_input_is_one_line(script: Script, tmp_path: Path, arguments: list[str], says: str) -> None:
    done = script("real_sounds.py", *arguments, "--out", tmp_path / "out", check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert says in done.stderr or (
        shutil.which("fluidsynth") is None and "apt-get install fluidsynth" in done.stderr
    )
    assert not (tmp_path / "out").exists()


def test_without_fluidsynth(tmp_path: Path) -> None:
    command: list[str | Path] = [
        sys.executable,
        ROOT / "scripts/real_sounds.py",
        "--set",
        "train",
        "--out",
        tmp_path / "out",
    ]
    done = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "error: FluidSynth is not installed: apt-get install fluidsynth\n",
    )


@needs(TIMGM6MB)
@pytest.mark.usefixtures("few")
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.wav").write_bytes(b"mine")
    with pytest.raises(SynthgymError, match="is not empty and no set of real sounds"):
        write_real_sounds(tmp_path, "train")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.wav"]


def test_manifests(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}
    path = tmp_path / MANIFEST
    path.write_text(json.dumps({"sounds": {"a.wav": {"note": 21, "velocity": 1, "hold": 2, "more": None}}}))
    assert read_manifest(tmp_path) == {"a.wav": (21, 1, 2.0)}
    wrong: list[Any] = [{}, [], {"sounds": []}, {"sounds": {"a.wav": {"note": 60}}}]
    wrong += [
        {"sounds": {"a.wav": {"note": note, "velocity": velocity, "hold": hold}}}
        for note, velocity, hold in (
            (128, 100, 1),
            (60.5, 100, 1),
            (60, 0, 1),
            (60, 100, float("nan")),
            ("60", 100, 1),
        )
    ]
    for content in wrong:
        path.write_text(json.dumps(content))
        with pytest.raises(SynthgymError, match="is damaged; make the set again"):
            read_manifest(tmp_path)
    path.write_bytes(b"\xff")
    with pytest.raises(SynthgymError, match="is damaged"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("env", ["FM-v0", "Dexed1Op-v0"])
def test_sounds_are_no_presets_to_make_a_data_set_of(script: Script, tmp_path: Path, env: str) -> None:
    folder = tmp_path / "sounds"
    folder.mkdir()
    (folder / MANIFEST).write_text(json.dumps({"use": "validation", "sounds": {}}))
    shutil.copy(ROOT / "examples/targets/marimba.wav", folder)
    done = script(
        "make_dataset.py", "--env", env, "--patches", folder, "--out", tmp_path / "out", check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "out").exists()
