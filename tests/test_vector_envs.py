"""The native vector environment is what SyncVectorEnv is, and stable-baselines3 trains on it."""

import copy
import pickle
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from conftest import GOAL_IDS, IDS, PLUGIN_ID, keywords_of, make, present, synth_env
from gymnasium.error import ClosedEnvironmentError
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode
from stable_baselines3 import DDPG, PPO, HerReplayBuffer
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from agents.rl.vec_env import SynthVecEnv
from envs_registry import MAX_EPISODE_STEPS
from synthgym.envs import SynthVectorEnv
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.registration import known_id

COUNT = 3
ONE_NOTE: dict[str, Any] = {}
ANY_NOTE: dict[str, Any] = {"note": (24, 96), "velocity": [40, 127], "hold": (0.1, 1.0)}


def native(env_id: str, count: int = COUNT, **keywords: Any) -> Any:
    env_id, needed = keywords_of(env_id)
    return gym.make_vec(env_id, count, **{**needed, **keywords})


def synchronous(env_id: str, mode: AutoresetMode, count: int = COUNT, **keywords: Any) -> Any:
    env_id, needed = keywords_of(env_id)
    return gym.make_vec(
        env_id,
        count,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": mode},
        **{**needed, **keywords},
    )


@pytest.mark.parametrize(
    ("mode", "notes"), [(AutoresetMode.NEXT_STEP, ANY_NOTE), (AutoresetMode.SAME_STEP, ONE_NOTE)]
)
@pytest.mark.parametrize("env_id", [*IDS, GOAL_IDS[0], GOAL_IDS[-1]])
def test_whole_rollouts_are_those_of_sync_vector_env(
    env_id: str, mode: AutoresetMode, notes: dict[str, Any]
) -> None:
    # Successes at different steps, so that episodes end apart.
    keywords: dict[str, Any] = {"tolerance": 0.6, "max_episode_steps": 7, **notes}
    ours = native(env_id, autoreset_mode=mode, **keywords)
    theirs = synchronous(env_id, mode, **keywords)
    assert isinstance(ours.unwrapped, SynthVectorEnv)
    assert ours.observation_space == theirs.observation_space
    assert ours.single_action_space == theirs.single_action_space
    assert ours.metadata["autoreset_mode"] == mode
    ours.action_space.seed(0)
    assert data_equivalence(ours.reset(seed=3), theirs.reset(seed=3), exact=True)
    ends = []
    for _ in range(15):
        action = ours.action_space.sample()
        step = ours.step(action)
        assert step[0] in ours.observation_space
        assert data_equivalence(step, theirs.step(action), exact=True)
        ends.append(step[2] | step[3])
    assert np.any(ends)
    assert data_equivalence(ours.reset(), theirs.reset(), exact=True)
    seeds = [5, None, 7]
    assert data_equivalence(ours.reset(seed=seeds), theirs.reset(seed=seeds), exact=True)
    patch = ours.unwrapped.parameters[0]
    options = {"start": patch, "target_parameters": patch}
    assert data_equivalence(ours.reset(options=options), theirs.reset(options=options), exact=True)
    mask = np.array([False, True, True])
    # Each takes the mask out of the options it is given.
    ours.reset(options={**options, "reset_mask": mask})
    theirs.reset(options={**options, "reset_mask": mask})
    action = ours.action_space.sample()
    assert data_equivalence(ours.step(action), theirs.step(action), exact=True)
    ours.close()
    theirs.close()


@pytest.mark.parametrize("env_id", ["FM-v0", "FMGoal-v0"])
def test_episodes_that_nothing_begins_are_begun_by_a_mask(env_id: str) -> None:
    ours = native(env_id, autoreset_mode="Disabled", max_episode_steps=4)
    theirs = synchronous(env_id, AutoresetMode.DISABLED, max_episode_steps=4)
    assert ours.unwrapped.autoreset_mode == theirs.unwrapped.autoreset_mode == AutoresetMode.DISABLED
    ours.action_space.seed(0)
    assert data_equivalence(ours.reset(seed=5), theirs.reset(seed=5), exact=True)
    for number in range(12):
        action = ours.action_space.sample()
        step = ours.step(action)
        assert data_equivalence(step, theirs.step(action), exact=True)
        over = step[2] | step[3] if number else np.array([False, True, False])  # so that they end apart
        assert not over.all()
        if over.any():
            before = ours.unwrapped.parameters
            if number:
                with pytest.raises(SynthgymError, match=r"is over; call reset\(\) with options"):
                    ours.step(action)
            np.testing.assert_array_equal(ours.unwrapped.parameters, before)
            begun, expected = (envs.reset(options={"reset_mask": over.copy()}) for envs in (ours, theirs))
            assert data_equivalence(begun, expected, exact=True)


