"""What is not finite is the worst there is, for any synth and any feature, and everything goes on."""

import re
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import soundfile
from conftest import present, synth_env
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from synthgym.envs import SynthGoalEnv, SynthVectorEnv
from synthgym.errors import SoundError, SynthError
from synthgym.features import FEATURES, DerivedFeature, MultiResolution, distance
from synthgym.features.base import Feature, Features
from synthgym.notes import Notes
from synthgym.parameters import Native
from synthgym.patches import PatchStream
from synthgym.rendering import RenderMeter
from synthgym.synths import SYNTHS, Audio, Synth
from synthgym.synths.dexed import DexedSynth
from synthgym.task import MOST_WARNINGS, SoundMatchingTask

# Above one half, the first knob is at fault: NaN, infinity, and a finite overflow of the spectrum's power.
PROGRAM = """
import("stdfaust.lib");
bad = hslider("fault", 0, 0, 1, 0.01) > 0.5;
level = hslider("level", 0.5, 0, 1, 0.01);
process = os.osc(hslider("freq", 440, 20, 20000, 1)) * level * button("gate") FAULT;
"""
FAULTS = {"nan": "+ sqrt(0.0 - bad)", "infinite": "/ (1 - bad)", "overflow": "* (1 + bad * 1e37)"}


@pytest.fixture(params=FAULTS)
def dsp(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A Faust program whose knob ``fault`` above one half renders what is not finite."""
    path = tmp_path / "fault.dsp"
    path.write_text(PROGRAM.replace("FAULT", FAULTS[request.param]))
    return str(path)


def test_a_failed_render_is_the_worst_and_no_success(dsp: str) -> None:
    env = gym.make("Faust-v0", dsp=dsp, duration=0.2, hold=0.1, tolerance=0.05)
    good, bad = np.array([0.2, 0.9], np.float32), np.array([0.9, 0.9], np.float32)
    assert synth_env(env).task.space.names == ("fault", "level")
    with pytest.warns(UserWarning, match=r"not finite; taken for silence: fault=0\.9, level=0\.9"):
        observation, info = env.reset(options={"target_parameters": good, "start": bad})
    assert (info["distance"], info["is_success"], info["failures"]) == (1.0, False, 1)
    assert np.isfinite(observation).all()
    assert not synth_env(env).audio.any()
    with pytest.warns(UserWarning, match="not finite"):
        observation, reward, terminated, _, info = env.step(np.zeros(2, np.float32))
    assert (reward, terminated, info["failures"]) == (-1.0, False, 2)
    for _ in range(8):  # the knob goes back to where it is sound
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            *_, terminated, _, info = env.step(np.array([-1, 0], np.float32))
        if terminated:
            break
    assert info["distance"] == 0.0
    assert info["best_distance"] == 0.0


def test_what_keeps_the_best_does_not_go_on_from_a_failed_render(dsp: str) -> None:
    env = gym.make("Faust-v0", dsp=dsp, duration=0.2, hold=0.1, tolerance=0, keep_best=True, max_nudge=1)
    mute, start = np.array([0.2, 0], np.float32), np.array([0.3, 0], np.float32)
    env.reset(options={"target_parameters": np.array([0.2, 0.9], np.float32), "start": start})
    inner = synth_env(env)
    with pytest.warns(UserWarning, match="not finite"):
        *_, info = env.step(np.array([0.6, 0.9], np.float32))
    assert (info["distance"], info["tried_distance"], info["failures"]) == (1, 1, 1)
    np.testing.assert_array_equal(inner.parameters, start)
    *_, info = env.step(np.array([-0.1, 0], np.float32))
    np.testing.assert_allclose(inner.parameters, mute, atol=1e-6)


@pytest.mark.filterwarnings("ignore:the synth rendered audio that is not finite")
@pytest.mark.parametrize("starts", [1, 5])
def test_failed_candidates_of_a_start_all_count(dsp: str, starts: int) -> None:
    env = gym.make("Faust-v0", dsp=dsp, duration=0.2, hold=0.1, starts=starts)
    task, counted, happened = synth_env(env).task, 0, 0
    for seed in range(8):
        _, info = env.reset(seed=seed)
        ids = PatchStream("start", seed).ids(range(starts))
        notes = np.repeat(synth_env(env).episodes.notes, starts, axis=0)
        happened += len(task.make_patches(ids, notes).rendered.failures)
        counted += info["failures"]
    assert counted == happened > 1


def test_a_vector_environment_counts_for_each(dsp: str) -> None:
    envs = gym.make_vec("Faust-v0", 2, dsp=dsp, duration=0.2, hold=0.1)
    good = np.array([0.2, 0.9], np.float32)
    envs.reset(options={"target_parameters": good, "start": np.array([0.45, 0.9], np.float32)})
    with pytest.warns(UserWarning, match="not finite"):
        _, rewards, *_, infos = envs.step(np.array([[1, 0], [0, 0]], np.float32))
    assert infos["failures"].tolist() == [1, 0]
    assert rewards[0] == -1
    assert isinstance(envs.unwrapped, SynthVectorEnv)
    assert envs.unwrapped.task.meter.failures == 1


def test_random_patches_are_never_failures(dsp: str) -> None:
    task = SoundMatchingTask("faust", dsp=dsp, duration=0.2, hold=0.1)
    with pytest.warns(UserWarning, match="not finite"):
        patches = task.make_patches(PatchStream("train", 0).ids(range(20)), audio=True)
    assert (patches.unit[:, 0] <= 0.5).all()
    assert present(patches.rendered.audio).any(axis=1).all()
    assert task.meter.failures == len(patches.rendered.failures) > 3


def test_training_goes_on(dsp: str) -> None:
    from stable_baselines3 import PPO

    from agents.rl.vec_env import SynthVecEnv

    env = SynthVecEnv("Faust-v0", 4, dsp=dsp, duration=0.2, hold=0.1)
    with pytest.warns(UserWarning, match="not finite"):
        model = PPO("MlpPolicy", env, n_steps=32, batch_size=32, n_epochs=1, seed=0).learn(256)
    assert model.num_timesteps == 256
    assert env.envs.unwrapped.task.meter.failures > 5
    assert all(np.isfinite(p.detach().numpy()).all() for p in model.policy.parameters())


class Broken(DexedSynth):
    """A user's synth that renders infinity for loud voices."""

    def render(self, native: Native, notes: Notes | None = None) -> Audio:
        audio = super().render(native, notes)
        audio[np.abs(audio).max(axis=1) > 0.05] = np.inf
        return audio


class Halved(DexedSynth):
    """A user's synth that is half as loud as Dexed."""

    def render(self, native: Native, notes: Notes | None = None) -> Audio:
        return super().render(native, notes) / np.float32(2)


def test_overriding_render_changes_rewards_presets_and_pages_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SYNTHS, "halved", f"{__name__}:Halved")
    halved, whole = SoundMatchingTask("halved", operators=1), SoundMatchingTask("dexed", operators=1)
    unit = whole.make_patches(PatchStream("train", 0).ids([0])).unit
    rendered = halved.render(unit, audio=True)
    np.testing.assert_array_equal(rendered.audio, present(whole.render(unit, audio=True).audio) / 2)
    np.testing.assert_array_equal(rendered.audio, halved.synth.render(halved.space.to_native(unit)))
    assert distance(rendered.features[0], whole.render(unit).features[0])[0] > 0.01


