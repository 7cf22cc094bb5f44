"""From a recording to presets: which note is heard, what is taken of it, what is found and written."""

import argparse
import json
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from conftest import AMSYNTH, ROOT, Script, interrupted, needs, present
from numpy.typing import NDArray

from agents.commands.compare_matches import columns_of, read_comparison, table_row
from agents.commands.noted import pitches
from agents.evaluation.pitch import note_of
from agents.matching.octaves import _opened, make_beside, voices_at_hand, voices_of
from agents.matching.presets import Found, write_banks
from agents.matching.recording import Recording, transposed
from agents.matching.voices import Voices
from agents.trials.answers import APART, Answer, Answers
from synthgym.errors import SoundError, SynthgymError
from synthgym.features import distance
from synthgym.parameters import Native, Unit
from synthgym.recordings import read_mono, read_recording
from synthgym.synths import Audio, make_synth
from synthgym.synths.dx7_algorithms import ALGORITHMS
from synthgym.synths.dx7_parameters import PARAMETERS
from synthgym.synths.dx7_prior import human_like
from synthgym.synths.dx7_voice import read_voices
from synthgym.task import SoundMatchingTask

TARGETS = sorted((ROOT / "examples/targets").glob("*.wav"))
MARIMBA = ROOT / "examples/targets/marimba.wav"
RATE = 44100
INIT = np.array([parameter.default for parameter in PARAMETERS])
PLAIN = ("--agent", "halving")  # no voices are made for it


@pytest.mark.parametrize("note", [36, 48, 60, 72, 84])
def test_the_note_of_a_sound_is_found(note: int) -> None:
    (sound,) = make_synth("dexed", operators=1, note=note).render(INIT[None])
    assert abs(present(note_of(sound, RATE)) - note) <= 1
    recording, rate = read_mono(MARIMBA)
    played_faster = soxr.resample(recording, rate * 2 ** ((note - 60) / 12), rate)
    assert abs(present(note_of(played_faster, rate)) - note) <= 1


def test_noise_and_silence_have_no_note() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert note_of(noise, RATE) is None
    assert note_of(np.zeros(RATE, np.float32), RATE) is None


def tone(seconds: float, note: int = 57, rate: int = RATE) -> NDArray[np.float64]:
    time = np.arange(round(seconds * rate)) / rate
    hz = 440 * 2 ** ((note - 69) / 12)
    partials = (0.2 * np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 5))
    return sum(partials, np.zeros_like(time))


def written(path: Path, sound: NDArray[Any], rate: int = RATE, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, sound, rate, subtype=subtype)
    return path


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("rate", [44100, 192_000])
def test_recordings_of_any_kind_are_one_target(subtype: str, rate: int, tmp_path: Path) -> None:
    usual = Recording.read(written(tmp_path / "a.wav", tone(1), subtype="FLOAT"))
    other = Recording.read(written(tmp_path / "b.wav", tone(1, rate=rate), rate, subtype))
    assert other.env_kwargs({}, None)[0] == usual.env_kwargs({}, None)[0]
    a, b = (recording.target(RATE, RATE) for recording in (usual, other))
    task = SoundMatchingTask("dexed", operators=1)
    rendered = task.extract(np.stack([a, b])).features[0]
    # Eight bits are a noise at -50 dB.
    assert distance(rendered[:1], rendered[1:])[0] < (0.5 if subtype == "PCM_U8" else 0.02)


