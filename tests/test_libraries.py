"""Libraries that people train with take the environments as they are; tests are skipped without them."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import data_equivalence
from sb3_contrib import TQC
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env
from torch import nn

SHORT: dict[str, Any] = {"duration": 0.1, "hold": 0.05, "max_episode_steps": 8}
IDS = ["FM-v0", "FMGoal-v0"]


@pytest.mark.parametrize("env_id", IDS)
def test_stable_baselines3_and_contrib(env_id: str) -> None:
    check_env(gym.make(env_id, **SHORT).unwrapped)  # which asks the outermost wrapper for compute_reward
    policy = "MultiInputPolicy" if "Goal" in env_id else "MlpPolicy"
    envs = make_vec_env(env_id, 2, env_kwargs=SHORT)
    learn: dict[str, Any] = {"device": "cpu", "seed": 0, "policy_kwargs": {"net_arch": [16]}}
    PPO(policy, envs, n_steps=16, batch_size=16, n_epochs=1, **learn).learn(32)
    for kind in (SAC, TQC):
        kind(policy, envs, buffer_size=100, learning_starts=16, batch_size=16, **learn).learn(32)


def sizes(envs: Any) -> tuple[int, int]:
    """How many values an observation and an action have."""
    return envs.single_observation_space.shape[0], envs.single_action_space.shape[0]


class Gaussian(nn.Module):
    """A policy of observations, and a value of them or of observations and actions."""

    def __init__(self, inputs: int, actions: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, 32), nn.Tanh(), nn.Linear(32, 2 * actions))
        self.value = nn.Sequential(nn.Linear(inputs, 32), nn.Tanh(), nn.Linear(32, 1))

    def distribution(self, observations: torch.Tensor) -> Any:
        mean, log_std = self.body(observations).chunk(2, dim=-1)
        return torch.distributions.Normal(mean, log_std.clamp(-5, 1).exp())


def test_ppo_in_a_single_file() -> None:
    """PPO as single-file implementations write it: wrappers, a vector environment, NextStep resets."""
    torch.manual_seed(0)

    def made() -> gym.Env[Any, Any]:
        env: Any = gym.wrappers.RecordEpisodeStatistics(gym.make("FM-v0", **SHORT))
        env = gym.wrappers.NormalizeObservation(gym.wrappers.ClipAction(env))
        return gym.wrappers.NormalizeReward(env, gamma=0.99)

    for envs in (
        gym.vector.SyncVectorEnv([made] * 2),
        gym.wrappers.vector.RecordEpisodeStatistics(gym.make_vec("FM-v0", 2, **SHORT)),
    ):
        agent = Gaussian(*sizes(envs))
        before = [weights.clone() for weights in agent.parameters()]
        optimiser = torch.optim.Adam(agent.parameters(), 1e-3)
        steps: list[tuple[torch.Tensor, ...]] = []
        lengths: list[int] = []
        observations, _ = envs.reset(seed=1)
        for _ in range(20):
            now = torch.as_tensor(observations, dtype=torch.float32)
            with torch.no_grad():
                distribution = agent.distribution(now)
                action = distribution.sample()
                likely, value = distribution.log_prob(action).sum(-1), agent.value(now)[:, 0]
            observations, reward, terminated, truncated, infos = envs.step(action.numpy())
            rewarded = torch.as_tensor(reward, dtype=torch.float32)
            steps.append((now, action, likely, value, rewarded, torch.as_tensor(terminated | truncated)))
            if "episode" in infos:
                lengths += infos["episode"]["l"][infos["_episode"]].tolist()
        assert lengths == [8, 8, 8, 8]
        gained: list[torch.Tensor] = []
        following = agent.value(torch.as_tensor(observations, dtype=torch.float32))[:, 0].detach()
        for *_, value, rewarded, ended in reversed(steps):
            going = (~ended).float()
            error = rewarded + 0.99 * following * going - value
            gained.insert(0, error + (0.99 * 0.95 * going * gained[0] if gained else 0))
            following = value
        states, actions, before_likely, values, *_ = (torch.cat(each) for each in zip(*steps, strict=True))
        gain = torch.cat(gained)
        target = gain + values
        gain = (gain - gain.mean()) / (gain.std() + 1e-8)
        for _ in range(3):
            ratio = (agent.distribution(states).log_prob(actions).sum(-1) - before_likely).exp()
            policy = -torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
            loss = policy + 0.5 * (agent.value(states)[:, 0] - target).pow(2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        assert all(torch.isfinite(weights).all() for weights in agent.parameters())
        assert any(not torch.equal(a, b) for a, b in zip(before, agent.parameters(), strict=True))
        envs.close()


def test_sac_in_a_single_file() -> None:
    """SAC as single-file implementations write it: SameStep resets, and last observations from the infos."""
    torch.manual_seed(0)
    envs = gym.make_vec("FM-v0", 2, autoreset_mode="SameStep", **SHORT)
    size, count = sizes(envs)
    actor, critics = Gaussian(size, count), [Gaussian(size + count, 1) for _ in range(2)]
    optimisers = [torch.optim.Adam(each.parameters(), 1e-3) for each in (actor, *critics)]
    memory: list[tuple[torch.Tensor, ...]] = []

    def drawn(observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        distribution = actor.distribution(observations)
        raw = distribution.rsample()
        action = torch.tanh(raw)
        likely = distribution.log_prob(raw) - torch.log(1 - action.pow(2) + 1e-6)
        return action, likely.sum(-1)

    def worst(observations: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        both = torch.cat([observations, actions], dim=-1)
        return torch.stack([critic.value(both)[:, 0] for critic in critics]).amin(dim=0)

    observations, _ = envs.reset(seed=1)
    for step in range(24):
        with torch.no_grad():
            action, _ = drawn(torch.as_tensor(observations))
        following, reward, terminated, truncated, infos = envs.step(action.numpy())
        real = following.copy()
        for row in np.flatnonzero(terminated | truncated):
            real[row] = infos["final_obs"][row]
            assert not np.array_equal(real[row], following[row])
        memory.append((torch.as_tensor(observations), action, torch.as_tensor(real, dtype=torch.float32)))
        memory[-1] += (torch.as_tensor(reward, dtype=torch.float32), torch.as_tensor(terminated))
        observations = following
        if step < 8:
            continue
        now, acted, then, rewarded, ended = (torch.cat(column) for column in zip(*memory, strict=True))
        with torch.no_grad():
            next_action, likely = drawn(then)
            target = rewarded + 0.99 * (~ended).float() * (worst(then, next_action) - 0.2 * likely)
        both = torch.cat([now, acted], dim=-1)
        loss = sum((critic.value(both)[:, 0] - target).pow(2).mean() for critic in critics)
        assert isinstance(loss, torch.Tensor)
        for optimiser in optimisers[1:]:
            optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        action, likely = drawn(now)
        [optimiser.step() for optimiser in optimisers[1:]]
        optimisers[0].zero_grad()
        (0.2 * likely - worst(now, action)).mean().backward()  # type: ignore[no-untyped-call]
        optimisers[0].step()
    assert all(torch.isfinite(weights).all() for each in (actor, *critics) for weights in each.parameters())
    envs.close()


@pytest.mark.parametrize("env_id", IDS)
def test_torchrl(env_id: str) -> None:
    envs = pytest.importorskip("torchrl.envs", reason="TorchRL is not installed: pip install torchrl")
    made: list[tuple[Any, tuple[int, ...]]] = [
        (envs.GymEnv(env_id, **SHORT), ()),
        (envs.GymWrapper(gym.make(env_id, **SHORT)), ()),
        (envs.GymWrapper(gym.make_vec(env_id, 3, autoreset_mode="Disabled", **SHORT)), (3,)),
    ]
    if "Goal" not in env_id:  # TorchRL 0.14 reads no last observation that is a dict
        made.append((envs.GymWrapper(gym.make_vec(env_id, 3, autoreset_mode="SameStep", **SHORT)), (3,)))
    for env, batch in made:
        envs.check_env_specs(env)
        rollout = env.rollout(20, break_when_any_done=False)
        assert rollout["next", "reward"].shape == (*batch, 20, 1)
        assert rollout["next", "truncated"].sum() == 2 * int(np.prod(batch))
        env.close()
    if "Goal" not in env_id:
        pictured = envs.GymEnv(env_id, from_pixels=True, pixels_only=False, **SHORT)
        assert pictured.rollout(1)["next", "pixels"].shape[-1] == 3


def test_tianshou() -> None:
    pytest.importorskip("tianshou", reason="Tianshou, which wants pandas<3, is not installed")
    from tianshou.algorithm import SAC as TianshouSAC
    from tianshou.algorithm.modelfree.sac import SACPolicy
    from tianshou.algorithm.optim import AdamOptimizerFactory
    from tianshou.data import Collector, VectorReplayBuffer
    from tianshou.env import DummyVectorEnv
    from tianshou.trainer import OffPolicyTrainerParams
    from tianshou.utils.net.common import Net
    from tianshou.utils.net.continuous import ContinuousActorProbabilistic, ContinuousCritic

    envs = DummyVectorEnv([lambda: gym.make("FM-v0", **SHORT)] * 2)
    spaces = {"observation_space": envs.observation_space[0], "action_space": envs.action_space[0]}
    shapes = {"state_shape": spaces["observation_space"].shape, "action_shape": spaces["action_space"].shape}
    actor = ContinuousActorProbabilistic(
        preprocess_net=Net(state_shape=shapes["state_shape"], hidden_sizes=[16]),
        action_shape=shapes["action_shape"],
        unbounded=True,
        conditioned_sigma=True,
    )
    critic = ContinuousCritic(preprocess_net=Net(**shapes, hidden_sizes=[16], concat=True))
    algorithm = TianshouSAC(
        policy=SACPolicy(actor=actor, action_space=spaces["action_space"]),
        policy_optim=AdamOptimizerFactory(lr=1e-3),
        critic=critic,
        critic_optim=AdamOptimizerFactory(lr=1e-3),
    )
    collector = Collector(algorithm, envs, VectorReplayBuffer(200, 2))
    collector.reset()
    collector.collect(n_step=32, random=True)
    result = algorithm.run_training(
        OffPolicyTrainerParams(
            training_collector=collector,
            test_collector=None,
            max_epochs=1,
            epoch_num_steps=32,
            collection_step_num_env_steps=16,
            update_step_num_gradient_steps_per_sample=0.1,
            batch_size=16,
        )
    )
    assert result.train_step == 32
    assert result.train_episode == 4


@pytest.mark.parametrize("env_id", IDS)
def test_minari(env_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minari = pytest.importorskip("minari", reason="Minari is not installed: pip install 'minari[create]'")
    pytest.importorskip("jax", reason="Minari makes no data sets without JAX: pip install 'minari[create]'")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env = minari.DataCollector(gym.make(env_id, **SHORT), record_infos=True)
    rewards: list[list[float]] = [[]]
    env.reset(seed=0)
    for _ in range(24):
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        rewards[-1].append(float(reward))
        if terminated or truncated:
            env.reset()
            rewards.append([])
    name = f"synthgym/{env_id.lower().replace('-v0', '')}-v0"
    about = dict.fromkeys(("author", "author_email", "code_permalink", "algorithm_name"), "nobody")
    env.create_dataset(name, eval_env=env_id, description="random actions", **about)
    kept = minari.load_dataset(name)
    assert kept.total_steps == 24
    episodes = list(kept.iterate_episodes())
    np.testing.assert_array_equal([episode.rewards for episode in episodes], rewards[:-1])
    assert {"distance", "is_success", "renders"} <= {*episodes[0].infos}
    again = kept.recover_environment()
    assert again.spec.id == env_id
    first = again.reset(seed=0)[0]
    stored = episodes[0].observations
    begun = {k: v[0] for k, v in stored.items()} if isinstance(stored, dict) else stored[0]
    assert data_equivalence(first, begun)


@pytest.mark.slow
def test_rllib() -> None:
    reason = "RLlib is not installed; Ray 2.60 wants Gymnasium 1.2.2 for it"
    ppo = pytest.importorskip("ray.rllib.algorithms.ppo", reason=reason, exc_type=ImportError)
    config = ppo.PPOConfig().environment("FM-v0", env_config=SHORT)
    config = config.env_runners(num_env_runners=0, num_envs_per_env_runner=2, rollout_fragment_length=16)
    config = config.training(train_batch_size_per_learner=32, minibatch_size=16, num_epochs=1)
    algorithm = config.build_algo()
    try:
        assert algorithm.train()["env_runners"]["num_env_steps_sampled"] == 32
    finally:
        algorithm.stop()
        import ray

        ray.shutdown()
