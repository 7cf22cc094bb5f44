"""Targets of several notes: one voice for all, the mean of their distances, and each note a render."""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import soundfile
from conftest import Script, present, synth_env

from agents.baselines.random import Random
from agents.matching.recording import Recording
from agents.matching.together import Together, outliers
from agents.rl.vec_env import SynthVecEnv
from agents.training.run_config import RunConfig
from agents.trials.agent import run
from agents.trials.pool import Pool
from agents.trials.trial import Trial, middle_of
from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.making import make_task
from synthgym.patches import PatchStream
from synthgym.task import SoundMatchingTask

RANGES: dict[str, Any] = {"note": (36, 84), "velocity": (30, 127)}
SEVERAL: dict[str, Any] = {**RANGES, "notes_per_target": 3}
NOTES = np.array([[40, 100, 0.7], [60, 50, 0.7], [80, 127, 0.7]])
RATE = 44100


def task_of(**keywords: Any) -> SoundMatchingTask:
    return make_task("FM-v0", keywords)


def test_a_sound_at_several_notes_is_as_far_as_the_mean_of_its_notes() -> None:
    unit = np.array([[0.4] * 6, [0.6] * 6], np.float32)
    together = task_of(**SEVERAL).render(unit, NOTES, audio=True)
    one_by_one = [task_of(**RANGES).render(unit, note, audio=True) for note in NOTES]
    for i, alone in enumerate(one_by_one):
        np.testing.assert_array_equal(together.features[0][:, i], alone.features[0])
        np.testing.assert_array_equal(present(together.audio)[:, i], alone.audio)
    far = distance(together.features[0][:1], together.features[0][1:])
    apart = [distance(alone.features[0][:1], alone.features[0][1:])[0] for alone in one_by_one]
    assert far.shape == (1,)
    assert far[0] == pytest.approx(np.mean(apart), abs=1e-6)
    assert len(set(apart)) == len(apart)


def test_random_patches_are_audible_at_each_of_different_notes() -> None:
    task = task_of(note=(48, 49), velocity=(100, 101), notes_per_target=4)
    patches = task.make_patches(PatchStream("train", 3).ids(range(3)), audio=True)
    assert np.abs(present(patches.rendered.audio)).max(axis=2).min() > 0.006
    assert (patches.renders % 4 == 0).all()
    assert all(len({tuple(note) for note in notes.tolist()}) == 4 for notes in patches.notes)
    again = task.make_patches(PatchStream("train", 3).ids([1]))
    np.testing.assert_array_equal(again.notes[0], patches.notes[1])
    np.testing.assert_array_equal(again.unit[0], patches.unit[1])


@pytest.mark.parametrize("env_id", ["FM-v0", "FMGoal-v0"])
def test_environments_of_several_notes(env_id: str) -> None:
    env, single = gym.make(env_id, **SEVERAL), gym.make(env_id, **RANGES)
    envs = gym.make_vec(env_id, 2, **SEVERAL)
    observation, info = env.reset(seed=5)
    many, infos = envs.reset(seed=5)
    action = np.full(6, 0.3, np.float32)
    for _ in range(2):
        assert env.observation_space.contains(observation)
        # The native vector environment says what the environment does.
        assert all(infos[name][0] == value for name, value in info.items())
        mine, theirs = (each if isinstance(each, dict) else {"": each} for each in (observation, many))
        for name, values in mine.items():
            np.testing.assert_array_equal(theirs[name][0], values)
        observation, reward, _, _, info = env.step(action)
        many, rewards, *_, infos = envs.step(np.stack([action, action]))
        assert rewards[0] == reward
    assert [info[f"note_{i}"] for i in (1, 2, 3)] == synth_env(env).episodes.notes[0, :, 0].tolist()
    assert info["renders"] % 3 == 0
    one = gym.spaces.flatdim(single.observation_space) - 6
    assert gym.spaces.flatdim(env.observation_space) == 6 + 3 * one
    if env_id == "FMGoal-v0":
        goals = observation["achieved_goal"], observation["desired_goal"]
        assert reward == synth_env(env).compute_reward(*goals, {})  # type: ignore[attr-defined]
    else:
        unwrapped = synth_env(env)
        far = distance(unwrapped.features, unwrapped.target_features)
        assert reward == pytest.approx(-far.mean(), abs=1e-6)
        assert unwrapped.audio.shape == (3, RATE)


def test_the_environment_of_stable_baselines3_has_several_notes() -> None:
    envs = SynthVecEnv("FM-v0", 2, **SEVERAL)
    assert envs.reset().shape == (2, *present(envs.observation_space.shape))
    *_, infos = envs.step(np.zeros((2, 6), np.float32))
    assert {"note_1", "velocity_2", "hold_3"} <= set(infos[1])
    envs.close()