def test_a_render_is_as_long_as_its_recording(tmp_path: Path) -> None:
    silence = np.zeros(RATE // 2)
    sound = np.concatenate([silence, tone(1.63), silence])
    recording = Recording.read(written(tmp_path / "a.wav", sound))
    keywords, remarks = recording.env_kwargs({}, None)
    assert keywords == {"note": 57, "hold": pytest.approx(1.63, abs=0.02), "duration": 1.7}, "held to its end"
    assert remarks == ["note 57 (A3), by its pitch; --note says another"]
    assert recording.env_kwargs({"duration": 1.0, "hold": 0.5, "note": 50}, None)[0] == {
        "note": 50,
        "hold": 0.5,
        "duration": 1.0,
    }
    assert recording.env_kwargs({}, 61)[0]["note"] == 61


def test_the_release_of_the_key_is_found(tmp_path: Path) -> None:
    time = np.arange(RATE) / RATE
    organ = tone(1) * np.exp(-np.maximum(0, time - 0.4) / 0.05)
    assert Recording.read(written(tmp_path / "organ.wav", organ)).env_kwargs({}, 57)[0] == {
        "note": 57,
        "hold": pytest.approx(0.43, abs=0.02),
        "duration": 0.8,
    }
    # A sound that decays says nothing of its key.
    bell = Recording.read(written(tmp_path / "bell.wav", tone(1) * np.exp(-time / 0.1)))
    assert bell.env_kwargs({}, 57)[0] == {"note": 57, "hold": 0.49, "duration": 0.7}


def test_of_a_long_recording_the_first_seconds_are_taken(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", np.tile(tone(10), 60))
    recording = Recording.read(path)
    keywords, remarks = recording.env_kwargs({}, None)
    assert keywords["duration"] == 4
    assert "lasts 600.0 s: the first 4 s are matched" in remarks[-1]
    aim = recording.target(RATE, 4 * RATE)
    assert aim.shape == (4 * RATE,)
    np.testing.assert_allclose(aim[:RATE], read_recording(path, RATE, 4 * RATE)[:RATE], atol=1e-3)


def test_what_is_wrong_with_a_recording_is_said(tmp_path: Path) -> None:
    clipped = Recording.read(written(tmp_path / "clipped.wav", np.clip(8 * tone(1), -1, 1)))
    assert any(line.startswith("clipped: ") for line in clipped.env_kwargs({}, None)[1])
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    keywords, remarks = Recording.read(written(tmp_path / "noise.wav", noise)).env_kwargs({}, None)
    assert keywords["note"] == 60
    assert remarks[0].startswith("no pitch found: taken as note 60 (C4)")
    cancelled = written(tmp_path / "cancelled.wav", np.stack([tone(1), -tone(1)], axis=1))
    with pytest.raises(SoundError, match=r"cancelled\.wav: its channels cancel each other out"):
        Recording.read(cancelled)


def test_a_click_is_a_recording_too(tmp_path: Path) -> None:
    click = np.zeros(RATE)
    click[100:300] = 0.5
    keywords, _ = Recording.read(written(tmp_path / "click.wav", click)).env_kwargs({}, 60)
    assert keywords == {"note": 60, "hold": 0.35, "duration": 0.5}


def test_a_target_is_looked_up_at_another_note() -> None:
    aim = transposed(tone(2.0, 50).astype(np.float32), RATE, 10, RATE)
    assert aim.shape == (RATE,)
    assert note_of(aim, RATE) == 60


def test_answers_are_the_nearest_that_sound_different() -> None:
    rng = np.random.default_rng(0)
    answers = Answers(3)
    made = []
    for render in range(1, 200):
        # Five families of sounds, whose members hardly differ.
        feature = np.zeros((2, 10), np.float32)
        feature[:, render % 5 : render % 5 + 6] = 1 + 0.01 * rng.random(6)
        made.append(Answer(np.zeros(1, np.float32), float(rng.random()), render, feature))
        answers.add(made[-1])
    best = answers.best
    assert best[0].distance == min(answer.distance for answer in made)
    assert [answer.distance for answer in best] == sorted(answer.distance for answer in best)
    of_family = [min((a for a in made if a.render % 5 == i), key=lambda a: a.distance) for i in range(5)]
    assert best == sorted(of_family, key=lambda a: a.distance)[:3]
    for i, a in enumerate(best):
        for b in best[:i]:
            assert distance(a.feature[None], b.feature[None])[0] >= APART


def voice(algorithm: int, levels: dict[int, int], feedback: int = 0) -> Native:
    names = {parameter.name: column for column, parameter in enumerate(PARAMETERS)}
    row = INIT.copy()
    row[names["ALGORITHM"]], row[names["FEEDBACK"]] = algorithm, feedback
    for operator in range(1, 7):
        row[names[f"OP{operator} OUTPUT LEVEL"]] = levels.get(operator, 0)
        row[names[f"OP{operator} F COARSE"]] = operator
    return row


@pytest.mark.parametrize("number", range(32))
def test_the_engine_joins_operators_as_the_algorithms_say(number: int) -> None:
    synth, algorithm = make_synth("dexed", operators=6, duration=0.1, hold=0.08), ALGORITHMS[number]

    def sound(*operators: int, feedback: int = 0) -> Audio:
        audio: Audio
        (audio,) = synth.render(voice(number, dict.fromkeys(operators, 85), feedback)[None])
        return audio

    for operator in range(1, 7):
        assert (np.abs(sound(operator)).max() > 1e-4) == (operator in algorithm.carriers)
        path = [operator]
        while path[-1] not in algorithm.carriers:
            path.append(next(below for above, below in algorithm.modulates if above == path[-1]))
        alone = sound(*path)
        for other in set(range(1, 7)) - {*path, *algorithm.carriers}:
            more = sound(*path, other) - alone
            joined = any((other, member) in algorithm.modulates for member in path)
            assert (np.abs(more).max() > 1e-3) == joined, (other, path)
        fed = np.abs(sound(*path, feedback=7) - alone).max() > 1e-3
        assert fed == (algorithm.feedback in path)


def test_algorithms_are_drawn_without_overlap() -> None:
    synth = make_synth("dexed", operators=6)
    for number, algorithm in enumerate(ALGORITHMS):
        diagram = present(synth.diagram(voice(number, {1: 99})))
        assert diagram.title == f"Algorithm {number + 1}"
        assert [box.name for box in diagram.boxes] == list("123456")
        for i, a in enumerate(diagram.boxes):
            assert all(a.y != b.y or abs(a.x - b.x) >= 1 for b in diagram.boxes[:i]), (number, a)
            assert 0 <= a.x <= diagram.width - 1
            assert 0 <= a.y <= diagram.height - 1
        assert len(diagram.lines) == len(algorithm.modulates)
    assert make_synth("fm").diagram(np.zeros(6) + 1) is None


def test_human_like_voices_are_nearer_to_recordings_than_random_ones() -> None:
    task = SoundMatchingTask("dexed", operators=6)
    voices = task.space.to_unit(human_like([np.random.default_rng(0)] * 300))
    aims = task.extract(np.stack([read_recording(path, RATE, RATE) for path in TARGETS])).features[0]

    def nearest(unit: Unit) -> float:
        rendered = task.render(unit).features[0]
        far = [distance(rendered, np.repeat(aim[None], len(rendered), axis=0)).min() for aim in aims]
        return float(np.mean(far))

    # Seen: .45 and .68.
    assert nearest(voices) < nearest(task.space.sample(np.random.default_rng(0), 300)) - 0.1
    again = human_like([np.random.default_rng(0)] * 300)
    np.testing.assert_array_equal(task.space.to_unit(again), voices)
    algorithm = human_like([np.random.default_rng(0)] * 50, algorithm=17)[:, -1]
    assert (algorithm == 17).all()


def test_a_voice_is_found_and_its_preset_sounds_like_the_match(script: Script, tmp_path: Path) -> None:
    (known,) = human_like([np.random.default_rng(3)] * 1)
    (sound,) = make_synth("dexed", operators=6, note=50).render(known[None])
    target = written(tmp_path / "known.wav", sound, subtype="FLOAT")
    out = tmp_path / "out"
    script("match.py", target, *PLAIN, "--note", 50, "--budget", 200, "--out", out)
    result = json.loads((out / "match.json").read_text())
    assert result["env_kwargs"]["note"] == 50
    played = tmp_path / "played.wav"
    rendered = script("match.py", "--render", out / "match.syx", "--out", played)  # as match.json says
    assert f"audio: {played}, note 50" in rendered.stdout
    again, match = (soundfile.read(path, dtype="float32")[0] for path in (played, out / "match.wav"))
    np.testing.assert_array_equal(np.float32(result["playback_gain"]) * again, match)
    # Begun with the answer, there is nothing to find but the level, to which targets are brought.
    (out / "start.syx").write_bytes((out / "match.syx").read_bytes())
    same = ("--note", 50, "--budget", 1, "--start", out / "start.syx", "--out", tmp_path / "same")
    script("match.py", target, *PLAIN, *same)
    begun = json.loads((tmp_path / "same/match.json").read_text())
    assert begun["history"] == [result["best_distance"]]


@pytest.mark.slow
def test_many_recordings_are_matched_and_become_a_bank(script: Script, tmp_path: Path) -> None:
    out = tmp_path / "out"
    names = ["marimba", "synth_bass"]
    recordings = [ROOT / f"examples/targets/{name}.wav" for name in names]
    printed = script("match.py", *recordings, *PLAIN, "--budget", 300, "--top", 2, "--out", out).stdout
    assert f"bank:   {out / 'bank.syx'}" in printed
    bank = read_voices(out / "bank.syx")
    assert len(bank) == 32
    assert [voice.name for voice in bank[:3]] == ["marimba", "synth_bass", "INIT VOICE"]
    for name, voice in zip(names, bank, strict=False):
        folder = out / f"{name}-Dexed6Op-v0"
        (single,) = read_voices(folder / "match.syx")
        np.testing.assert_array_equal(voice.native, single.native)
        result = json.loads((folder / "match.json").read_text())
        first, second = result["answers"]
        assert first["distance"] == result["best_distance"] < second["distance"]
        assert {path.name for path in folder.iterdir()} == {
            *(
                "target.wav",
                "match.wav",
                "match.syx",
                "match-2.wav",
                "match-2.syx",
                "match.json",
                "match.html",
            )
        }
        task = SoundMatchingTask("dexed", operators=6, **result["env_kwargs"])
        sounds = [soundfile.read(folder / f"{n}.wav", dtype="float32")[0] for n in ("match", "match-2")]
        both: Audio = np.stack(sounds)
        rendered = task.extract(both / np.float32(result["playback_gain"])).features[0]
        assert distance(rendered[:1], rendered[1:])[0] >= APART - 1e-3
    played = tmp_path / "bank.wav"
    script(
        "match.py", "--render", out / "bank.syx", "--env-kwargs", "duration=0.1", "hold=0.1", "--out", played
    )
    assert len(list(tmp_path.glob("bank-*.wav"))) == 32


def test_banks_are_numbered_from_the_first(tmp_path: Path) -> None:
    synth = make_synth("dexed", operators=6)
    found = [Found(f"voice {n}", voice(n % 32, {1: 99})) for n in range(40)]
    assert write_banks(tmp_path, synth, found[:32], 32) == [tmp_path / "bank.syx"]
    banks = [tmp_path / "bank-1.syx", tmp_path / "bank-2.syx"]
    assert write_banks(tmp_path, synth, found[:20], 40) == banks[:1]
    assert write_banks(tmp_path, synth, found, 40) == banks
    voices = [voice for bank in banks for voice in read_voices(bank)]
    assert [one.name for one in voices[:41]] == [f"voice {n}" for n in range(40)] + ["INIT VOICE"]
    np.testing.assert_array_equal([one.native for one in voices[:40]], [one.native for one in found])
    assert write_banks(tmp_path, make_synth("fm"), found, 40) == []


def test_time_ends_a_match(script: Script, tmp_path: Path) -> None:
    script("match.py", MARIMBA, "--env", "FM-v0", "--seconds", 1, "--out", tmp_path)
    result = json.loads((tmp_path / "match.json").read_text())
    assert result["seconds"] == 1
    assert len(result["history"]) > 10


def test_ctrl_c_ends_many_matches_with_what_is_there(tmp_path: Path) -> None:
    arguments = (*TARGETS[:3], *PLAIN, "--seconds", 100, "--out", tmp_path)
    code, _, errors = interrupted("match.py", *arguments, after="best distance")
    assert code == 130
    assert errors.endswith("interrupted\n")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert (folder / "match.html").exists()
    assert read_voices(tmp_path / "bank.syx")[0].name == TARGETS[0].stem[:10]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name a recording to match"),
        ([MARIMBA, "--note", 200], "note must be a whole number from 0 to 127"),
        ([MARIMBA, "--env-kwargs", "duration=long"], "duration must be a number from 0.01 to 60"),
        ([MARIMBA, "--seconds", 0], "seconds must be a number from 0.1"),
        ([MARIMBA, "--top", 0], "top must be a whole number from 1"),
        ([MARIMBA, "--env", "./nope.vst3"], "no such plugin: ./nope.vst3"),
        ([MARIMBA, "--env", MARIMBA], "plugin"),
        ([MARIMBA, "--start", MARIMBA], "presets of this synth are .syx or .dx7 or .mid"),
        ([MARIMBA, "--start", "fm.json"], "fm.json is no preset of this synth"),
        ([MARIMBA, "--start", "six.syx", "--env", "Dexed1Op-v0"], "which is held at"),
        (["--render", "six.syx", "--out", "x.mp3"], "a preset is rendered to a .wav"),
        (["--render", "six.syx"], "--render PRESET takes --out x.wav"),
        (["--render", "nope.syx", "--out", "x.wav"], "cannot read nope.syx"),
        (["--render", "six.syx", "--out", "/proc/x.wav"], "cannot write /proc/x.wav"),
    ],
)
def test_bad_input_ends_in_one_line(
    arguments: list[object], says: str, script: Script, tmp_path: Path
) -> None:
    fm = make_synth("fm")
    fm.save_preset(fm.space.row({}), tmp_path / "fm.json")
    make_synth("dexed", operators=6).save_preset(voice(5, {1: 99, 3: 80}), tmp_path / "six.syx")
    before = sorted(tmp_path.iterdir())
    result = script("match.py", *arguments, *PLAIN, "--budget", 5, check=False)
    assert result.returncode == 2
    assert says in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert sorted(tmp_path.iterdir()) == before


