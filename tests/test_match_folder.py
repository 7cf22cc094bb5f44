"""A match overwrites and removes only what a match wrote, and its best answer is a sound."""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import ROOT

from agents.baselines.random import Random
from agents.catalogue import prepare
from agents.matching.folder import MATCH, check_banks, files_of, folders_of
from agents.matching.search import Search
from agents.matching.writing import write
from agents.trials.trial import Trial
from synthgym.errors import SynthgymError
from synthgym.recordings import read_recording
from synthgym.synths import make_synth
from synthgym.task import SoundMatchingTask

MARIMBA = ROOT / "examples/targets/marimba.wav"
FM = ("--env", "FM-v0", "--agent", "random", "--budget", 30)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *args: object) -> Any:
        monkeypatch.setattr(sys, "argv", [name, *map(str, args)])
        return import_module(f"agents.commands.{name}").main()

    return run


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def match_of(folder: Path, **changed: Any) -> dict[str, Any]:
    """Write what another match may have left, and return its JSON."""
    folder.mkdir(exist_ok=True)
    answers = [{"preset": "match.json", "distance": 0.1, "render": 1}]
    match = {"answers": answers, "files": ["match.json", "target.wav"], **changed}
    (folder / "match.json").write_text(json.dumps(match))
    return match


def test_a_file_of_the_user_is_kept_and_further_answers_of_the_match_before_are_not(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    session = tmp_path / "match-2019-session.wav"
    session.write_bytes(b"mine")
    command("match", MARIMBA, *FM, "--top", 3, "--out", ".")
    first = json.loads((tmp_path / "match.json").read_text())
    assert len(first["answers"]) == 3
    assert set(first["files"]) == {path.name for path in tmp_path.iterdir()} - {session.name}
    # Once more over what was cut short, by the list that matches had before they had one of their files.
    (tmp_path / "match.wav").unlink()
    del first["files"]
    (tmp_path / "match.json").write_text(json.dumps(first))
    command("match", MARIMBA, *FM, "--out", ".")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"match.json", "match.html", "match.wav", "target.wav", session.name}
    assert session.read_bytes() == b"mine"


def test_a_match_that_names_files_elsewhere_removes_none_of_them(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept"
    kept.mkdir()
    for name in ("match-2.wav", "match-3.json"):
        (kept / name).write_bytes(b"mine")
        (tmp_path / name).write_bytes(b"mine")
    out.mkdir()
    (out / "notes.wav").write_bytes(b"mine")
    (out / "match-2.wav").write_bytes(b"of the match")
    own = ["match.json", "match.html", "target.wav", "match.wav", "match-2.wav"]
    others = ["../match-2.wav", f"{kept}/match-2.wav", "../kept/match-3.json", "notes.wav", "..", "", 3, None]
    match_of(out, files=[*own, *others])
    before = contents(kept)
    command("match", MARIMBA, *FM, "--out", out)
    assert contents(kept) == before
    assert (tmp_path / "match-2.wav").read_bytes() == b"mine"
    assert (out / "notes.wav").read_bytes() == b"mine"
    assert not (out / "match-2.wav").exists()


@pytest.mark.parametrize("name", ["target.wav", "match.wav", "match-2.wav"])
@pytest.mark.parametrize("own", [False, True])
def test_a_recording_is_never_overwritten_by_its_match(
    name: str, own: bool, command: Callable[..., Any], tmp_path: Path
) -> None:
    recording = tmp_path / name
    recording.write_bytes(MARIMBA.read_bytes())
    if own:  # it came of a match
        match_of(tmp_path, files=files_of(2, ".json"))
    before = contents(tmp_path)
    for target, out in (name, "."), (recording, f"../{tmp_path.name}"):
        with pytest.raises(SynthgymError, match=f"{name} would be overwritten by the match"):
            command("match", target, *FM, "--top", 2, "--out", out)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["target.wav", "match.html", "match-2.json", "match.json"])