def test_a_target_of_several_notes_is_given() -> None:
    env = gym.make("FM-v0", **SEVERAL)
    env.reset(seed=0)
    sounds, played = synth_env(env).target_audio, {"note": [40, 60, 80], "velocity": [100, 50, 127]}
    _, info = env.reset(options={"target_audio": sounds, **played})
    assert [info[f"velocity_{i}"] for i in (1, 2, 3)] == played["velocity"]
    np.testing.assert_array_equal(synth_env(env).target_audio, sounds)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"note": 60}, "note is a list of 3"),
        (
            {"target_audio": sounds, "note": [40, 60, 80]},
            "say those of the target_audio, as options={'velocity'",
        ),
        ({"target_audio": sounds[0], **played}, "target_audio is a list of 3"),
        ({"note": [40, 60, 100]}, "plays note 36 to 84; got note=100"),
    ]
    for options, says in refused:
        with pytest.raises(SynthgymError, match=says.replace("[", r"\[")):
            env.reset(options=options)


def mlp_on_several() -> None:
    from agents.supervised.training import check

    check(RunConfig("FM-v0", "mlp", 10, 1, 0, SEVERAL))


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (lambda: task_of(notes_per_target=3), "needs as many different notes, and there are 1; give ranges"),
        (lambda: task_of(**{**SEVERAL, "notes_per_target": 17}), "notes_per_target"),
        (mlp_on_several, "training mlp is of one note a target; leave notes_per_target out"),
    ],
)
def test_what_cannot_have_several_notes_says_so(use: Callable[[], Any], says: str) -> None:
    with pytest.raises(SynthgymError, match=says) as error:
        use()
    assert "\n" not in str(error.value)


def test_each_note_counts_as_a_render() -> None:
    task, rng = task_of(**SEVERAL), np.random.default_rng(0)
    target = task.render(np.full((1, 6), 0.5, np.float32), NOTES)
    before = task.meter.renders
    pool = Pool(np.random.default_rng(1).random((10, 6), np.float32), np.ones(10, np.int64))
    trial = run(Random(), Trial(task, target, 11, pool, rng, NOTES))
    assert (len(trial.distances), trial.renders, trial.spent, trial.left) == (3, 9, 1, 0)
    assert task.meter.renders - before == 9
    assert present(trial.best).render in (3, 6, 9)
    with pytest.raises(SynthgymError, match="budget"):
        Trial(task, target, 2, pool, rng, NOTES)


def test_what_sounds_alike_at_one_note_need_not_at_several() -> None:
    """Velocity sensitivity and key scaling, of which one note hears hardly anything, are heard."""
    keywords = {"velocity": (20, 100), "note": (36, 84), "notes_per_target": 3, "engine": "dexed-py"}
    task = make_task("Dexed1Op-v0", keywords)
    loud = {"OP1 OUTPUT LEVEL": 90.0, "OP1 EG RATE 2": 40.0, "OP1 EG LEVEL 2": 60.0}
    for name, value in (("OP1 KEY VELOCITY", 7.0), ("OP1 RATE SCALING", 7.0), ("OP1 R SCALE DEPTH", 60.0)):
        rows = np.stack([task.space.row(loud), task.space.row({**loud, name: value})])
        far = distance(
            *np.split(task.render_native(rows, [[60, 100, 0.7], [36, 20, 0.7], [84, 20, 0.7]]).features[0], 2)
        )
        assert far[0] > 0.01, name


def tone(path: Path, note: int, level: float) -> Path:
    time = np.arange(RATE) / RATE
    hz = 440 * 2 ** ((note - 69) / 12)
    wave = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 6))
    soundfile.write(path, level * wave * np.exp(-2 * time), RATE, subtype="FLOAT")
    return path


def read(*paths: Path) -> list[Recording]:
    return [*map(Recording.read, paths)]


def test_notes_velocities_and_levels_of_recordings_are_heard(tmp_path: Path) -> None:
    paths = [
        tone(tmp_path / f"{i}.wav", note, level)
        for i, (note, level) in enumerate([(48, 0.2), (72, 0.1), (48, 0.05)])
    ]
    together = Together(read(*paths))
    keywords, remarks = together.env_kwargs({}, None)
    assert (keywords["note"], keywords["velocity"]) == ([48, 72], [50, 100])
    assert keywords["notes_per_target"] == 3
    notes = together.played(keywords)
    assert notes[:, :2].tolist() == [[48, 100], [72, 100], [48, 50]]
    assert any("2.wav: velocity 50, by its level" in remark for remark in remarks)
    peaks = np.abs(together.target(RATE, round(keywords["duration"] * RATE))).max(axis=1)
    np.testing.assert_allclose(peaks, 10 ** (-18 / 20) * np.array([1, 0.5, 0.25]), rtol=0.05)
    given = Together(read(*paths), [48, 72, 49], [90, 90, 90]).env_kwargs({}, None)
    assert (given[0]["note"], given[0]["velocity"]) == ([48, 72], 90)
    assert middle_of(notes) == 0, "as near to middle C as the second, which comes later"