@needs.amsynth
def test_a_plugin_is_matched_by_its_path(script: Script, tmp_path: Path) -> None:
    out = tmp_path / "out"
    script("match.py", MARIMBA, "--env", AMSYNTH, "--budget", 20, "--out", out)
    assert (out / "match.fxp").exists()
    assert json.loads((out / "match.json").read_text())["env"] == "Plugin-v0"


@pytest.mark.slow
def test_by_default_a_match_begins_with_voices_of_its_cache(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    distances = []
    for out, arguments in (("first", []), ("again", []), ("plain", PLAIN)):
        script("match.py", MARIMBA, *arguments, "--budget", 1000, "--out", tmp_path / out)
        distances.append(json.loads((tmp_path / out / "match.json").read_text()))
    first, again, plain = distances
    assert first["history"] == again["history"]
    assert first["offline_renders"] >= 10_000
    # Seen: .35 and .59; in 1,000 renders a search makes up for where it began.
    assert min(first["history"][:100]) < min(plain["history"][:100]) - 0.05


@pytest.mark.slow
def test_matches_are_compared_at_equal_renders(script: Script, tmp_path: Path) -> None:
    arguments = (MARIMBA, "--env", "FM-v0", "--seconds", 1, "--others", "random", "--out", "out")
    first = script("compare_matches.py", *arguments).stdout
    kept = json.loads((tmp_path / "out/marimba/others.json").read_text())
    assert (
        f"| marimba.wav | 60 | {kept['renders']:,} | {kept['agents']['match.py']['distance']:.3f} |" in first
    )
    asked = ("env", "agent", "seconds", "others")
    match = json.loads((tmp_path / "out/marimba/match.json").read_text())
    assert len(match["history"]) == kept["renders"]
    assert match["best_distance"] == kept["agents"]["match.py"]["distance"] <= 1
    assert script("compare_matches.py", *arguments).stdout == first, "what is there is taken"
    for changed, says in (
        (("--seconds", 2), "is a comparison with seconds 1.0, not 2.0; choose another --out"),
        (("--budget", 30), "is a comparison with seconds 1.0, not None; choose another --out"),
        (("--seed", 1), "is a comparison with seed 0, not 1; choose another --out"),
        (("--others", "silence", "--out", "silent"), "found no sound"),
        (("--others", "cma-es"), "did you mean 'cma_es'"),
        (("--others", "random,mlp"), "unknown agent that needs no model and no data set 'mlp'"),
        (("--others", "random,nearest"), "unknown agent that needs no model and no data set 'nearest'"),
        (("--others", "misled"), "is called 'shuffled_target' now"),
        (("--agent", "random"), "is a comparison with agent 'halving', not 'random'; choose another --out"),
        (("--agent", "mlp"), "unknown agent that needs no model and no data set 'mlp'"),
        (("--out", "/proc/out"), "cannot write to /proc/out"),
    ):
        result = script("compare_matches.py", *arguments, *changed, check=False)
        assert result.returncode == 2
        assert says in result.stderr
    budget = (*arguments, "--budget", 30, "--seed", 2, "--out", "budget")
    assert "| marimba.wav | 60 | 30 |" in script("compare_matches.py", *budget).stdout
    alone = script("compare_matches.py", *budget, "--others", "none", "--out", "alone").stdout
    assert "| marimba.wav | 60 | 30 |" in alone
    assert "random" not in alone
    for damaged in ("{", "[]", json.dumps({**kept, "agents": {"match.py": {}}})):
        (tmp_path / "out/marimba/others.json").write_text(damaged)
        with pytest.raises(SynthgymError, match=r"others\.json is damaged; remove it"):
            read_comparison(tmp_path / "out/marimba/others.json", {name: kept[name] for name in asked})


def test_a_measure_that_a_match_has_none_of_is_left_open() -> None:
    row = {"target": "a.wav", "note": 60, "renders": 1000}
    measured = {"distance": 0.5, "pitch": None, "log_spectral": float("nan"), "mss": 3.14, "in_tune": 0.9}
    row["agents"] = {"random": measured}
    assert table_row(row, columns_of(row)) == "| a.wav | 60 | 1,000 | 0.500 | - | - | 3.1 | 0.900 |"


def test_the_making_of_voices_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("agents.matching.voices.SIZE", 30)
    with caplog.at_level("INFO"):
        made = [Voices("Dexed6Op-v0", RATE, 60) for _ in range(2)]
    assert made[0].renders == made[1].renders >= 30
    (message,) = (record.getMessage() for record in caplog.records if "voices" in record.name)
    assert message.startswith(f"making 30 voices at note 60 to begin matches with, once, in {tmp_path}")


def test_voices_are_those_of_the_nearest_octave_or_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("agents.matching.voices.SIZE", 30)
    asked = []
    monkeypatch.setattr("agents.matching.octaves._make_beside", lambda *what: asked.append(what))
    _opened.cache_clear()
    assert voices_at_hand("Dexed1Op-v0", RATE, 60) is None
    assert voices_of("Dexed1Op-v0", RATE, 86).note == 84
    assert present(voices_at_hand("Dexed1Op-v0", RATE, 43)).note == 84
    assert asked == [("Dexed1Op-v0", RATE, 60), ("Dexed1Op-v0", RATE, 48)]
    assert voices_of("Dexed1Op-v0", RATE, 43).note == 48
    assert present(voices_at_hand("Dexed1Op-v0", RATE, 50)).note == 48
    assert present(voices_at_hand("Dexed1Op-v0", RATE, 110)).note == 84
    assert asked[2:] == [("Dexed1Op-v0", RATE, 96)]


@pytest.mark.slow
def test_voices_are_made_by_a_process_beside_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("agents.matching.voices.SIZE", 30)
    begun: dict[tuple[str, int, int], BaseProcess] = {}
    monkeypatch.setattr("agents.matching.octaves._begun", begun)
    _opened.cache_clear()
    first = voices_of("FM-v0", RATE, 60)
    assert voices_at_hand("FM-v0", RATE, 36) is first
    (process,) = begun.values()
    assert voices_at_hand("FM-v0", RATE, 37) is first
    assert [*begun.values()] == [process]
    assert make_beside("FM-v0", RATE, 36, lambda: False)
    assert [*begun.values()] == [process]
    assert present(voices_at_hand("FM-v0", RATE, 36)).note == 36
    assert not make_beside("FM-v0", RATE, 48, lambda: True), "it was stopped"
    assert not begun["FM-v0", RATE, 48].is_alive()


def test_what_fails_beside_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "synthgym").touch()  # where a folder is wanted
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    begun: dict[tuple[str, int, int], BaseProcess] = {}
    monkeypatch.setattr("agents.matching.octaves._begun", begun)
    assert not make_beside("Dexed1Op-v0", RATE, 60, lambda: False)
    assert voices_at_hand("Dexed1Op-v0", RATE, 61) is None
    assert [process.exitcode for process in begun.values()] == [1]
    said = capfd.readouterr().err
    assert said.count("the voices that a search begins with are not made: cannot write to ") == 1, said
    assert "Traceback" not in said


def test_notes_are_numbers_or_names() -> None:
    assert pitches("60,C4,c#2,Bb-1,G9") == [60, 60, 37, 10, 127]
    for text in ("C", "H4", "C4.5", "", "C44", "60.5"):
        with pytest.raises(argparse.ArgumentTypeError, match="a MIDI note or its name"):
            pitches(text)
