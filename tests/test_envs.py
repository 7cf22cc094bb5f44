"""Every environment in the table keeps the contract."""

import hashlib
import pickle
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from conftest import ALL_IDS, GOAL_IDS, IDS, make, present, source_of, synth_env
from gymnasium.utils.env_checker import check_env as gymnasium_check
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AsyncVectorEnv
from stable_baselines3.common.env_checker import check_env as sb3_check
from stable_baselines3.common.vec_env import SubprocVecEnv

from synthgym.envs import SynthGoalEnv
from synthgym.errors import SynthgymError
from synthgym.patches import PatchStream
from synthgym.rendering import RenderMeter

INFO = {
    "distance",
    "best_distance",
    "start_distance",
    "tried_distance",
    "is_success",
    "renders",
    "failures",
    "note",
    "velocity",
    "hold",
}


@pytest.mark.parametrize("env_id", ALL_IDS)
def test_checkers_find_nothing(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gymnasium_check(make(env_id, render_mode="rgb_array").unwrapped)
        sb3_check(make(env_id).unwrapped)


@pytest.mark.parametrize("env_id", [*IDS, *GOAL_IDS])
def test_two_copies_play_the_same(env_id: str) -> None:
    one, two = make(env_id), make(env_id)
    one.action_space.seed(0)
    assert data_equivalence(one.reset(seed=3), two.reset(seed=3), exact=True)
    for step in range(60):
        action = one.action_space.sample()
        a, b = one.step(action), two.step(action)
        assert data_equivalence(a, b, exact=True)
        assert a[0] in one.observation_space
        assert set(a[4]) == INFO
        assert all(type(v) in (float, int, bool) for v in a[4].values())
        assert a[3] == (step % 50 == 49)
        if a[2] or a[3]:
            assert data_equivalence(one.reset(), two.reset(), exact=True)


FINGERPRINT = """
def play(env):
    observation, _ = env.reset(seed=11)
    env.action_space.seed(0)
    digest = hashlib.sha256()
    for _ in range(5):
        observation, reward, *_ = env.step(env.action_space.sample())
        parts = observation.values() if isinstance(observation, dict) else [observation]
        for part in (*parts, env.unwrapped.audio, env.unwrapped.target_audio):
            digest.update(part.tobytes())
        digest.update(repr(reward).encode())
    print(digest.hexdigest())
"""
UNMARKED = [env_id for env_id in [*IDS, *GOAL_IDS[:1]] if isinstance(env_id, str)]
MARKED = [pytest.param(param.values, marks=param.marks) for param in IDS if not isinstance(param, str)]


@pytest.mark.parametrize("env_ids", [UNMARKED, *MARKED])
def test_a_seed_gives_the_same_bytes_in_any_process(env_ids: Sequence[str], tmp_path: Path) -> None:
    """In an empty folder, by the name that imports synthgym itself."""
    plays = "\n".join(f"play({source_of(env_id)})" for env_id in env_ids)
    code = f"import hashlib, gymnasium as gym\n{FINGERPRINT}\n{plays}"
    one, two = (
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    digests = one.stdout.split()
    assert {len(digest) for digest in digests} == {len(hashlib.sha256().hexdigest())}
    assert len(set(digests)) == len(env_ids)
    assert digests == two.stdout.split()


@pytest.mark.parametrize("context", [pytest.param("spawn", marks=pytest.mark.slow), "forkserver"])
def test_worker_processes_make_it_by_name(context: str) -> None:
    workers = AsyncVectorEnv([lambda: gym.make("synthgym:Dexed1Op-v0")] * 2, context=context)
    alone = gym.make("synthgym:Dexed1Op-v0")
    observations, _ = workers.reset(seed=5)
    np.testing.assert_array_equal(observations[1], alone.reset(seed=6)[0])
    workers.close()
    subprocesses = SubprocVecEnv([lambda: gym.make("synthgym:Dexed1Op-v0")] * 2, start_method=context)
    subprocesses.seed(5)
    np.testing.assert_array_equal(subprocesses.reset(), observations)
    subprocesses.close()


@pytest.mark.parametrize("env_id", [*IDS, *GOAL_IDS])
def test_a_pickled_copy_plays_on_as_the_original(env_id: str) -> None:
    env = make(env_id)
    env.reset(seed=1)
    env.step(env.action_space.sample())
    copy = pickle.loads(pickle.dumps(env))
    action = env.action_space.sample()
    assert data_equivalence(env.step(action), copy.step(action), exact=True)
    assert data_equivalence(env.reset(), copy.reset(), exact=True)


@pytest.mark.parametrize("env_id", [*IDS, *GOAL_IDS])
def test_the_spec_survives_json(env_id: str) -> None:
    made = make(env_id, feature="mfcc", note=72)
    spec = gym.envs.registration.EnvSpec.from_json(present(made.spec).to_json())
    again = gym.make(spec)
    assert data_equivalence(made.reset(seed=2), again.reset(seed=2), exact=True)
    assert synth_env(again).task.synth.note.pitch == 72


@pytest.mark.parametrize("feature", ["multiresolution", "mfcc"])
@pytest.mark.parametrize("env_id", [*IDS, *GOAL_IDS])
def test_the_targets_own_parameters_are_at_distance_0(env_id: str, feature: str) -> None:
    env = make(env_id, feature=feature)
    env.reset(seed=4)
    patch = synth_env(env).parameters
    _, info = env.reset(options={"target_parameters": patch, "start": patch})
    assert info["distance"] == 0.0
    assert info["is_success"]
    assert info["renders"] == 1
    audio = synth_env(env).audio
    np.testing.assert_array_equal(audio, synth_env(env).target_audio)
    assert env.reset(options={"target_audio": audio, "start": patch})[1]["distance"] == 0.0
    _, reward, terminated, _, info = env.step(np.zeros(env.action_space.shape, np.float32))
    assert (reward, info["best_distance"]) == (0.0, 0.0)
    assert terminated == ("Goal" not in env_id), "only the goal environments play on after success"


@pytest.mark.parametrize("feature", ["multiresolution", "mfcc"])
@pytest.mark.parametrize("reward", ["distance", "sparse"])
@pytest.mark.parametrize("env_id", GOAL_IDS)
def test_rewards_follow_from_the_goals(env_id: str, reward: str, feature: str) -> None:
    env = make(env_id, reward=reward, feature=feature, tolerance=0.3)
    inner = env.unwrapped
    assert isinstance(inner, SynthGoalEnv)
    env.reset(seed=0)
    patch = synth_env(env).parameters
    env.reset(options={"target_parameters": patch, "start": patch})
    env.action_space.seed(0)
    achieved, desired, rewards = [], [], []
    for step in range(30):
        # The first step stays at the target, the others stray from it.
        observation, value, _, _, info = env.step(min(step, 1) * env.action_space.sample())
        goals = observation["achieved_goal"], observation["desired_goal"]
        assert value == inner.compute_reward(*goals, info)
        assert type(value) is float
        if reward == "sparse":
            assert info["is_success"] == (value == 0.0)
        achieved.append(goals[0])
        desired.append(goals[1])
        rewards.append(value)
    many = inner.compute_reward(np.array(achieved), np.array(desired), [{}] * 30)
    np.testing.assert_array_equal(many, rewards)
    assert len(set(rewards)) > 1


@pytest.mark.parametrize("env_id", IDS)
def test_rewards_of_every_kind(env_id: str) -> None:
    envs = {name: make(env_id, reward=name) for name in ("distance", "improvement", "sparse")}
    (before,) = {env.reset(seed=8)[1]["distance"] for env in envs.values()}
    action = np.full(present(envs["distance"].action_space.shape), 0.5, np.float32)
    rewards = {}
    for name, env in envs.items():
        _, rewards[name], _, _, info = env.step(action)
    assert rewards["distance"] == -info["distance"]
    assert rewards["improvement"] == before - info["distance"]
    assert rewards["sparse"] == -1.0


@pytest.mark.parametrize("env_id", [*IDS, *GOAL_IDS])
def test_the_picture(env_id: str) -> None:
    env = make(env_id, render_mode="rgb_array")
    env.reset(seed=0)
    first = env.render()
    assert isinstance(first, np.ndarray)
    assert first.shape == (360, 800, 3)
    assert first.dtype == np.uint8
    env.step(np.ones(env.action_space.shape, np.float32))
    assert np.any(env.render() != first)


@pytest.mark.parametrize("env_id", IDS)
def test_the_saved_preset_is_the_best_sound(env_id: str, tmp_path: Path) -> None:
    env = make(env_id)
    env.reset(seed=9)
    env.action_space.seed(9)
    distances = [env.step(env.action_space.sample())[4]["distance"] for _ in range(20)]
    inner = synth_env(env)
    synth = inner.task.synth
    for suffix in {synth.preset_suffix, ".json"}:
        path = tmp_path / f"best{suffix}"
        inner.save_preset(path)
        native = synth.load_preset(path)
        if suffix in (".json", ".syx"):
            np.testing.assert_array_equal(synth.render(native[None])[0], inner.best_audio)
        else:  # a plugin may round what it keeps
            np.testing.assert_allclose(native, inner.task.space.to_native(inner.best_parameters), atol=1e-5)
    start = inner.best_parameters
    assert env.reset(seed=9, options={"start": start})[1]["distance"] <= min(distances)


def test_nudges_smaller_than_a_grid_step_add_up() -> None:
    env = gym.make("Dexed1Op-v0")
    env.reset(seed=0, options={"start": np.full(23, 0.5, np.float32)})
    for _ in range(10):
        env.step(np.full(23, 0.05, np.float32))
    np.testing.assert_allclose(synth_env(env).parameters, 0.55, atol=1e-5)
    env.step(np.full(23, 99.0, np.float32))
    np.testing.assert_allclose(synth_env(env).parameters, 0.65, atol=1e-5)


def test_observations_are_parameters_current_and_target() -> None:
    env = gym.make("Dexed1Op-v0")
    observation, _ = env.reset(seed=0)
    assert observation.shape == (23 + 2 * 11 * 159,)
    inner = synth_env(env)
    np.testing.assert_array_equal(observation[:23], inner.parameters)
    picture = inner.target_features.reshape(11, 2, 159, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(observation[-1749:], picture.ravel(), atol=1e-6)


@pytest.mark.parametrize("duration", [0.3, 0.7, 2.5])
def test_longer_and_shorter_notes_are_pooled_to_at_most_11_x_159(duration: float) -> None:
    env = gym.make("Dexed1Op-v0", duration=duration, hold=0.2)
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    assert observation.size <= 23 + 2 * 11 * 159


def test_reduced_spaces() -> None:
    names = ["OP1 OUTPUT LEVEL", "OP1 F COARSE"]
    env = gym.make("Dexed1Op-v0", parameters=names, frozen={"OP1 MODE": "FIXED"})
    assert env.action_space.shape == (2,)
    assert synth_env(env).task.space.frozen["OP1 MODE"] == 1


def test_every_render_since_the_target_is_counted() -> None:
    """The start, and the inaudible ones drawn before it; not the target's."""
    env = gym.make("Dexed1Op-v0", patches="uniform")
    task = synth_env(env).task
    counts = []
    for seed in range(20):
        task.meter = RenderMeter()
        _, info = env.reset(seed=seed)
        counts.append(info["renders"])
        target = task.make_patches(PatchStream("train", seed).ids([0])).renders[0]
        assert info["renders"] == task.meter.renders - 2 * target
        assert info["renders"] == task.make_patches(PatchStream("start", seed).ids([0])).renders[0]
    assert min(counts) >= 1
    assert 3 < np.mean(counts) < 12, "about one uniform patch in six is audible"


def test_a_failed_reset_changes_no_later_episode() -> None:
    one, two = gym.make("Dexed1Op-v0"), gym.make("Dexed1Op-v0")
    one.reset(seed=0), two.reset(seed=0)
    for seed in (None, 7):
        with pytest.raises(SynthgymError):
            one.reset(seed=seed, options={"target_parameters": START})
    np.testing.assert_array_equal(one.reset()[0], two.reset()[0])


def test_a_reset_that_cannot_begin_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    env = synth_env(gym.make("FM-v0"))
    env.reset(seed=5)
    second = env.reset()[0]
    env.reset(seed=5)
    before = env.step(np.full(6, 0.1, np.float32))[0]

    def silent(*_: Any, **__: Any) -> None:
        raise SynthgymError("nothing is audible")

    for make_vec in (False, True):
        envs = gym.make_vec("FM-v0", 2) if make_vec else env
        envs.reset(seed=5)
        with monkeypatch.context() as patched:
            patched.setattr(type(env.task), "make_patches", silent)
            with pytest.raises(SynthgymError, match="nothing is audible"):
                envs.reset(seed=9)
        zero = np.full((2, 6) if make_vec else 6, 0.1, np.float32)
        first = envs.step(zero)[0]
        np.testing.assert_array_equal(first[0] if make_vec else first, before)
        again = envs.reset()[0]
        np.testing.assert_array_equal(again[0] if make_vec else again, second)
        assert envs.np_random_seed == ((5, 6) if make_vec else 5)


@pytest.mark.parametrize("options", [[], 0, "", False, np.array([1, 2])])
def test_options_are_a_dict(options: Any) -> None:
    with pytest.raises(SynthgymError, match="options is a dict of them by name"):
        synth_env(gym.make("FM-v0")).reset(options=options)


@pytest.mark.parametrize(
    "shapes",
    [
        ((1749,), (5,)),
        ((), ()),
        ((2, 3, 1749), (2, 3, 1749)),
        ((3, 5), (3, 5)),
        ((2, 1749), (3, 1749)),
        ((1, 1749), (3, 1749)),
    ],
)
def test_goals_of_another_length_are_named(shapes: tuple[Any, Any]) -> None:
    env: Any = gym.make("FMGoal-v0").unwrapped
    with pytest.raises(
        SynthgymError, match=r"goals are of 1749 values, \(1749,\) or as many times \(B, 1749\)"
    ):
        env.compute_reward(*map(np.zeros, shapes), {})
    assert env.compute_reward(np.zeros(1749), np.zeros(1749), {}) == 0
    assert env.compute_reward(np.zeros((2, 1749)), np.zeros((2, 1749)), {}).shape == (2,)


def test_a_goal_is_compared_with_each_of_several() -> None:
    env: Any = make("FMGoal-v0").unwrapped
    goal = env.reset(seed=0)[0]["achieved_goal"]
    several = np.stack([np.zeros_like(goal), goal])
    assert env.compute_reward(goal, several, {}).tolist() == [-1, 0]
    assert env.compute_reward(several, goal, {}).tolist() == [-1, 0]


def test_a_generator_that_is_set_decides_what_is_random() -> None:
    """As of Gymnasium's own: before the first reset and after it."""
    env = synth_env(make("FM-v0"))
    firsts = []
    for seed in (3, 3, 4):
        env.np_random = np.random.default_rng(seed)
        firsts.append([env.reset()[0] for _ in range(2)])
        assert env.np_random_seed == -1
    np.testing.assert_array_equal(firsts[0], firsts[1])
    assert len({first.tobytes() for each in firsts for first in each}) == 4
    state = env.np_random.bit_generator.state
    with pytest.raises(SynthgymError):
        env.reset(options={"start_parameters": np.full(6, 2.0)})
    assert env.np_random.bit_generator.state == state
    env.reset(seed=5)
    assert env.np_random_seed == 5, "which goes on"


def test_to_make_one_leaves_numpys_own_generator_as_it_is() -> None:
    """What a user has seeded: jax, which dexed-py imports where it is installed, draws from it."""
    code = (
        "import numpy as np, gymnasium as gym, synthgym; np.random.seed(0); gym.make('Dexed1Op-v0');"
        "a = np.random.rand(); np.random.seed(0); assert np.random.rand() == a"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_before_the_first_reset() -> None:
    env = synth_env(gym.make("Dexed1Op-v0", render_mode="rgb_array"))
    for call in (
        lambda: env.step(np.zeros(23, np.float32)),
        env.render,
        lambda: env.audio,
        lambda: env.best_parameters,
        lambda: env.target_features,
        lambda: env.save_preset("x.syx"),
    ):
        with pytest.raises(SynthgymError, match=r"call reset\(\) first"):
            call()


@pytest.mark.parametrize("duration", [0.01, 0.125, 0.255, 0.315, 1.0])
def test_any_duration_has_its_number_of_samples(duration: float) -> None:
    env = gym.make("Dexed1Op-v0", duration=duration, hold=0.005)
    env.reset(seed=0, options={"start": np.ones(23), "target_audio": np.full(round(44100 * duration), 0.1)})
    assert synth_env(env).audio.shape == (round(44100 * duration),)


START = np.zeros(23)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"goal": 1}, "unknown reset option 'goal'"),
        ({"target_parameters": START[:3]}, "has 23 unit values"),
        ({"target_parameters": START}, "silent"),
        ({"start": START + np.nan}, "NaN"),
        ({"start": START + 2}, r"\[0, 1\]"),
        ({"target_audio": np.zeros(44100)}, "silent"),
        ({"target_audio": np.ones(100)}, "44100 finite mono samples"),
        ({"target_audio": np.ones((44100, 2))}, "44100 finite mono samples"),
        ({"target_audio": np.full(44100, np.nan)}, "44100 finite mono samples"),
        ({"target_audio": np.full(44100, 1000, np.int16)}, "got int16"),
        ({"target_audio": "a.wav"}, "44100 finite mono samples"),
        ({"start": "middle"}, "array of numbers"),
        ({"start": [[1], [1, 2]]}, "array of numbers"),
        ({"target_file": "nope.wav"}, "no such file: nope.wav"),
        ({"target_file": __file__}, "is not audio"),
        ({"target_file": "a.wav", "target_parameters": START}, "one target"),
    ],
)
def test_bad_reset_options_are_named_and_change_nothing(options: dict[str, Any], says: str) -> None:
    env = gym.make("Dexed1Op-v0")
    env.reset(seed=0)
    target, parameters = synth_env(env).target_audio, synth_env(env).parameters
    with pytest.raises(SynthgymError, match=says):
        env.reset(options=options)
    np.testing.assert_array_equal(synth_env(env).target_audio, target)
    np.testing.assert_array_equal(synth_env(env).parameters, parameters)