def test_recordings_that_cannot_be_one_instrument_are_refused(tmp_path: Path) -> None:
    low, again = tone(tmp_path / "low.wav", 48, 0.1), tone(tmp_path / "again.wav", 48, 0.1)
    noise = tmp_path / "noise.wav"
    soundfile.write(noise, np.random.default_rng(0).normal(0, 0.1, RATE), RATE)
    one, twice, hiss = read(low, again, noise)
    cases: list[tuple[Callable[[], Any], str]] = [
        (lambda: Together([one]), "takes 2 to 16 recordings of an instrument, and there are 1"),
        (lambda: Together([one] * 17), "and there are 17"),
        (lambda: Together([one, twice], [48]), "--note says 1 for 2 recordings"),
        (lambda: Together([one, twice]).env_kwargs({}, None), "are both of note 48 at velocity 100"),
        (lambda: Together([one, hiss]).env_kwargs({}, None), "noise.wav: no pitch found; leave it out"),
        (lambda: Together([one, twice], [48, 200]).env_kwargs({}, None), "note must be a whole number"),
        (
            lambda: Together([one, twice]).env_kwargs({"velocity": 9}, None),
            "velocity is each recording's own",
        ),
    ]
    for use, says in cases:
        with pytest.raises(SynthgymError, match=says) as error:
            use()
        assert "\n" not in str(error.value)


def test_no_key_is_held_through_the_silence_behind_a_short_recording(tmp_path: Path) -> None:
    times = np.arange(4 * RATE) / RATE
    for name, hz, seconds in (("long", 220, 4.0), ("short", 440, 1.0)):
        plucked = 0.2 * np.sin(2 * np.pi * hz * times) * np.exp(-3 * times / seconds)
        soundfile.write(tmp_path / f"{name}.wav", plucked[: int(seconds * RATE)], RATE)
    both = Together(read(tmp_path / "long.wav", tmp_path / "short.wav"))
    alone = Recording.read(tmp_path / "short.wav").env_kwargs({"duration": 4.0}, None)[0]
    assert alone["hold"] == pytest.approx(0.7, abs=0.05)
    held = both.played(both.env_kwargs({}, None)[0])[:, 2]
    np.testing.assert_allclose(held, [2.8, 0.7], atol=0.05)


def test_a_recording_far_softer_than_the_others_is_remarked(tmp_path: Path) -> None:
    paths = [tone(tmp_path / "loud.wav", 48, 0.2), tone(tmp_path / "soft.wav", 60, 0.0002)]
    remarks = Together(read(*paths)).env_kwargs({}, None)[1]
    assert any("soft.wav: 60 dB softer than the loudest" in remark for remark in remarks)


def test_a_recording_that_is_far_from_the_others_is_named() -> None:
    found = [{"recording": name, "distance": far} for name, far in (("a", 0.2), ("b", 0.25), ("c", 0.6))]
    (line,) = outliers(found)
    assert line.startswith("c is at 0.600 and the others at 0.225")
    assert outliers(found[:2]) == []


