"""Evolution strategies over the weights of a small policy."""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.common.callbacks import BaseCallback
from torch.nn.utils import parameters_to_vector

from .population import Population


class ES(Population):
    """The evolution strategy of Salimans et al., "Evolution Strategies as a Scalable Alternative to
    Reinforcement Learning" (2017): mirrored normal noise, centred ranks, Adam.

    Arguments are those of sb3-contrib's ARS; all 2 ``n_delta`` candidates count, and the learning rate is
    Adam's.
    """

    def _setup_model(self) -> None:
        super()._setup_model()
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=self.lr_schedule(1.0))

    def _do_one_update(self, callback: BaseCallback, async_eval: Any = None) -> None:
        deviation = self.delta_std_schedule(self._current_progress_remaining)
        noise = torch.randn(self.n_delta, self.n_params)
        candidates = torch.cat([self.weights + deviation * noise, self.weights - deviation * noise])
        returns = self.evaluate_candidates(candidates, callback)
        ranks = returns.argsort().argsort().float() / (len(returns) - 1) - 0.5
        slope = (ranks[: self.n_delta] - ranks[self.n_delta :]) @ noise / (len(returns) * deviation)
        parameters = list(self.policy.parameters())
        sizes = [each.numel() for each in parameters]
        for each, part in zip(parameters, torch.split(slope, sizes), strict=True):
            each.grad = -part.reshape(each.shape)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr_schedule(self._current_progress_remaining)
        self.optimizer.step()
        self.weights = parameters_to_vector(parameters).detach()
        self.logger.record("train/delta_std", deviation)
        self.logger.record("train/slope", float(slope.norm()))
        self.logger.record("rollout/return_std", float(returns.std()))
        self._n_updates += 1

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        return ["policy", "optimizer"], []

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "optimizer"]