@pytest.mark.parametrize("env_id", [*IDS, GOAL_IDS[0]])
def test_threads_render_the_same_bytes(env_id: str) -> None:
    assert_same_bytes(env_id, "threads")


@pytest.mark.parametrize("env_id", [GOAL_IDS[0], PLUGIN_ID])
def test_processes_render_the_same_bytes(env_id: str) -> None:
    assert_same_bytes(env_id, "processes")


def assert_same_bytes(env_id: str, rendering: str) -> None:
    one = native(env_id, 5, rendering="inline")
    many = native(env_id, 5, rendering=rendering, workers=3)
    one.action_space.seed(1)
    assert data_equivalence(one.reset(seed=8), many.reset(seed=8), exact=True)
    for _ in range(3):
        action = one.action_space.sample()
        assert data_equivalence(one.step(action), many.step(action), exact=True)
    np.testing.assert_array_equal(one.unwrapped.audio, many.unwrapped.audio)
    assert one.unwrapped.task.meter == many.unwrapped.task.meter
    one.close(), many.close()


def test_it_is_the_single_environment_many_times() -> None:
    envs = native("FM-v0", 2, render_mode="rgb_array")
    observations, infos = envs.reset(seed=10)
    singles = [make("FM-v0", render_mode="rgb_array") for _ in range(2)]
    for i, env in enumerate(singles):
        observation, info = env.reset(seed=10 + i)
        np.testing.assert_array_equal(observations[i], observation)
        assert {name: infos[name][i] for name in info} == info
        np.testing.assert_array_equal(envs.unwrapped.audio[i], synth_env(env).audio)
        np.testing.assert_array_equal(envs.render()[i], env.render())
    again = pickle.loads(pickle.dumps(envs))
    action = envs.action_space.sample()
    assert data_equivalence(envs.step(action), again.step(action), exact=True)


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"num_envs": 0}, "num_envs must be a whole number from 1"),
        ({"workers": 0}, "workers must be a whole number from 1 to 4096; got 0"),
        ({"rendering": "thread"}, "did you mean 'threads'"),
        ({"rendering": "ray"}, "unknown rendering 'ray'"),
        ({"autoreset_mode": "Never"}, "unknown autoreset_mode"),
        ({"max_episode_steps": 0}, "max_episode_steps must be"),
        ({"featur": "mfcc"}, "did you mean 'feature'"),
        ({"render_mode": "human"}, "unknown render_mode"),
    ],
)
def test_bad_keywords_are_named(keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(SynthgymError, match=says):
        gym.make_vec("FM-v0", **{"num_envs": 2, **keywords})


def test_bad_calls_are_named_and_change_nothing() -> None:
    envs = native("FM-v0")
    with pytest.raises(SynthgymError, match="reset"):
        envs.step(np.zeros((3, 6), np.float32))
    envs.reset(seed=0, options={"reset_mask": np.array([True, False, False])})
    with pytest.raises(SynthgymError, match="reset"):
        envs.step(np.zeros((3, 6), np.float32))
    envs.reset(seed=0)
    before = envs.unwrapped.parameters
    for actions in (np.zeros(6), np.zeros((2, 6)), np.full((3, 6), np.nan), "up"):
        with pytest.raises(SynthgymError, match="an action is 6 finite values"):
            envs.step(actions)
    bad: list[tuple[dict[str, Any], str]] = [
        ({"seed": [1, 2]}, "one for each of 3"),
        ({"seed": 3.0}, "one for each of 3"),
        ({"seed": np.array(3)}, "one for each of 3"),
        ({"options": 5}, "options is a dict"),
        ({"options": "x"}, "options is a dict"),
        ({"options": {"reset_mask": np.ones(2, bool)}}, "reset_mask is 3 bools"),
        ({"options": {"reset_mask": np.zeros(3, bool)}}, "reset_mask is 3 bools"),
        ({"options": {"goal": 1}}, "unknown reset option"),
        ({"options": {"target_parameters": np.zeros(5)}}, "has 6 unit values"),
    ]
    for arguments, says in bad:
        with pytest.raises(SynthgymError, match=says):
            envs.reset(**arguments)
    np.testing.assert_array_equal(envs.unwrapped.parameters, before)


def test_none_is_the_usual_limit_and_what_is_closed_stays_closed() -> None:
    envs = gym.make_vec("FM-v0", num_envs=2, max_episode_steps=None)
    envs.reset(seed=np.array([4, 5]))  # type: ignore[arg-type]
    truncated = [envs.step(np.zeros((2, 6), np.float32))[3] for _ in range(MAX_EPISODE_STEPS)]
    assert truncated[-1].all()
    assert not any(each.any() for each in truncated[:-1])
    envs.close()
    ours = envs.unwrapped
    assert isinstance(ours, SynthVectorEnv)
    for use in (envs.reset, lambda: envs.step(np.zeros((2, 6), np.float32)), lambda: ours.audio):
        with pytest.raises(ClosedEnvironmentError, match="make another"):
            use()


def test_nothing_moves_where_an_episode_cannot_be_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    envs = native("FM-v0", max_episode_steps=3)
    for name in ("parameters", "best_parameters", "audio"):
        with pytest.raises(SynthgymError, match=r"call reset\(\) first"):
            getattr(envs.unwrapped, name)
    envs.reset(seed=0)
    envs.step(np.zeros((3, 6), np.float32))
    envs.reset(options={"reset_mask": np.array([False, True, True])})
    for _ in range(2):
        envs.step(np.zeros((3, 6), np.float32))
    before = envs.unwrapped.parameters

    def silent(*_: Any, **__: Any) -> None:
        raise SynthgymError("nothing is audible")

    with monkeypatch.context() as patched:
        patched.setattr(type(envs.unwrapped.task), "make_patches", silent)
        with pytest.raises(SynthgymError, match="nothing is audible"):
            envs.step(np.full((3, 6), 0.5, np.float32))
    np.testing.assert_array_equal(envs.unwrapped.parameters, before)
    envs.step(np.full((3, 6), 0.5, np.float32))
    assert not np.array_equal(envs.unwrapped.parameters, before)


def test_options_of_the_sb3_adapter_are_one_for_each() -> None:
    envs = SynthVecEnv("FM-v0", 2)
    envs.set_options([{"target_parameters": np.full(6, 0.25)}])
    with pytest.raises(SynthgymError, match="options for each of 2 environments; got 1"):
        envs.reset()
    envs.close()


def plain(observations: Any) -> Any:
    """DummyVecEnv's OrderedDict as a dict."""
    return dict(observations) if isinstance(observations, dict) else observations


@pytest.mark.parametrize("env_id", [*IDS, GOAL_IDS[0]])
def test_the_sb3_adapter_is_dummy_vec_env(env_id: str) -> None:
    name, needed = keywords_of(env_id)
    keywords = {**needed, "max_episode_steps": 5, "tolerance": 0.6}
    ours = SynthVecEnv(name, COUNT, **keywords)
    theirs = DummyVecEnv([lambda: gym.make(name, **keywords)] * COUNT)
    ours.seed(4), theirs.seed(4)
    assert data_equivalence(plain(ours.reset()), plain(theirs.reset()), exact=True)
    assert ours.reset_infos == theirs.reset_infos
    ours.action_space.seed(0)
    for _ in range(12):
        actions = np.stack([ours.action_space.sample() for _ in range(COUNT)])
        mine, other = ours.step(actions), theirs.step(actions)
        assert data_equivalence(plain(mine[0]), plain(other[0]), exact=True)
        assert data_equivalence(mine[1:], other[1:], exact=True)
        assert ours.reset_infos == theirs.reset_infos
    assert ours.get_attr("action_space") == theirs.get_attr("action_space")
    with pytest.raises(SynthgymError, match="call reset"):
        ours.env_method("reset", indices=[0])
    patch = ours.get_attr("parameters")[1]
    np.testing.assert_array_equal(patch, theirs.get_attr("parameters")[1])
    options = [{"start": patch}, {}, {"target_parameters": patch}]
    ours.set_options(copy.deepcopy(options))
    theirs.set_options(options)
    assert data_equivalence(plain(ours.reset()), plain(theirs.reset()), exact=True)
    ours.close()
    theirs.close()


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
def test_the_sb3_adapter_takes_synthgyms_environments_alone(env_id: str) -> None:
    with pytest.raises(SynthgymError, match=f"{env_id} has no synthesiser; choose one of synthgym's"):
        SynthVecEnv(env_id, 2)


def test_an_id_without_a_vector_env_is_told_how_to_have_one() -> None:
    keywords = {"synth": "fm", "note": 48}
    gym.register("Single-v0", entry_point="synthgym.envs:SynthEnv", kwargs=keywords)
    with pytest.raises(SynthgymError, match=r"Single-v0 has no vector environment; .* vector_entry_point="):
        SynthVecEnv("Single-v0", 2)
    vector = "synthgym.envs:SynthVectorEnv"
    gym.register("Single-v1", "synthgym.envs:SynthEnv", kwargs=keywords, vector_entry_point=vector)
    assert SynthVecEnv("Single-v1", 2).reset().shape[0] == 2


def test_sb3s_wrappers_and_callbacks(tmp_path: Path) -> None:
    env = VecNormalize(VecMonitor(SynthVecEnv("FM-v0", 4, max_episode_steps=8)))
    evaluated = VecNormalize(VecMonitor(SynthVecEnv("FM-v0", 2, max_episode_steps=8)), training=False)
    callback = EvalCallback(evaluated, eval_freq=16, n_eval_episodes=4, log_path=str(tmp_path), verbose=0)
    model = PPO("MlpPolicy", env, n_steps=16, batch_size=16, n_epochs=1, device="cpu", seed=0)
    model.learn(128, callback=callback)
    assert len(present(model.ep_info_buffer)) == 16
    assert all(info["l"] == 8 for info in present(model.ep_info_buffer))
    kept = np.load(tmp_path / "evaluations.npz")
    assert kept["results"].shape == (2, 4)
    assert (kept["ep_lengths"] == 8).all()


def test_hindsight_experience_replay() -> None:
    env = VecMonitor(SynthVecEnv("FMGoal-v0", 4, reward="sparse", max_episode_steps=6))
    model = DDPG(
        "MultiInputPolicy",
        env,
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 4},
        learning_starts=48,
        buffer_size=2000,
        train_freq=1,
        gradient_steps=1,
        device="cpu",
        seed=0,
    )
    model.learn(200)
    batch = present(model.replay_buffer).sample(256)
    assert isinstance(batch, DictReplayBufferSamples)
    rewards = batch.rewards.numpy().ravel()
    # Nobody succeeds by chance; a goal put in hindsight is met by its own sound.
    assert set(rewards) == {0.0, -1.0}
    goals = [batch.next_observations[f"{name}_goal"].numpy() for name in ("achieved", "desired")]
    np.testing.assert_array_equal(env.env_method("compute_reward", *goals, [{}], indices=[0])[0], rewards)


