"""Rollouts for stable-baselines3's PPO (Schulman et al., "Proximal Policy Optimization Algorithms", 2017).

An action is a whole patch or a part of one, sampled from the network's distributions; a step is a render. In
the first round of a rollout ``candidates`` whole patches are sampled for each target, in each round after it
as many times a part of the best so far. Each sample is rewarded for itself: gamma is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import CombinedExtractor
from torch import nn

from synthgym.features import Features
from synthgym.notes import Notes
from synthgym.task import SoundMatchingTask

from ..training.divergence import Diverged, has_finite_weights
from .config import TrainerConfig
from .model import Model
from .ppo_env import Observation, RolloutVecEnv
from .reward_weighted import Rehearsal, descend
from .rollout import EXPLORING

TARGET_KL = 0.03
EPOCHS = 2
MINI_BATCH = 256


class SamplingPolicy(ActorCriticPolicy):
    """A network's samples as the actions of a policy, with a critic that shares its embedding.

    Args:
        *args: of stable-baselines3.
        model: that is sampled from.
        weight_decay: of AdamW.
        **kwargs: of stable-baselines3.

    Attributes:
        rng: of the samples; to be set before it acts.
    """

    rng: np.random.Generator

    def __init__(self, *args: Any, model: Model, weight_decay: float, **kwargs: Any) -> None:
        self._model, self._weight_decay = model, weight_decay
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule: Any) -> None:
        self.network = self._model.network
        last = nn.Linear(256, 1)
        nn.init.zeros_(last.weight)
        self.critic = nn.Sequential(
            nn.Linear(self.network.size + 2 * self.network.encoding.parameters + 2, 256), nn.Tanh(), last
        )
        parameters = [*self.network.parameters(), *self.critic.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, weight_decay=self._weight_decay)

    def set_training_mode(self, mode: bool) -> None:
        """Stay in evaluation mode, in which the samples and their log-probabilities were made."""
        self.network.eval()

    def forward(
        self, obs: Observation, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return samples, their expected values, and their log-probabilities.

        Args:
            obs: of B targets, by name.
            deterministic: whether the most probable values are wanted, not samples.

        Returns:
            Float32 (B, n) in [0, 1], (B, 1) and (B,).
        """
        embedding, known = self._encode(obs), obs["known"] > 0
        whole = not known.any()
        temperature = 0.0 if deterministic else EXPLORING[0 if whole else 1]
        actions = self.network.complete(embedding, obs["best"], known, temperature, self.rng)
        return actions, self._value(embedding, obs), self._log_probability(embedding, obs, actions)

    def evaluate_actions(
        self, obs: Observation, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, None]:
        """Return the expected values of samples, and their log-probabilities now.

        Args:
            obs: of B targets, by name.
            actions: samples, float32 (B, n) in [0, 1].

        Returns:
            Float32 (B, 1) and (B,), and None in place of the entropy.
        """
        embedding = self._encode(obs)
        return self._value(embedding, obs), self._log_probability(embedding, obs, actions), None

    def predict_values(self, obs: Observation) -> torch.Tensor:
        """Return the expected values of samples."""
        return self._value(self._encode(obs), obs)

    def _encode(self, obs: Observation) -> torch.Tensor:
        return self._model.encode(obs["feature"].numpy(), obs["notes"].numpy())

    def _value(self, embedding: torch.Tensor, obs: Observation) -> torch.Tensor:
        seen = torch.cat([embedding.detach(), obs["best"], obs["known"], obs["so_far"]], dim=1)
        value: torch.Tensor = self.critic(seen)
        return value

    def _log_probability(
        self, embedding: torch.Tensor, obs: Observation, actions: torch.Tensor
    ) -> torch.Tensor:
        """Return the log-probabilities (B,) of the values that are not seen, given those that are."""
        seen = obs["seen"] > 0
        encoding = self.network.encoding
        cross_entropy = encoding.cross_entropy(self.network(embedding, actions, seen), actions) * ~seen
        return -encoding.in_nats(cross_entropy).sum(dim=1)


class PPOLearner:
    """Learns by PPO, and rehearses examples after each rollout.

    Args:
        model: that learns.
        task: renders.
        config: of the rollouts.

    Attributes:
        rehearsals: mini-batches of imitation after a rollout.
    """

    rehearsals = 4

    def __init__(self, model: Model, task: SoundMatchingTask, config: TrainerConfig) -> None:
        self._env, self._config, self._model = RolloutVecEnv(task, config), config, model
        steps = config.rounds * config.candidates
        renders = steps * config.targets
        # Mini-batches of equal size, but not of one.
        size = max((n for n in range(2, MINI_BATCH + 1) if renders % n == 0), default=renders)
        self._ppo = PPO(
            SamplingPolicy,
            self._env,
            policy_kwargs={
                "model": model,
                "weight_decay": config.weight_decay,
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
    def _policy(self) -> SamplingPolicy:
        policy = self._ppo.policy
        assert isinstance(policy, SamplingPolicy)
        return policy

    def learn(
        self, features: Features, notes: Notes, rehearsal: Rehearsal, rng: np.random.Generator
    ) -> float:
        """Learn from a rollout, then rehearse.

        Args:
            features: of the targets, float32 (B, frames, bins).
            notes: of the targets, float64 (B, 3).
            rehearsal: gives the loss of imitation on a mini-batch.
            rng: of all that is random.

        Returns:
            The mean distance of the best, in [0, 1].
        """
        self._env.features, self._env.notes = features, notes
        self._env.rng, self._policy.rng = rng, rng
        rate = self.optimizer.param_groups[0]["lr"]
        self._ppo.lr_schedule = lambda _: rate
        # PPO goes through its mini-batches in an order of NumPy's global generator.
        kept = np.random.get_state()  # noqa: NPY002
        np.random.seed(int(rng.integers(2**32)))  # noqa: NPY002
        try:
            self._ppo.learn(self._ppo.n_steps * self._env.num_envs)
        finally:
            np.random.set_state(kept)  # noqa: NPY002
        # Its losses are its own: what came of them shows in the weights.
        if not has_finite_weights(self._policy):
            raise Diverged("weights are not finite")
        self._model.network.train()
        for turn in range(self.rehearsals):
            descend(self.optimizer, self._config.rehearsal * rehearsal(turn))
        return float(self._env.best.mean())

    def state(self) -> dict[str, Any]:
        """Return the states of optimizer and critic."""
        return {"optimizer": self.optimizer.state_dict(), "critic": self._policy.critic.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from the states of optimizer and critic."""
        self.optimizer.load_state_dict(state["optimizer"])
        self._policy.critic.load_state_dict(state["critic"])