@pytest.fixture
def match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run match.py in this process."""

    def call(*args: object) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["match", *map(str, args)])
        import_module("agents.commands.match").main()
        result: dict[str, Any] = json.loads((tmp_path / "out" / "match.json").read_text())
        return result

    return call


def test_one_voice_is_found_for_several_recordings(match: Callable[..., Any], tmp_path: Path) -> None:
    """Of a known voice, from which the search starts, the files and the page tell all notes."""
    ranges = {"note": (48, 72), "velocity": (40, 100)}
    notes = np.array([[48, 100, 0.7], [72, 100, 0.7], [72, 40, 0.7]])
    voice = make_task("Dexed1Op-v0", {**ranges, "notes_per_target": 3, "engine": "dexed-py"})
    scaled = {"OP1 BREAK POINT": 39.0, "OP1 R SCALE DEPTH": 30.0}
    rows = voice.space.row({"OP1 OUTPUT LEVEL": 99.0, "OP1 KEY VELOCITY": 4.0, **scaled})[None]
    (sounds,) = present(voice.render_native(rows, notes).audio)
    paths = [tmp_path / f"{i}.wav" for i in range(3)]
    for path, sound in zip(paths, sounds, strict=True):
        soundfile.write(path, sound, RATE, subtype="FLOAT")
    preset, out = tmp_path / "known.syx", tmp_path / "out"
    voice.synth.save_preset(rows[0], preset)
    options = ("--env", "Dexed1Op-v0", "--agent", "random", "--budget", 31, "--start", preset, "--out", out)
    result = match("--together", *paths, "--note", "48,72,72", "--velocity", "100,100,40", *options)
    assert result["best_distance"] == pytest.approx(
        np.mean([one["distance"] for one in result["recordings"]])
    )
    assert result["best_distance"] < 0.05
    assert [(one["note"], one["velocity"]) for one in result["recordings"]] == [
        (48, 100),
        (72, 100),
        (72, 40),
    ]
    assert result["answers"][0]["render"] == 3
    assert len(result["history"]) == 10
    page = (out / "match.html").read_text()
    assert page.count("<audio") == 2 + 2 * 3
    assert "C5, velocity 40" in page
    assert page.count('"note": ') == 10, "a keyboard from note 42 to 78"
    length = round(result["env_kwargs"]["duration"] * RATE)
    assert [soundfile.info(out / name).frames for name in ("target.wav", "match.wav")] == [3 * length] * 2
    # What dexed-py itself plays of the .syx is as near at each note as the search has found.
    keywords = {**result["env_kwargs"], "engine": "dexed-py"}
    again, recordings = (
        make_task("Dexed1Op-v0", keywords),
        Together(read(*paths), [48, 72, 72], [100, 100, 40]),
    )
    aim = again.extract(recordings.target(RATE, length)[None]).features[0]
    loaded = again.synth.load_preset(out / "match.syx")[None]
    far = distance(again.render_native(loaded, recordings.played(keywords)).features[0][0], aim[0])
    np.testing.assert_allclose(far, [one["distance"] for one in result["recordings"]], atol=1e-6)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--together", "{0}", "{1}", "--model", "m.zip"), "--model is of one note; leave it out"),
        (("{0}", "--note", "48,60"), "--note takes several values only with --together"),
        (("{0}", "--env-kwargs", "note=[40,50]", "notes_per_target=2"), "is matched by --together"),
    ],
)
def test_together_is_refused_in_one_line(
    args: tuple[str, ...], says: str, match: Callable[..., Any], tmp_path: Path
) -> None:
    paths = [tone(tmp_path / f"{i}.wav", 48 + i, 0.1) for i in range(2)]
    with pytest.raises(SynthgymError, match=says):
        match(
            *(arg.format(*paths) for arg in args), "--env", "FM-v0", "--budget", 20, "--out", tmp_path / "out"
        )


@pytest.mark.slow
def test_a_policy_learns_from_several_notes(script: Script, tmp_path: Path) -> None:
    out = tmp_path / "run"
    several = ("note=[48,72]", "notes_per_target=2")
    script("train.py", "--env", "FM-v0", "--agent", "ppo", "--steps", 64, "--num-envs", 2, "--log-dir", out,
           "--env-kwargs", *several, "--hyperparameters", "n_steps=16", "batch_size=16")  # fmt: skip
    assert (out / "final_model.zip").exists()


def test_notes_that_do_not_exist_are_not_promised() -> None:
    """Holds are drawn in milliseconds: a range of less than one has one value."""
    with pytest.raises(SynthgymError, match="and there are 3"):
        make_task("FM-v0", {"note": (60, 62), "hold": (0.5, 0.5004), "notes_per_target": 4})
    task = make_task("FM-v0", {"note": 60, "hold": (0.5, 0.502), "notes_per_target": 3})
    drawn = task.note.draw_several(np.random.default_rng(0), 3)
    np.testing.assert_allclose(sorted(drawn[:, 2]), [0.5, 0.501, 0.502])


def test_a_target_of_one_note_twice_is_refused() -> None:
    env = gym.make("FM-v0", note=(40, 60), notes_per_target=2)
    with pytest.raises(SynthgymError, match="two notes of the target are the same"):
        env.reset(options={"note": [50, 50]})
    env.reset(seed=0, options={"note": [50, 51]})
    env.close()


def test_levels_are_those_of_what_is_matched(tmp_path: Path) -> None:
    """A long recording that grows loud after what is matched keeps its level beside the others."""
    rate, seconds = 22050, 8
    times = np.arange(rate * seconds) / rate
    growing = 0.1 * np.sin(2 * np.pi * 220 * times) * np.where(times < 6, 1, 4)
    steady = 0.1 * np.sin(2 * np.pi * 440 * times)
    for name, sound in (("a", growing), ("b", steady)):
        soundfile.write(tmp_path / f"{name}.wav", sound, rate)
    both = Together([Recording.read(tmp_path / f"{name}.wav") for name in "ab"], (57, 69))
    low, high = both.target(rate, 2 * rate)
    assert np.abs(low).max() == pytest.approx(np.abs(high).max(), rel=0.05)
