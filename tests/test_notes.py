"""One note or a range of them: drawn with the target, played, observed, kept and refused."""

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from conftest import GOAL_IDS, IDS, Script, keywords_of, make, present, synth_env
from hypothesis import given
from hypothesis import strategies as st
from small_sets import FEATURES, files, recipe, small_blocks  # noqa: F401, fixtures

from synthgym import datasets
from synthgym.errors import SynthgymError
from synthgym.notes import Note
from synthgym.patches import HeldOutStream, PatchStream
from synthgym.recordings import write_wav
from synthgym.rendering import Rendering
from synthgym.synths import make_synth
from synthgym.task import SoundMatchingTask

RANGE: dict[str, Any] = {"note": (24, 96), "velocity": (40, 127), "hold": (0.1, 0.9)}
SHORT: dict[str, Any] = {"note": (48, 72), "hold": (0.05, 0.2), "duration": 0.3}


@given(
    st.tuples(st.integers(0, 127), st.integers(0, 127)).map(sorted),
    st.tuples(st.floats(0.001, 2), st.floats(0.001, 2)).map(sorted),
    st.integers(0, 2**32),
)
def test_notes_are_drawn_from_their_range(pitch: list[int], hold: list[float], seed: int) -> None:
    note = Note(pitch=(pitch[0], pitch[1]), velocity=77, hold=(hold[0], hold[1]), duration=2)
    drawn = np.stack([note.draw(np.random.default_rng([seed, i])) for i in range(20)])
    low, high = note.range
    assert ((low <= drawn) & (drawn <= high)).all()
    assert (drawn[:, 0] % 1 == 0).all()
    assert (drawn[:, 1] == 77).all()
    scaled = note.scaled(drawn)
    assert scaled.shape == (20, len(note.varies))
    assert ((scaled >= 0) & (scaled <= 1)).all()
    assert note.lacks(note) is None
    assert note.lacks(Note(pitch=pitch[0], velocity=77, hold=hold[0], duration=2)) is None
    np.testing.assert_array_equal(note.rows(20, drawn), drawn)
    again = Note(
        **json.loads(json.dumps({"pitch": note.pitch, "hold": note.hold, "velocity": 77, "duration": 2}))
    ).range
    np.testing.assert_array_equal(again[0], low)


@pytest.mark.parametrize("duration", [np.float32(0.7), np.float16(0.7), np.int64(1)])
def test_a_duration_of_numpys_is_a_float(duration: Any) -> None:
    note = Note(hold=(0.1, 0.5), duration=duration)
    assert type(note.duration) is float
    one = Note(hold=note.duration, duration=duration)
    assert one.rows(1)[0, 2] == one.rows(1, one.rows(1))[0, 2] == note.duration