def test_it_trains_as_on_dummy_vec_env() -> None:
    """The same policy evaluated on both has the same returns."""
    model = PPO("MlpPolicy", SynthVecEnv("FM-v0", 2), n_steps=8, batch_size=16, device="cpu", seed=1)
    ours, theirs = SynthVecEnv("FM-v0", 2), make_vec_env("FM-v0", 2)
    ours.seed(5), theirs.seed(5)
    returns = [
        evaluate_policy(model, env, n_eval_episodes=4, return_episode_rewards=True, warn=False)
        for env in (ours, theirs)
    ]
    np.testing.assert_allclose(returns[0][0], returns[1][0], rtol=1e-5)
    assert returns[0][1] == returns[1][1]


def test_an_id_of_a_module_is_found_by_who_names_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = 'from synthgym.registration import register\n\nregister("Mine-v0", {"synth": "fm"})\n'
    (tmp_path / "module_of_mine.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for env_id in ("synthgym:FM-v0", "module_of_mine:Mine-v0"):
        assert known_id(env_id) in (env_id, "FM-v0")
        with closing(make_task(env_id)) as task:
            assert len(task.space) == 6
        envs = SynthVecEnv(env_id, 2)
        assert envs.reset().shape[0] == 2
        envs.close()
    with pytest.raises(SynthgymError, match="no_such_module"):
        known_id("no_such_module:FM-v0")
    gym.registry.pop("Mine-v0")
    gym.registry.pop("MineGoal-v0")