def test_any_synths_infinity_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SYNTHS, "broken", f"{__name__}:Broken")
    task, sound = (SoundMatchingTask(name, operators=1, patches="uniform") for name in ("broken", "dexed"))
    unit = sound.make_patches(PatchStream("train", 0).ids(range(12))).unit
    audio = present(sound.render(unit, audio=True).audio)
    loud = np.abs(audio).max(axis=1) > 0.05
    assert 0 < loud.sum() < 12
    with pytest.warns(UserWarning, match="not finite"):
        rendered = task.render(unit, audio=True)
    assert [row for row, _ in rendered.failures] == np.flatnonzero(loud).tolist()
    np.testing.assert_array_equal(rendered.audio, np.where(loud[:, None], 0, audio))


LOUD = 50  # dB


class Logarithm(DerivedFeature):
    """A user's feature that is NaN for loud sounds."""

    def __init__(self, source: Feature) -> None:
        self.source, self.shape = source, source.shape
        self.bins, self.ticks, self.unit = source.bins, source.ticks, source.unit
        self.low, self.high = source.low, source.high

    def derive(self, features: Features) -> Features:
        loud = features.max(axis=(1, 2), keepdims=True) > LOUD
        return np.where(loud, np.nan, features).astype(np.float32)


def test_any_features_nan_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FEATURES, "logarithm", lambda maker: Logarithm(maker.make("logmel")))
    options: dict[str, Any] = {"operators": 1, "patches": "uniform"}
    task = SoundMatchingTask("dexed", feature="logarithm", more_features=["logmel"], **options)
    plain = SoundMatchingTask("dexed", feature="logmel", **options)
    unit = plain.make_patches(PatchStream("train", 0).ids(range(12))).unit
    loud = plain.render(unit).features[0].max(axis=(1, 2)) > LOUD
    assert 0 < loud.sum() < 12
    with pytest.warns(UserWarning, match="a feature is not finite; taken for silence: OP1 EG RATE 1="):
        rendered = task.render(unit, audio=True)
    assert [row for row, _ in rendered.failures] == np.flatnonzero(loud).tolist()
    for features in rendered.features:
        assert np.isfinite(features).all()
        assert not features[loud].any()
        assert features[~loud].any(axis=(1, 2)).all()
    assert not present(rendered.audio)[loud].any()
    with pytest.warns(UserWarning, match="a feature is not finite"):
        patches = task.make_patches(PatchStream("train", 0).ids(range(12)))
    assert (patches.rendered.features[1].max(axis=(1, 2)) <= LOUD).all()
    alone = [task.make_patches(PatchStream("train", 0).ids([i])).unit[0] for i in range(12)]
    np.testing.assert_array_equal(patches.unit, alone, err_msg="whatever batch a patch is made in")