def test_every_note_of_a_range_is_drawn() -> None:
    note = Note(pitch=(60, 71), velocity=(1, 4))
    rng = np.random.default_rng(0)
    drawn = np.stack([note.draw(rng) for _ in range(2000)])
    assert set(drawn[:, 0]) == set(range(60, 72))
    assert set(drawn[:, 1]) == {1, 2, 3, 4}
    assert np.bincount(drawn[:, 0].astype(int))[60:].min() > 100


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"note": (60, 40)}, "the range of note is from low to high; got (60, 40), try (40, 60)"),
        ({"note": (60, 128)}, "note must be a whole number from 0 to 127; got 128"),
        ({"note": 60.5}, "note must be a whole number from 0 to 127; got 60.5"),
        ({"note": (1, 2, 3)}, r"note is a number or a pair (low, high); got (1, 2, 3)"),
        ({"velocity": (0, 100)}, "velocity must be a whole number from 1 to 127; got 0"),
        ({"hold": (0.1, 1.5)}, "hold must be a number from 0.001 to 1; got 1.5"),
        ({"hold": (0.1, float("nan"))}, "hold must be a number from 0.001 to 1; got nan"),
        ({"duration": (1, 2)}, "duration must be a number from 0.01 to 60; got (1, 2)"),
    ],
)
def test_bad_notes_are_refused_by_name(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(SynthgymError) as caught:
        gym.make("FM-v0", **keywords)
    assert message in str(caught.value)


@pytest.mark.parametrize("env_id", IDS)
def test_each_row_plays_its_own_note(env_id: str) -> None:
    """As a synth of that one note would, in any batch."""
    env_id, needed = keywords_of(env_id)
    keywords = {k: v for k, v in {**gym.spec(env_id).kwargs, **needed}.items() if k != "synth"}
    synth = make_synth(gym.spec(env_id).kwargs["synth"], **keywords, **RANGE)
    rows = np.repeat(synth.space.row({})[None], 4, axis=0)
    notes = np.array([[40, 127, 0.9], [60, 100, 0.7], [72, 50, 0.2], [40, 127, 0.9]])
    together = synth.render(rows, notes)
    np.testing.assert_array_equal(together[0], together[3])
    assert not np.array_equal(together[0], together[1])
    for row, note, sound in zip(rows, notes, together, strict=True):
        pitch, velocity, hold = note.tolist()
        alone = make_synth(
            gym.spec(env_id).kwargs["synth"],
            **keywords,
            note=int(pitch),
            velocity=int(velocity),
            hold=hold,
        )
        np.testing.assert_array_equal(alone.render(row[None])[0], sound)
        alone.close()
    with pytest.raises(SynthgymError, match="note and velocity and hold vary from render to render"):
        synth.render(rows)
    synth.close()


@pytest.mark.parametrize("env_id", [*IDS, GOAL_IDS[0]])
def test_a_range_is_told_and_observed(env_id: str) -> None:
    env, fixed = make(env_id, **RANGE), make(env_id)
    seen = []
    for seed in range(6):
        observation, info = env.reset(seed=seed)
        state = observation["observation"] if isinstance(observation, dict) else observation
        n = len(synth_env(env).task.space)
        expected = [(info["note"] - 24) / 72, (info["velocity"] - 40) / 87, (info["hold"] - 0.1) / 0.8]
        np.testing.assert_allclose(state[n : n + 3], expected, atol=1e-6)
        note = info["note"], info["velocity"], info["hold"]
        for _ in range(3):
            info = env.step(env.action_space.sample())[4]
            assert (info["note"], info["velocity"], info["hold"]) == note, "one note an episode"
        seen.append(note)
    assert len(set(seen)) == 6
    spaces = [each.observation_space for each in (env, fixed)]
    shapes = [present((s["observation"] if isinstance(s, gym.spaces.Dict) else s).shape) for s in spaces]
    assert shapes[0][0] == shapes[1][0] + 3, "a fixed note adds nothing"
    _, info = fixed.reset(seed=0)
    assert (info["note"], info["velocity"], info["hold"]) == (60, 100, 0.7)


def test_at_the_targets_own_parameters_the_distance_is_zero_at_any_note() -> None:
    env = gym.make("Dexed2Op-v0", **RANGE)
    for seed in range(5):
        env.reset(seed=seed)
        task = synth_env(env).task
        target = task.make_patches(PatchStream("train", seed).ids([0]))
        _, info = env.reset(seed=seed, options={"start": target.unit[0]})
        assert info["distance"] == 0
        played = dict(zip(("note", "velocity", "hold"), target.notes[0].tolist(), strict=True))
        assert {name: info[name] for name in played} == played


def test_a_note_can_be_given_to_reset() -> None:
    env = gym.make("FM-v0", **RANGE)
    _, drawn = env.reset(seed=0)
    _, info = env.reset(seed=0, options={"note": 30})
    assert (info["note"], info["velocity"]) == (30, drawn["velocity"])
    unit = np.full(6, 0.5, np.float32)
    _, info = env.reset(seed=0, options={"target_parameters": unit, "note": 30, "start": unit})
    assert (info["note"], info["velocity"], info["distance"]) == (30, 83, 0)
    target = synth_env(env).target_audio
    with pytest.raises(SynthgymError, match="say that of the target_audio with options="):
        env.reset(options={"target_audio": target})
    with pytest.raises(SynthgymError, match="note must be a whole number from 0 to 127; got 300"):
        env.reset(options={"note": 300})
    with pytest.raises(SynthgymError, match="this environment plays one note, 60; give note="):
        gym.make("FM-v0").reset(options={"note": 30})


def test_patches_of_a_range_are_the_same_in_any_batch_and_worker() -> None:
    ways: tuple[Rendering, ...] = ("inline", "threads", "processes")
    tasks = [SoundMatchingTask("dexed", operators=3, rendering=how, workers=2, **RANGE) for how in ways]
    ids = PatchStream("train", 4).ids(range(12))
    first, *others = [task.make_patches(ids, audio=True) for task in tasks]
    for other in others:
        np.testing.assert_array_equal(first.notes, other.notes)
        np.testing.assert_array_equal(first.rendered.audio, other.rendered.audio)
    one = tasks[0].make_patches(ids[5:6], audio=True)
    np.testing.assert_array_equal(one.notes[0], first.notes[5])
    np.testing.assert_array_equal(present(one.rendered.audio)[0], present(first.rendered.audio)[5])
    again = tasks[1].render(first.unit, first.notes, audio=True)
    np.testing.assert_array_equal(again.audio, first.rendered.audio)
    held_out = [task.make_patches(HeldOutStream().ids(range(3))) for task in tasks[:2]]
    np.testing.assert_array_equal(held_out[0].notes, held_out[1].notes)
    for task in tasks:
        task.close()


def test_sets_over_notes_are_the_same_from_any_workers(tmp_path: Path) -> None:
    ways = {"whole": ("inline", None), "threads": ("threads", 2), "processes": ("processes", 2)}
    for name, (rendering, workers) in ways.items():
        made = recipe("FM-v0", env_kwargs=SHORT, rendering=rendering, workers=workers).random(150)
        datasets.make(tmp_path / name, made, progress=False)
        made.task.close()
    made = recipe("FM-v0", env_kwargs=SHORT)
    for size in (70, 150):
        datasets.make(tmp_path / "grown", made.random(size), progress=False)
    whole = files(tmp_path / "whole")
    for name in ("threads", "processes", "grown"):
        assert files(tmp_path / name) == whole, name
    kept = datasets.load(tmp_path / "whole")
    notes = present(kept.notes)[:]
    assert set(notes[:, 0]) == set(range(48, 73))
    np.testing.assert_array_equal(
        made.task.render(kept.parameters[:], notes).features[0].astype(np.float16),
        kept.features[FEATURES[0]][:],
    )
    other = recipe("FM-v0", env_kwargs={**SHORT, "note": (40, 72)}).random(150)
    with pytest.raises(SynthgymError, match=r"with env_kwargs note \[48, 72\], not note \[40, 72\]"):
        datasets.make(tmp_path / "whole", other, progress=False)
    grid = recipe("FM-v0", env_kwargs=SHORT).grid(2)
    datasets.make(tmp_path / "grid", grid, progress=False)
    assert len(set(present(datasets.load(tmp_path / "grid").notes)[:, 0])) > 10


@pytest.mark.slow
def test_a_set_and_what_is_learned_from_it_play_any_of_its_notes(tmp_path: Path, script: Script) -> None:
    """Made, trained, evaluated, validated and matched with by the README's own commands."""
    keywords = ("--env-kwargs", "note=[48,72]", "hold=[0.05,0.2]", "duration=0.3")
    env = ("--env", "FM-v0")
    script("make_dataset.py", *env, "--out", "set", "--size", 200, "--features", "logmel", *keywords)
    learned = ("--env-kwargs", *keywords[1:], "feature=logmel")
    script(
        *("train.py", "--agent", "mlp", *env, "--dataset", "set", "--log-dir", "runs/mlp", "--steps", 20),
        *("--hyperparameters", "rollouts=2", "validate_on=20", "targets=4", "rounds=2", "candidates=2"),
        *learned,
    )
    script(
        *("train.py", "--agent", "ppo", *env, "--log-dir", "runs/ppo", "--steps", 256, "--num-envs", 2),
        *("--hyperparameters", "n_steps=64", "batch_size=64"),
        *learned,
    )
    script(
        *(
            "evaluate.py",
            *env,
            "--agents",
            "random,mlp@runs/mlp,ppo@runs/ppo,nearest",
            "--dataset",
            "set",
            "--targets",
            "test:3",
        ),
        *("--budgets", 4, "--out", "results", *learned),
    )
    import pandas as pd

    rows = pd.read_parquet(tmp_path / "results" / "results.parquet")
    assert rows["note"].between(48, 72).all()
    assert rows.groupby("target")["note"].nunique().eq(1).all()
    assert rows["note"].nunique() == 3
    assert "0 differ" in script("evaluate.py", "--validate", "results").stdout
    synth = make_synth("fm", note=55, duration=0.3, hold=0.1)
    write_wav(tmp_path / "g3.wav", synth.render(synth.space.row({})[None])[0], 44100)
    for model, agent in (("runs/mlp/final_model.zip", "mlp"), ("runs/ppo/final_model.zip", "ppo")):
        script(
            *("match.py", "g3.wav", *env, "--agent", agent, "--model", model, "--budget", 5),
            *("--out", f"match-{agent}"),
        )
        about = json.loads((tmp_path / f"match-{agent}" / "match.json").read_text())
        assert about["env_kwargs"]["note"] == 55
        assert 0.05 <= about["env_kwargs"]["hold"] <= 0.2
    refused = script(
        *("match.py", "g3.wav", *env, "--agent", "mlp", "--model", "runs/mlp/final_model.zip", "--note", 90),
        check=False,
    )
    assert refused.returncode == 2
    assert "is of note 90, and what was learned is of note 48 to 72" in refused.stderr


@pytest.mark.slow
def test_a_network_learns_the_notes_of_its_set_and_no_others(tmp_path: Path, script: Script) -> None:
    env = ("--env", "FM-v0")
    script("make_dataset.py", *env, "--out", "set", "--size", 60, "--env-kwargs", "duration=0.3", "hold=0.2")
    for notes, says in (("note=[0,127]", "note 60, not note 0 to 127"), ("note=61", "note 61, not note 60")):
        refused = script(
            *("train.py", "--agent", "mlp", *env, "--dataset", "set", "--steps", 20, "--log-dir", "run"),
            *("--env-kwargs", "duration=0.3", "hold=0.2", notes),
            check=False,
        )
        assert refused.returncode == 2
        assert says in refused.stderr


def test_torch_and_pandas_have_the_notes(tmp_path: Path) -> None:
    made = recipe("FM-v0", env_kwargs=SHORT).random(40)
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    numbers = kept.items("train")[range(len(kept.items("train")))]
    pairs = kept.torch()[3]
    np.testing.assert_allclose(pairs[2], present(kept.notes)[numbers[3]], rtol=1e-6)
    frame = kept.frame(5, 9)
    np.testing.assert_array_equal(frame["note"], present(kept.notes)[5:9, 0])
    assert len(recipe("FM-v0").task.note.varies) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"note": (30, 40)}, "an episode plays one note; got (30, 40)"),
        ({"note": 97}, "this environment plays note 24 to 96; got note=97"),
        ({"hold": 0.95}, "this environment plays hold 0.1 to 0.9; got hold=0.95"),
        ({"velocity": "loud"}, "velocity must be a whole number from 1 to 127; got 'loud'"),
    ],
)
def test_bad_notes_of_a_reset_are_refused(options: dict[str, Any], message: str) -> None:
    env = gym.make("FM-v0", **RANGE)
    with pytest.raises(SynthgymError) as caught:
        env.reset(options=options)
    assert message in str(caught.value)


