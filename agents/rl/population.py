"""A population of policies that are evaluated side by side, one in each environment."""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

import numpy as np
import sb3_contrib
import torch
from numpy.typing import NDArray
from sb3_contrib.ars.policies import ARSPolicy
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from torch.func import functional_call, vmap
from torch.nn.utils import parameters_to_vector


class NoisyPolicy(ARSPolicy):
    """sb3-contrib's policy of ARS with noise on its actions: a step that was undone is not tried again.

    Args:
        *args: of sb3-contrib's policy.
        noise: standard deviation of what is added to each value of an action.
        **kwargs: of sb3-contrib's policy.
    """

    def __init__(self, *args: Any, noise: float = 0.5, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.noise = noise

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "noise": self.noise}

    def forward(self, obs: Any) -> torch.Tensor:
        """Return actions (B, n) for observations."""
        actions = super().forward(obs)
        return torch.clamp(actions + self.noise * torch.randn_like(actions), -1, 1)

    def _predict(self, observation: Any, deterministic: bool = False) -> torch.Tensor:
        """Return actions (B, n) for observations, without noise if they are to be deterministic."""
        return super().forward(observation) if deterministic else self(observation)


class Population(sb3_contrib.ARS):
    """sb3-contrib's ARS, but its candidates are evaluated at once, each in an environment of its own.

    All candidates of an update have the same episodes and noise, so that only their weights tell them apart.
    Arguments and attributes are those of sb3-contrib's ARS; ``n_eval_episodes`` is the number of episodes for
    each candidate.
    """

    weights: torch.Tensor  # type: ignore[assignment]
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        **sb3_contrib.ARS.policy_aliases,
        "NoisyPolicy": NoisyPolicy,
    }

    def _setup_model(self) -> None:
        if isinstance(self.policy_class, str):
            self.policy_class = self.policy_aliases[self.policy_class]
        super()._setup_model()
        if self.policy_class is NoisyPolicy:
            # Saved is the name: the class is in a module of two names, that in a clone and that of the wheel.
            self.policy_class = NoisyPolicy.__name__  # type: ignore[assignment]

    def set_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Take over a policy; sb3-contrib would go on training from the weights it began with."""
        super().set_parameters(*args, **kwargs)
        self.weights = parameters_to_vector(self.policy.parameters()).detach()

    def evaluate_candidates(
        self, candidate_weights: torch.Tensor, callback: BaseCallback, async_eval: Any = None
    ) -> torch.Tensor:
        """Return the sum of rewards of every candidate (candidates,), over all its episodes.

        Args:
            candidate_weights: float32 (candidates, weights).
            callback: is told of every step.
            async_eval: of sb3-contrib's signature; not used.

        Returns:
            Float32 (candidates,).
        """
        self.ep_info_buffer = deque()
        callback.on_rollout_start()
        returns = torch.zeros(len(candidate_weights))
        evaluations = [
            (candidate, episode)
            for episode in range(self.n_eval_episodes)
            for candidate in range(len(candidate_weights))
        ]
        assert self.env is not None
        for at in range(0, len(evaluations), self.env.num_envs):
            candidates, episodes = (
                np.array(column) for column in zip(*evaluations[at : at + self.env.num_envs], strict=True)
            )
            sums = self._evaluate(candidate_weights[candidates], episodes, callback)
            returns.index_add_(0, torch.from_numpy(candidates), torch.from_numpy(sums).float())
        callback.on_rollout_end()
        return returns

    def _evaluate(
        self, weights: torch.Tensor, episodes: NDArray[np.int64], callback: BaseCallback
    ) -> NDArray[np.float64]:
        """Run one episode with each row of weights; return the sums of rewards."""
        first = (self.seed or 0) + self._n_updates * self.n_eval_episodes
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(first)  # where some are run after others, they have the same noise, too
            return self._run(weights, first + episodes, callback)

    def _run(
        self, weights: torch.Tensor, seeds: NDArray[np.int64], callback: BaseCallback
    ) -> NDArray[np.float64]:
        """As ``_evaluate``, with the seeds of the episodes."""
        env = self.env
        assert env is not None
        # Rows of environments that nobody needs repeat the last.
        rows = np.minimum(np.arange(env.num_envs), len(weights) - 1)
        env.seed(seeds[rows].tolist())
        observations: Any = env.reset()
        candidates = self._by_name(weights[rows])
        running = np.arange(env.num_envs) < len(weights)
        sums = np.zeros(env.num_envs)
        while running.any():
            observations, rewards, dones, infos = env.step(self._act(candidates, observations))
            sums[running] += rewards[running]
            self.num_timesteps += int(running.sum())
            dones = dones & running
            self._update_info_buffer([infos[row] for row in np.flatnonzero(dones)])
            callback.update_locals({"infos": infos, "dones": dones})
            callback.on_step()
            running &= ~dones
        return sums[: len(weights)]

    def _by_name(self, weights: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return flat weights (rows, all) as the policy's parameters, (rows, ...) each."""
        named = dict(self.policy.named_parameters())
        parts = torch.split(weights, [each.numel() for each in named.values()], dim=1)
        return {
            name: part.reshape(len(weights), *each.shape)
            for (name, each), part in zip(named.items(), parts, strict=True)
        }

    def _act(self, candidates: dict[str, torch.Tensor], observations: NDArray[Any]) -> NDArray[np.float32]:
        """Return each candidate's action on its own observation."""

        def act(parameters: dict[str, torch.Tensor], observation: torch.Tensor) -> torch.Tensor:
            action: torch.Tensor = functional_call(self.policy, parameters, (observation[None],))[0]
            return action

        with torch.no_grad():
            actions: torch.Tensor = vmap(act, randomness="same")(candidates, torch.as_tensor(observations))
        clipped: NDArray[np.float32] = np.clip(actions.numpy(), -1, 1)
        return clipped