@pytest.mark.parametrize(
    "action", [np.zeros(22), np.zeros((23, 1)), np.full(23, np.nan), np.full(23, np.inf), 0.5, [], "up", None]
)
def test_bad_actions_are_named(action: Any) -> None:
    env = synth_env(gym.make("Dexed1Op-v0"))
    env.reset(seed=0)
    with pytest.raises(SynthgymError, match="an action is 23 finite values"):
        env.step(action)


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"feature": "logmell"}, "did you mean 'logmel'"),
        ({"reward": "distanse"}, "did you mean 'distance'"),
        ({"targets": "test"}, "unknown stream of targets 'test'"),
        ({"parameters": ["OP1 OUTPUT LEVL"]}, "did you mean 'OP1 OUTPUT LEVEL'"),
        ({"frozen": {"ALGORITM": 3}}, "did you mean 'ALGORITHM'"),
        ({"frozen": {"ALGORITHM": 32}}, "from 0 to 31; got 32"),
        ({"sample_rate": 12000}, "sample_rate must be a whole number from 16000"),
        ({"algoritm": 3}, "unexpected keyword argument 'algoritm'; did you mean 'algorithm'"),
        ({"featur": "mfcc"}, "did you mean 'feature'"),
        ({"parameters": "TRANSPOSE"}, "give a list"),
        ({"frozen": {"TRANSPOSE": float("nan")}}, "got nan"),
        ({"frozen": ["TRANSPOSE"]}, "frozen by"),
        ({"parameters": 0.5}, "give a list of parameter names"),
        ({"parameters": [["TRANSPOSE"]]}, "unknown parameter"),
        ({"max_nudge": 0}, "max_nudge must be a number from 0.0001 to 1; got 0"),
        ({"tolerance": "0.1"}, "tolerance must be a number"),
    ],
)
def test_bad_keywords_are_named(keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(SynthgymError, match=says):
        gym.make("Dexed1Op-v0", **keywords)


def test_an_unknown_keyword_is_a_type_error_as_in_python() -> None:
    # TorchRL's GymEnv tries frameskip= and goes on without it where it is told so in these words.
    for made_by in (gym.make, gym.make_vec):
        with pytest.raises(TypeError, match="unexpected keyword argument 'frameskip'") as caught:
            made_by("FM-v0", frameskip=1)
        assert isinstance(caught.value, SynthgymError)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (type(again), str(again)) == (type(caught.value), str(caught.value))


@pytest.mark.parametrize("mode", ["sync", None])
def test_minus_one_is_no_limit_on_the_length_of_episodes(mode: str | None) -> None:
    envs = gym.make_vec("FM-v0", num_envs=2, max_episode_steps=-1, vectorization_mode=mode, tolerance=0)
    envs.reset(seed=0)
    for _ in range(60):
        assert not envs.step(np.zeros((2, 6), np.float32))[3].any()
    envs.close()
    for refused in (0, -2, True, 1.5):
        with pytest.raises(SynthgymError, match="max_episode_steps"):
            gym.make_vec("FM-v0", num_envs=2, max_episode_steps=refused)


def test_goal_environments_refuse_a_reward_of_the_past() -> None:
    with pytest.raises(SynthgymError, match="use reward="):
        gym.make("Dexed1OpGoal-v0", reward="improvement")


def test_an_unknown_id_gets_its_near_match() -> None:
    with pytest.raises(gym.error.NameNotFound, match="Dexed1Op"):
        gym.make("Dexed1op-v0")