NUMBERS = st.floats(width=32)


@given(arrays(np.float32, (3, 2, 2), elements=NUMBERS), arrays(np.float32, (3, 2, 2), elements=NUMBERS))
def test_a_distance_is_never_nan_and_what_is_not_finite_is_farthest(a: Features, b: Features) -> None:
    with np.errstate(all="ignore"):
        far = distance(a, b)
    assert ((far >= 0) & (far <= 1)).all()
    bad = ~(np.isfinite(a) & np.isfinite(b)).all(axis=(1, 2))
    assert (far[bad] == 1).all()


def test_goals_that_are_not_finite_are_no_success() -> None:
    env = gym.make("Dexed1OpGoal-v0", reward="sparse")
    observation, _ = env.reset(seed=0)
    goal = observation["desired_goal"]
    assert isinstance(env.unwrapped, SynthGoalEnv)
    assert env.unwrapped.compute_reward(goal, goal, {}) == 0
    assert env.unwrapped.compute_reward(np.full_like(goal, np.nan), goal, {}) == -1


def test_one_meter_adds_up_failures(dsp: str) -> None:
    task = SoundMatchingTask("faust", dsp=dsp, duration=0.2, hold=0.1)
    with pytest.warns(UserWarning, match="not finite"):
        task.render(np.full((3, 2), 0.9, np.float32))
    assert task.meter == RenderMeter(renders=3, failures=3)