def test_what_no_match_wrote_is_not_overwritten(
    name: str, command: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(SynthgymError, match=f"{name} is there already, of no match; choose another --out"):
        command("match", MARIMBA, *FM, "--top", 2, "--out", ".")
    assert contents(tmp_path) == {(tmp_path / name).relative_to(tmp_path): b"mine"}


def test_the_match_of_another_recording_is_not_overwritten(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    command("match", MARIMBA, *FM, "--out", "mine")
    before = contents(tmp_path)
    with pytest.raises(SynthgymError, match=r"mine holds the match of marimba\.wav; choose another --out"):
        command("match", MARIMBA.with_name("synth_bass.wav"), *FM, "--out", "mine")
    assert contents(tmp_path) == before
    command("match", MARIMBA, *FM, "--seed", 1, "--out", "mine")
    assert contents(tmp_path) != before
    page = (tmp_path / "mine/match.html").read_text(encoding="utf-8")
    assert "Played as C4, velocity 100 (MIDI 60), held" in page
    assert "note 60 (C4), by its pitch; --note says another" in page


def test_a_bank_is_overwritten_only_if_a_match_wrote_it(tmp_path: Path) -> None:
    banks = [tmp_path / "bank-1.syx", tmp_path / "bank-2.syx"]
    check_banks(banks)
    banks[1].write_bytes(b"mine")
    (tmp_path / "other").mkdir()
    with pytest.raises(SynthgymError, match=r"bank-2\.syx is there already, of no match"):
        check_banks(banks)
    match_of(tmp_path / "marimba-Dexed6Op-v0")
    with pytest.raises(SynthgymError, match=r"bank-2\.syx is there already, of no match"):
        check_banks(banks)
    match_of(tmp_path / "marimba-Dexed6Op-v0", banks=["bank-1.syx", "bank-2.syx"])
    check_banks(banks)


def test_a_bank_of_the_user_is_refused_before_the_search(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "bank.syx").write_bytes(b"mine")
    with pytest.raises(SynthgymError, match=r"bank\.syx is there already"):
        command("match", MARIMBA, MARIMBA, "--agent", "random", "--budget", 5, "--out", ".")
    assert contents(tmp_path) == {(tmp_path / "bank.syx").relative_to(tmp_path): b"mine"}


NOTE = """import("stdfaust.lib");
note = os.osc(hslider("freq", 440, 20, 20000, 1)) * button("gate");
loud = hslider("loud", 0, 0, 1, 0.01);
process = note * """
MUTE, BROKEN = f"{NOTE} loud;", f"{NOTE} sqrt(loud - 0.5);"


@pytest.mark.parametrize("program", [MUTE, BROKEN], ids=["silent", "failed"])
@pytest.mark.parametrize("name", ["match", "watch"])
@pytest.mark.filterwarnings("ignore:the synth rendered audio that is not finite")
def test_a_match_that_is_silent_or_failed_is_no_match(
    name: str, program: str, command: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "x.dsp").write_text(program)
    target = [MARIMBA] if name == "match" else ["--target", MARIMBA]
    arguments = (*target, "--env", "x.dsp", "--agent", "default", "--budget", 3)
    with pytest.raises(SynthgymError, match="default found no sound; choose another --agent"):
        command(name, *arguments, "--out", "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["x.dsp"]


def test_a_match_is_written_even_if_its_sound_fails_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = SoundMatchingTask("fm")
    target = read_recording(MARIMBA, task.synth.sample_rate, task.synth.samples)
    trial = Search(budget=5).run(task, target, prepare("random", task))
    nan = np.full((1, task.synth.samples), np.nan, np.float32)
    monkeypatch.setattr(task.synth, "render", lambda native, notes: np.repeat(nan, len(native), axis=0))
    with pytest.warns(UserWarning, match="not finite; taken for silence"):
        result = write(tmp_path, task, target, trial, trial.answers.best, {}, "a title")
    kept = json.loads((tmp_path / "match.json").read_text(), parse_constant=pytest.fail)
    assert kept == json.loads(json.dumps(result))
    assert kept["best_distance"] == min(trial.distances) < 1
    sound, _ = soundfile.read(tmp_path / "match.wav")
    assert not sound.any()
    task.close()


def test_names_that_are_no_utf_8_are_matched_and_written(tmp_path: Path) -> None:
    task = SoundMatchingTask("fm")
    target = make_synth("fm").render(task.space.row({})[None])[0]
    search = Search(budget=5)
    trial = search.run(task, target, prepare("random", task))
    name = "fl\udcf6te.wav"
    about = {**search.about(tmp_path / name, "FM-v0", {}), "remarks": [f"{name}: note 60 (C4)"]}
    write(tmp_path, task, target, trial, trial.answers.best, about, f"{name} by FM-v0")
    assert json.loads((tmp_path / "match.json").read_text(encoding="utf-8"))["target"].endswith(name)
    assert "fl\N{REPLACEMENT CHARACTER}te.wav by FM-v0" in (tmp_path / "match.html").read_text(
        encoding="utf-8"
    )
    task.close()


def test_a_match_can_be_played_while_it_is_sought_but_none_is_lost(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that fails leaves its nearest answer, or the match that was there."""

    class Fails(Random):
        def search(self, trial: Trial) -> None:
            trial(trial.starts(3))
            raise SynthgymError("it fails")

    arguments = (MARIMBA, *FM, "--top", 2, "--out")
    command("match", *arguments, "whole")
    before = {path.name: path.read_bytes() for path in Path("whole").iterdir()}
    monkeypatch.setattr("agents.matching.search.Search.prepare", lambda search, task: Fails())
    for out in ("whole", "new"):
        with pytest.raises(SynthgymError, match="it fails"):
            command("match", *arguments, out)
    assert {path.name: path.read_bytes() for path in Path("whole").iterdir()} == before
    assert {"match.json", "match.wav", "target.wav"} == {path.name for path in Path("new").iterdir()}
    assert json.loads(Path("new/match.json").read_text())["banks"] == []


def test_a_match_that_was_made_before_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a-FM-v0", "a-FM-v0-2"):
        (tmp_path / "matches" / name).mkdir(parents=True)
        (tmp_path / "matches" / name / MATCH).touch()
    a, b = Path("x/a.wav"), Path("b.wav")
    names = [folder.name for folder in folders_of(None, "FM-v0", [a, b, Path("y/a.wav")])]
    assert names == ["a-FM-v0-3", "b-FM-v0", "a-FM-v0-4"]
    assert folders_of(Path("out"), "FM-v0", [a]) == [Path("out")]
    asked = folders_of(tmp_path / "matches", "FM-v0", [a, Path("y/a.wav")])
    assert [folder.name for folder in asked] == ["a-FM-v0", "a-FM-v0-2"], (
        "a folder that was asked for is used again"
    )


def test_what_is_printed_is_short_and_a_log_of_all_has_the_parameters(
    command: Callable[..., Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for package in ("agents", "synthgym"):
        caplog.set_level("DEBUG", package)  # is as it was afterwards
    assert command("match", MARIMBA, *FM, "--out", "out", "--log-level", "debug") == 0
    begins = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert begins == ["distance", "pitch", "page", "audio", "preset", "all"]
    assert "modulation index: " in caplog.text
    rendered = ("--render", "out/match.json", "--env-kwargs", "velocity=90", "--out", "x.wav")
    assert command("match", *rendered) == 0
    hold = json.loads((tmp_path / "out/match.json").read_text())["env_kwargs"]["hold"]
    assert capsys.readouterr().out == f"audio: x.wav, note 60, velocity 90, hold {hold}\n"
