"""Games for stable-baselines3's PPO (Schulman et al., "Proximal Policy Optimization Algorithms", 2017).

An action is a whole patch or a part of one, drawn from the network's distributions; a step is a render. In a
game, for each target ``candidates`` whole patches are drawn in the first round, then in each round as often
parts of the best so far. Each draw is rewarded for itself: gamma is 0.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import CombinedExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from agents.supervised.game import EXPLORING, kept_parts
from agents.supervised.games import Rehearsal, descend
from agents.supervised.hyperparameters import Fitting
from agents.supervised.model import Model
from synthgym.features import Features, distance
from synthgym.parameters import Unit
from synthgym.task import SoundMatchingTask

TARGET_KL = 0.03
EPOCHS = 2
MINI_BATCH = 256

Observation = Any
"""Arrays or tensors by name: stable-baselines3's types are wider than what is observed here."""


class Draws(VecEnv):
    """A game as stable-baselines3 plays it: B targets side by side, a render of each at every step.

    Each is rewarded by minus its distance. (Parts rewarded for a gain alone, of which they have none
    where all stays as it was, taught it to leave what was good.)

    Args:
        task: renders.
        fitting: of targets, rounds and candidates.

    Attributes:
        features: of the targets (B, frames, bins); to be set before a reset.
        rng: draws; likewise.
        best: distances of the best so far (B,).
    """

    features: Features
    rng: np.random.Generator
    render_mode = None

    def __init__(self, task: SoundMatchingTask, fitting: Fitting) -> None:
        self._task, self._whole = task, fitting.candidates
        self._steps = fitting.candidates * fitting.rounds
        n = len(task.space)
        of_patch = gym.spaces.Box(0, 1, (n,), np.float32)
        observed: dict[str, gym.Space[Any]] = {
            "feature": gym.spaces.Box(-np.inf, np.inf, task.feature.shape, np.float32),
            "best": of_patch,
            "known": of_patch,
            "seen": of_patch,
            "so_far": gym.spaces.Box(0, 1, (2,), np.float32),
        }
        super().__init__(fitting.targets, gym.spaces.Dict(observed), of_patch)

    def reset(self) -> Observation:
        """Begin a game."""
        self._step = 0
        self.best = np.ones(self.num_envs)
        assert self.action_space.shape is not None
        self._unit: Unit = np.zeros((self.num_envs, *self.action_space.shape), np.float32)
        return self._observe()

    def _observe(self) -> Observation:
        """Return what the policy sees: the best so far, which of its values are kept, and in view of which
        others, too, a draw's likelihood is told (any will do, but never all)."""
        shape, rng = self._unit.shape, self.rng
        count, n = len(self._unit), self._unit.shape[1]
        parts = self._step >= self._whole
        known = kept_parts(count, n, rng) if parts else np.zeros(shape, np.bool_)
        seen = known | (rng.random(shape) < rng.random((count, 1)))
        seen[np.arange(count), np.where(known, -1, rng.random(shape)).argmax(axis=1)] = False
        done = np.full(count, self._step / self._steps)
        return {
            "feature": self.features,
            "best": self._unit.copy(),
            "known": known.astype(np.float32),
            "seen": seen.astype(np.float32),
            "so_far": np.stack([self.best, done], axis=1).astype(np.float32),
        }

    def step_async(self, actions: np.ndarray) -> None:
        """Take what was drawn."""
        self._drawn = actions

    def step_wait(self) -> tuple[Observation, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Render it."""
        far = distance(self._task.hear(self._drawn).features[0], self.features)
        # Even a first patch that shares nothing with its target is one, parts of which can be drawn again.
        better = (far < self.best) | (self._step == 0)
        self._unit[better], self.best[better] = self._drawn[better], far[better]
        self._step += 1
        over = np.full(len(far), self._step == self._steps)
        return self._observe(), -far.astype(np.float32), over, [{} for _ in far]

    def close(self) -> None:
        """Leave the task to whom it belongs."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return what it has, for each target."""
        return [getattr(self, attr_name)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: nothing is set for one target alone."""
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refuse, likewise."""
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Return that nothing is."""
        return [False] * self.num_envs


class Drawing(ActorCriticPolicy):
    """A network's draws as a policy, with a critic that hears as it does.

    Args:
        *args: of stable-baselines3.
        model: that draws.
        weight_decay: of AdamW.
        **kwargs: of stable-baselines3.

    Attributes:
        rng: draws; to be set before it acts.
    """

    rng: np.random.Generator

    def __init__(self, *args: Any, model: Model, weight_decay: float, **kwargs: Any) -> None:
        self._model, self._weight_decay = model, weight_decay
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule: Any) -> None:
        self.network = self._model.network
        width = self.network.head[0][0].in_features  # type: ignore[index]
        last = nn.Linear(256, 1)
        nn.init.zeros_(last.weight)
        self.critic = nn.Sequential(nn.Linear(width + 2, 256), nn.Tanh(), last)
        parameters = [*self.network.parameters(), *self.critic.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, weight_decay=self._weight_decay)

    def set_training_mode(self, mode: bool) -> None:
        """Hear as in play, always: what is learned from is how likely the draws were then."""
        self.network.eval()

    def forward(
        self, obs: Observation, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return draws, what they are expected to be worth, and their log-probabilities."""
        heard, known = self._hear(obs), obs["known"] > 0
        whole = not known.any()
        temperature = 0.0 if deterministic else EXPLORING[0 if whole else 1]
        actions = self.network.complete(heard, obs["best"], known, temperature, self.rng)
        return actions, self._value(heard, obs), self._log_probability(heard, obs, actions)

    def evaluate_actions(
        self, obs: Observation, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, None]:
        """Return what draws are expected to be worth, and their log-probabilities now."""
        heard = self._hear(obs)
        return self._value(heard, obs), self._log_probability(heard, obs, actions), None

    def predict_values(self, obs: Observation) -> torch.Tensor:
        """Return what draws are expected to be worth."""
        return self._value(self._hear(obs), obs)

    def _hear(self, obs: Observation) -> torch.Tensor:
        return self._model.hear(obs["feature"].numpy())

    def _value(self, heard: torch.Tensor, obs: Observation) -> torch.Tensor:
        seen = torch.cat([heard.detach(), obs["best"], obs["known"], obs["so_far"]], dim=1)
        value: torch.Tensor = self.critic(seen)
        return value

    def _log_probability(self, heard: torch.Tensor, obs: Observation, actions: torch.Tensor) -> torch.Tensor:
        """Return that of the values that are not seen, given those that are."""
        seen = obs["seen"] > 0
        encoding = self.network.encoding
        surprise = encoding.surprise(self.network(heard, actions, seen), actions) * ~seen
        return -encoding.in_nats(surprise).sum(dim=1)


class Proximal:
    """Learns by PPO, and rehearses examples after each game.

    Args:
        model: that learns.
        task: renders.
        fitting: how.

    Attributes:
        rehearsals: mini-batches of imitation after a game.
    """

    rehearsals = 4

    def __init__(self, model: Model, task: SoundMatchingTask, fitting: Fitting) -> None:
        self._env, self._fitting, self._model = Draws(task, fitting), fitting, model
        steps = fitting.rounds * fitting.candidates
        renders = steps * fitting.targets
        # Mini-batches of equal size, but not of one.
        size = max((n for n in range(2, MINI_BATCH + 1) if renders % n == 0), default=renders)
        self._ppo = PPO(
            Drawing,
            self._env,
            policy_kwargs={
                "model": model,
                "weight_decay": fitting.weight_decay,
                "features_extractor_class": CombinedExtractor,
            },
            n_steps=steps,
            batch_size=size,
            n_epochs=EPOCHS,
            gamma=0.0,
            target_kl=TARGET_KL,
            max_grad_norm=1.0,
            device="cpu",
        )
        self._ppo.set_logger(Logger(None, []))
        self.optimizer = self._policy.optimizer

    @property
    def _policy(self) -> Drawing:
        policy = self._ppo.policy
        assert isinstance(policy, Drawing)
        return policy

    def play(self, features: Features, rehearsal: Rehearsal, rng: np.random.Generator) -> float:
        """Play a game, learn from it, and rehearse."""
        self._env.features, self._env.rng, self._policy.rng = features, rng, rng
        rate = self.optimizer.param_groups[0]["lr"]
        self._ppo.lr_schedule = lambda _: rate
        # PPO goes through its mini-batches in an order of NumPy's global generator.
        kept = np.random.get_state()  # noqa: NPY002
        np.random.seed(int(rng.integers(2**32)))  # noqa: NPY002
        try:
            self._ppo.learn(self._ppo.n_steps * self._env.num_envs)
        finally:
            np.random.set_state(kept)  # noqa: NPY002
        self._model.network.train()
        for turn in range(self.rehearsals):
            descend(self.optimizer, self._fitting.rehearsal * rehearsal(turn))
        return float(self._env.best.mean())

    def state(self) -> dict[str, Any]:
        """Return the states of optimizer and critic."""
        return {"optimizer": self.optimizer.state_dict(), "critic": self._policy.critic.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Take them up."""
        self.optimizer.load_state_dict(state["optimizer"])
        self._policy.critic.load_state_dict(state["critic"])