def test_warnings_do_not_flood_a_long_training(dsp: str) -> None:
    task = SoundMatchingTask("faust", dsp=dsp, duration=0.2, hold=0.1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(10):
            task.render(np.full((5, 2), 0.9, np.float32))
    assert len(caught) == MOST_WARNINGS
    assert "later failures are counted without a warning" in str(caught[-1].message)
    assert task.meter.failures == 50


def test_targets_from_elsewhere_are_checked_too() -> None:
    task = SoundMatchingTask("dexed", operators=1)
    assert isinstance(task.feature, MultiResolution)
    tone = np.sin(np.arange(task.synth.samples) / 10)[None].astype(np.float32)
    assert task.extract(tone).features[0].any()
    for factor in (1e30, np.nan, np.inf):
        with np.errstate(all="ignore"), pytest.raises(SoundError, match="is not finite"):
            task.extract(tone * np.float32(factor))


def test_synths_render_nothing_else_than_by_render() -> None:
    assert {"encode", "play"}.isdisjoint(dir(Synth))


def test_a_search_space_of_failures_is_named_as_such(dsp: Any) -> None:
    task = SoundMatchingTask("faust", dsp=dsp, duration=0.2, hold=0.1, frozen={"fault": 0.9})
    with pytest.raises(
        SynthError, match=r"inaudible, \d{4,} of them because they failed, the last: .*level="
    ):
        task.make_patches(PatchStream("train", 0).ids([0]))


def test_a_network_goes_on_where_all_first_renders_failed(dsp: Any) -> None:
    from agents.supervised.agent import SampledPatches
    from agents.trials.pool import Pool
    from agents.trials.trial import Trial

    class Bad:
        """A network that samples patches that fail, and at last one that does not."""

        dataset, dataset_renders, renders = "a set", 0, 0

        def predict(self, features: Any, notes: Any) -> Any:
            return np.full((len(features), 2), 0.9, np.float32)

        def sample(self, features: Any, temperature: Any, rng: Any, notes: Any) -> Any:
            self.samples = getattr(self, "samples", 0) + 1
            return np.full((len(features), 2), 0.9 if self.samples < 3 else 0.2, np.float32)

        def embed(self, features: Any, notes: Any) -> Any:
            return None

        def complete(self, embedding: Any, unit: Any, known: Any, temperature: Any, rng: Any) -> Any:
            return unit

    class Searches(SampledPatches):
        def _model(self, trial: Any) -> Any:
            return model

    model = Bad()
    task = SoundMatchingTask("faust", dsp=dsp, duration=0.2, hold=0.1)
    target = task.render(np.full((1, 2), 0.2, np.float32))
    pool = Pool(np.full((1, 2), 0.2, np.float32), np.ones(1, np.int64))
    trial = Trial(task, target, 15, pool, np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Searches("mlp", []).search(trial)
    assert present(trial.best).distance == 0
    assert len(trial.failures) == 11


def test_an_evaluation_says_which_renders_failed(dsp: Any, tmp_path: Path) -> None:
    from agents.baselines.random import Random
    from agents.evaluation.results import Results
    from agents.evaluation.targets import Target
    from agents.evaluation.trials import evaluate
    from agents.trials.agent import Agent

    class Fails(Agent):
        def search(self, trial: Any) -> None:
            trial(np.full((3, 2), 0.9, np.float32))

    task = SoundMatchingTask("faust", dsp=dsp, duration=0.2, hold=0.1)
    target = Target(
        "random", "mine", task.render(np.full((1, 2), 0.2, np.float32), audio=True), task.note.rows(1)[0]
    )
    results = Results(tmp_path / "results", {"env": "Faust-v0", "env_kwargs": {}, "targets": "mine"})
    pattern = r"fails, mine: 3 renders failed, the first: .*fault=0\.9"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        evaluate(task, {"fails": Fails(), "random": Random()}, [target], 1, [3], results, progress=False)
    assert sum(re.search(pattern, str(each.message)) is not None for each in caught) == 1
    assert [trial["failures"] for trial in results.trials if trial["agent"] == "fails"] == [3]
    results.close()


def test_a_preset_that_fails_is_a_silent_file_with_a_warning(dsp: Any, tmp_path: Path) -> None:
    from agents.matching.presets import render_to_wav

    task = SoundMatchingTask("faust", dsp=dsp, duration=0.2, hold=0.1)
    task.synth.save_preset(task.space.to_native(np.array([0.9, 0.9], np.float32)), tmp_path / "bad.json")
    keywords = {"dsp": dsp, "duration": 0.2, "hold": 0.1}
    with pytest.warns(UserWarning, match="not finite"):
        (path,), _ = render_to_wav(tmp_path / "bad.json", tmp_path / "x.wav", "Faust-v0", keywords)
    audio, _ = soundfile.read(path)
    assert audio.shape == (8820,)
    assert not audio.any()
