"""Episodes that keep the best so far, and that start at the nearest of several patches."""

from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from conftest import GOAL_IDS, IDS, keywords_of, make, present, synth_env
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.logger import configure
from torch.utils.tensorboard import SummaryWriter

from agents.catalogue import prepare
from agents.rl.guesses import Guesses
from agents.rl.population import Population
from agents.rl.training import load
from agents.rl.vec_env import SynthVecEnv
from agents.training.learners import GUESS, learner, make_config
from agents.training.preview import Preview
from agents.training.run_folder import RunFolder
from agents.trials.agent import run
from agents.trials.pool import Pool
from agents.trials.trial import Trial
from synthgym.envs import SynthVectorEnv
from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.making import make_task
from synthgym.parameters import Unit
from synthgym.patches import PatchStream
from synthgym.rendering import Rendered

STEPS = 12
SMALL = {"n_steps": 5, "batch_size": 10, "policy_kwargs": {"net_arch": [8]}}
MLP = {"width": 8, "loss": "parameter", "batch_size": 8}


@pytest.mark.parametrize("env_id", IDS)
def test_a_step_that_leads_away_is_undone(env_id: str) -> None:
    env = make(env_id, keep_best=True, reward="improvement", max_nudge=0.3, tolerance=0)
    inner = synth_env(env)
    observation, info = env.reset(seed=1)
    env.action_space.seed(1)
    assert info["tried_distance"] == info["distance"]
    undone = 0
    for _ in range(STEPS):
        before, unit, audio, was = info, inner.parameters, inner.audio, observation
        observation, reward, _, _, info = env.step(env.action_space.sample())
        assert info["renders"] == before["renders"] + 1
        assert info["distance"] == info["best_distance"] == min(before["distance"], info["tried_distance"])
        assert reward == before["distance"] - info["distance"] >= 0
        np.testing.assert_array_equal(inner.parameters, inner.best_parameters)
        np.testing.assert_array_equal(inner.audio, inner.best_audio)
        if info["tried_distance"] > before["distance"]:
            undone += 1
            np.testing.assert_array_equal(observation, was)
            np.testing.assert_array_equal(inner.parameters, unit)
            np.testing.assert_array_equal(inner.audio, audio)
        again = inner.task.render(inner.parameters[None], inner.episodes.notes)
        assert distance(again.features[0], inner.target_features)[0] == pytest.approx(
            info["distance"], abs=0.2
        )
    assert undone > 0


def test_of_goals_the_pooled_distance_decides() -> None:
    env = make("FMGoal-v0", keep_best=True, max_nudge=0.3)
    env.reset(seed=1)
    env.action_space.seed(1)
    rewards = []
    for _ in range(STEPS):
        observation, reward, *_ = env.step(env.action_space.sample())
        goals = observation["achieved_goal"], observation["desired_goal"]
        assert reward == env.get_wrapper_attr("compute_reward")(*goals, {})
        rewards.append(float(reward))
    assert rewards == sorted(rewards)
    assert len(set(rewards)) < len(rewards), "some steps were undone"


@pytest.mark.parametrize("env_id", IDS)
def test_an_episode_starts_at_the_nearest_of_its_patches(env_id: str) -> None:
    env = make(env_id, starts=3)
    inner = synth_env(env)
    task = inner.task
    for episode in range(2):
        _, info = env.reset(seed=4 if episode == 0 else None)
        ids = PatchStream("start", 4).ids(range(3 * episode, 3 * episode + 3))
        patches = task.make_patches(ids, np.repeat(inner.episodes.notes, 3, axis=0))
        far = distance(patches.rendered.features[0], np.repeat(inner.target_features[None], 3, axis=0))
        assert info["renders"] == patches.renders.sum() >= 3
        if task.synth.repeatable:
            np.testing.assert_array_equal(inner.parameters, patches.unit[far.argmin()])
            assert info["distance"] == far.min()
    chosen = np.full(len(task.space), 0.5, np.float32)
    _, info = env.reset(options={"start": chosen})
    np.testing.assert_array_equal(inner.parameters, chosen)
    assert info["renders"] == 1


def test_a_step_moves_the_parameters_that_its_action_moves_most() -> None:
    env = make("FM-v0", most_nudged=2, max_nudge=0.2)
    inner = synth_env(env)
    env.reset(options={"start": np.full(6, 0.5, np.float32)})
    env.step(np.array([0.1, -0.9, 0.3, 0.5, -0.2, 0.5], np.float32))
    np.testing.assert_allclose(inner.parameters, [0.5, 0.32, 0.5, 0.6, 0.5, 0.5], atol=1e-6)