def test_what_is_matched_or_rendered_is_one_note(tmp_path: Path, script: Script) -> None:
    synth = make_synth("fm")
    synth.save_preset(synth.space.row({}), tmp_path / "a.json")
    write_wav(tmp_path / "a.wav", synth.render(synth.space.row({})[None])[0], 44100)
    for command in (("a.wav", "--budget", 5), ("--render", "a.json")):
        refused = script(
            *("match.py", *command, "--env", "FM-v0", "--env-kwargs", "velocity=[40,127]", "--out", "x.wav"),
            check=False,
        )
        assert refused.returncode == 2
        assert "one note is played here, and a range was given: velocity" in refused.stderr


def test_a_model_is_refused_a_note_that_it_has_not_learned(tmp_path: Path) -> None:
    from agents.training.models import Origin
    from agents.trials.pool import Pool
    from agents.trials.trial import Trial

    pool, rng = Pool(np.zeros((1, 6), np.float32), np.ones(1, np.int64)), np.random.default_rng(0)
    learned = SoundMatchingTask("fm", note=(48, 72))
    origin = Origin.of(learned, "FM-v0", {"note": [48, 72]})
    origin.check(SoundMatchingTask("fm", note=50), tmp_path)
    origin.check(SoundMatchingTask("fm", note=(50, 60)), tmp_path)
    trial = Trial(
        learned, learned.render(np.zeros((1, 6)), [90, 100, 0.7]), 1, pool, rng, np.array([90, 100, 0.7])
    )
    with pytest.raises(SynthgymError, match="was trained on note 48 to 72, not note 90"):
        origin.check_played(trial, tmp_path)
    for note in (47, (40, 60)):
        with pytest.raises(SynthgymError, match=r"was trained on note 48 to 72.*, not note"):
            origin.check(SoundMatchingTask("fm", note=note), tmp_path)