def test_contrast_enlarges_by_how_much_the_sound_differs_from_the_target() -> None:
    plain, enlarged = make("FM-v0"), make("FM-v0", contrast=3)
    start = np.array([0.5, 0.25, 1, 0, 0.75, 0.5], np.float32)
    was, now = (env.reset(seed=1, options={"start": start})[0] for env in (plain, enlarged))
    for action in np.zeros((2, 6), np.float32), np.full((1, 6), 0.7, np.float32):
        for nudge in action:
            was, now = (env.step(nudge)[0] for env in (plain, enlarged))
        unit, sound, target = was[:6], *np.split(was[6:], 2)
        expected = np.concatenate([2 * unit - 1, np.clip(3 * (target - sound), -1, 1), 2 * target - 1])
        np.testing.assert_allclose(now, expected, atol=1e-6)
        assert enlarged.observation_space.contains(now)
        assert 0 < np.abs(now[6 : 6 + len(sound)]).max() <= 1


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("env_id", ["FM-v0", "Dexed1Op-v0", GOAL_IDS[0]])
def test_many_environments_keep_the_best_as_each_alone(env_id: str, mode: AutoresetMode) -> None:
    env_id, needed = keywords_of(env_id)
    keywords = {**needed, "keep_best": True, "starts": 3, "max_episode_steps": 5, "note": (48, 72)}
    keywords["most_nudged"] = 3
    if env_id not in GOAL_IDS:
        keywords["contrast"] = 10
    ours = gym.make_vec(env_id, 3, autoreset_mode=mode, **keywords)
    how: dict[str, Any] = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": mode}}
    theirs = gym.make_vec(env_id, 3, **how, **keywords)
    ours.action_space.seed(0)
    assert data_equivalence(ours.reset(seed=3), theirs.reset(seed=3), exact=True)
    for _ in range(STEPS):
        action = ours.action_space.sample()
        assert data_equivalence(ours.step(action), theirs.step(action), exact=True)
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"keep_best": "yes"}, "keep_best must be True or False; got 'yes'"),
        ({"most_nudged": 0}, "most_nudged must be a whole number from 1"),
        ({"contrast": 0}, "contrast must be a number from 0.1 to 1000"),
        ({"starts": 0}, "starts must be a whole number from 1 to 1000; got 0"),
    ],
)
def test_bad_keywords_are_named(keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(SynthgymError, match=says):
        gym.make("FM-v0", **keywords)


class Seen(Trial):
    """A trial that keeps what is rendered."""

    def after_render(self, unit: Unit, rendered: Rendered) -> None:
        """Keep the unit vectors (B, n)."""
        self.seen: list[Unit] = [*getattr(self, "seen", []), *unit]


def trained(path: Path, agent: str, steps: int, **options: Any) -> Path:
    """Train an agent a little on FM-v0, and return its model."""
    config = make_config("FM-v0", agent, 0, steps=steps, **options)
    learner(agent).check(config)
    folder = RunFolder(path)
    folder.begin(config)
    assert learner(agent).train(folder) == 0
    return folder.final_model


def test_a_policy_searches_as_it_was_trained(tmp_path: Path) -> None:
    """It starts at the nearest of as many patches, and never tries the same again after a step was undone."""
    kept = {"keep_best": True, "starts": 3, "max_episode_steps": 8, "max_nudge": 0.3}
    model = trained(tmp_path / "run", "ppo", 10, num_envs=2, env_kwargs=kept, hyperparameters=SMALL)
    with_task = make_task("FM-v0")
    target = with_task.make_patches(PatchStream("validation", 0).ids([0])).rendered
    trial = Seen(with_task, target, 25, Pool.make(with_task, 0, 20), np.random.default_rng(0))
    run(prepare(f"ppo@{model}", with_task), trial)
    first = int(np.argmin(trial.distances[:3]))
    np.testing.assert_array_equal(trial.seen[:3], trial.pool.unit[:3])
    np.testing.assert_array_less(np.abs(trial.seen[3] - trial.seen[first]), 0.3001)
    np.testing.assert_array_equal(trial.seen[11:14], trial.pool.unit[3:6])
    assert len(np.unique(trial.seen, axis=0)) == 25
    here = trial.seen[first], trial.distances[first]
    for unit, far in zip(trial.seen[3:11], trial.distances[3:11], strict=True):
        np.testing.assert_array_less(np.abs(unit - here[0]), 0.3001)
        here = (unit, far) if far <= here[1] else here
    with_task.close()


def test_an_episode_starts_by_the_target_that_the_agent_sees() -> None:
    task = make_task("FM-v0")
    targets = task.make_patches(PatchStream("validation", 0).ids(range(2))).rendered
    trial = Trial(task, targets.rows([0]), 20, Pool.make(task, 0, 20), np.random.default_rng(0))
    trial.shown = targets.rows([1])
    start, rendered = trial.episode_start(10)
    sounds = task.render(trial.pool.unit[:10]).features[0]
    far = distance(sounds, np.repeat(trial.shown.features[0], 10, axis=0))
    np.testing.assert_array_equal(start, trial.pool.unit[far.argmin()][None])
    np.testing.assert_array_equal(rendered.features[0][0], sounds[far.argmin()])
    task.close()


def test_episodes_start_at_a_networks_guess(tmp_path: Path) -> None:
    model = trained(tmp_path / "mlp", "mlp", 2, hyperparameters=MLP)
    asked = f"mlp@{tmp_path / 'mlp'}"
    short = {"max_episode_steps": 5}
    learnt = trained(
        tmp_path / "ppo", "ppo", 20, num_envs=2, env_kwargs=short, start_from=asked, hyperparameters=SMALL
    )
    # Two environments begin two episodes each, besides the first ones.
    assert load("ppo", learnt).renders >= 20 + 11 * 6  # type: ignore[attr-defined]
    envs = SynthVecEnv("FM-v0", 2)
    envs.envs.starter = Guesses(asked, envs.envs.task, 0)
    envs.seed(0)
    envs.reset()
    assert [info["renders"] for info in envs.reset_infos] == [11, 11]
    many = gym.make_vec("FM-v0", 2)
    assert isinstance(many.unwrapped, SynthVectorEnv)
    many.unwrapped.starter = envs.envs.starter
    _, infos = many.reset(seed=0, options={"target_parameters": np.full(6, 0.4, np.float32)})
    assert infos["renders"].tolist() == [11, 11], "one target of all"
    many.close()
    task = make_task("FM-v0")
    target = Rendered((envs.envs.episodes.target[:1],))
    trial = Trial(task, target, GUESS, Pool.make(task, 0, 1), np.random.default_rng(0))
    prepare(f"mlp@{model}", task).guess(trial)
    np.testing.assert_array_equal(envs.envs.parameters[0], present(trial.found))
    envs.close()
    task.close()


@pytest.mark.parametrize(
    ("agent", "start_from", "says"),
    [
        ("ppo", "mlp", "as mlp@RUN; got 'mlp'"),
        ("ppo", "nearest@data", "as mlp@RUN; got 'nearest@data'"),
        ("ppo", "random", "as mlp@RUN; got 'random'"),
        ("ppo", "sac@runs", "the guess of one of mlp, lstm, .* got 'sac@runs'"),
        ("ppo", "mlp@nowhere", "nowhere"),
        ("mlp", "mlp@nowhere", "mlp learns from no episodes; leave --start-from out"),
    ],
)
def test_where_episodes_cannot_start_is_named(agent: str, start_from: str, says: str) -> None:
    config = make_config("FM-v0", agent, 0, start_from=start_from)
    with pytest.raises(SynthgymError, match=says):
        learner(agent).check(config)


@pytest.mark.parametrize("agent", ["ppo", "sac", "es", "guided", "mlp"])
@pytest.mark.parametrize("env_id", ["FMGoal-v0", "FM-v0", "Dexed1Op-v0"])
def test_by_their_yaml_agents_can_be_made_on_any_id(agent: str, env_id: str) -> None:
    if agent in ("guided", "mlp") and env_id in GOAL_IDS:
        return
    config = make_config(env_id, agent, 0)
    if agent == "es" and env_id in GOAL_IDS:  # of which ARS has no policy
        with pytest.raises(SynthgymError, match="es observes no goals"):
            learner(agent).check(config)
        return
    learner(agent).check(config)


def test_a_preview_shows_what_the_policy_does_after_its_starts(tmp_path: Path) -> None:
    many = {"keep_best": True, "starts": 20, "max_episode_steps": 8}
    found = []
    for seed, steps in ((0, 10), (1, 40)):
        path = tmp_path / str(seed)
        model = trained(path, "ppo", steps, num_envs=2, env_kwargs=many, hyperparameters=SMALL)
        with (
            SummaryWriter(str(tmp_path / "log")) as writer,
            closing(Preview(make_config("FM-v0", "ppo", 0, env_kwargs=many), writer)) as preview,
        ):
            found.append([best.distance for best in preview._validation.search(model)])
    assert found[0] != found[1]


def test_noise_is_alike_for_all_candidates_and_left_out_where_all_is_to_be_deterministic(
    tmp_path: Path,
) -> None:
    options = {"hyperparameters": {"n_delta": 2}, "num_envs": 1, "env_kwargs": {"max_episode_steps": 4}}
    model = load("es", trained(tmp_path, "es", 16, **options), SynthVecEnv("FM-v0", 1))
    assert isinstance(model, Population)
    model.set_logger(configure(None, []))
    _, callback = model._setup_learn(16)
    twice = model.weights.repeat(2, 1)  # one after the other, as there is one environment
    first, second = model.evaluate_candidates(twice, callback, None).tolist()
    assert first == second
    observation = np.zeros((1, *present(model.observation_space.shape)), np.float32)
    calm = [model.predict(observation, deterministic=True)[0] for _ in range(2)]
    np.testing.assert_array_equal(calm[0], calm[1])
    assert not np.array_equal(model.predict(observation)[0], calm[0])
