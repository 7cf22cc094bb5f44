"""A network that learns from a data set."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.task import SoundMatchingTask

from ..training.models import Origin
from ..training.run_config import RunConfig
from .config import TRAINER_NAMES, Loss, TrainerConfig
from .examples import Examples
from .model import Model
from .ppo import PPOLearner
from .reward_weighted import RewardWeighted, RolloutLearner, descend
from .rollout import SEARCHING, example_loss, play

LEARNERS: dict[str | None, Callable[[Model, SoundMatchingTask, TrainerConfig], RolloutLearner]] = {
    "feature": RewardWeighted,
    "ppo": PPOLearner,
}
"""Losses that a network learns from in games, after imitation."""
_KEPT = ("loss", "began", "validated", "waited", "best", "best_weights")


class Trainer:
    """A network that is being trained, and all that its training depends on.

    Args:
        settings: of the run.
        task: renders what it names.
        checkpoint: from which it goes on.
    """

    def __init__(self, run: RunConfig, task: SoundMatchingTask, checkpoint: Path | None = None) -> None:
        self.run, self.task = run, task
        self.config = TrainerConfig(**{k: v for k, v in run.hyperparameters.items() if k in TRAINER_NAMES})
        torch.manual_seed(run.seed)
        training = None
        if checkpoint is None:
            options = {k: v for k, v in run.hyperparameters.items() if k not in TRAINER_NAMES}
            origin = Origin.of(task, run.env, run.env_kwargs)
            try:
                self.model = Model.new(run.agent, options, task, origin)
            except (TypeError, ValueError, RuntimeError) as error:
                raise SynthgymError(f"no {run.agent} can be made of {options}: {error}") from error
        else:
            self.model, training = Model.load(run.agent, checkpoint)
        weights = self.model.network.parameters()
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(
            weights, weight_decay=self.config.weight_decay
        )
        self.rollouts: RolloutLearner | None = None
        self.loss: Loss | None = "parameter"
        """Of now; None if no loss makes it better."""
        self.began, self.validated, self.waited, self.best = 0, 0, 0, np.inf
        self.best_weights = self._weights()
        if training is not None:
            for name in _KEPT:
                setattr(self, name, training[name])
            if self.loss in LEARNERS:
                self._make_learner().load(training["state"])
            else:
                self.optimizer.load_state_dict(training["state"]["optimizer"])
        if self.config.loss in LEARNERS and run.steps <= self.config.rollouts:
            raise SynthgymError(
                f"{run.steps} steps with {self.config.rollouts} games leave none to imitate; "
                "give more --steps, or --hyperparameters games=N, or loss=parameter"
            )

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: value.clone() for name, value in self.model.network.state_dict().items()}

    def save(self, path: Path) -> None:
        """Save a checkpoint."""
        training = {name: getattr(self, name) for name in _KEPT}
        self.model.save(path, training | {"state": self._state()})

    def save_best(self, path: Path) -> None:
        """Save the network that was best on the validation examples."""
        self.model.network.load_state_dict(self.best_weights)
        self.model.save(path)

    def _state(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer.state_dict()} if self.rollouts is None else self.rollouts.state()

    def _make_learner(self) -> RolloutLearner:
        # A critic begins with random weights, whatever was loaded or shown before.
        torch.manual_seed(self.run.seed)
        self.rollouts = LEARNERS[self.config.loss](self.model, self.task, self.config)
        self.optimizer = self.rollouts.optimizer
        return self.rollouts

    def _turn_ends(self) -> int:
        """Return the step at which the turn of the loss ends at the latest."""
        steps, rollouts = self.run.steps, self.config.rollouts
        if self.rollouts is not None:
            return min(steps, self.began + rollouts)
        return steps - rollouts if self.config.loss in LEARNERS else steps

    def is_over(self) -> bool:
        """Return whether the training is complete."""
        ended = self.model.steps >= self._turn_ends() and not self.is_due()
        return self.loss is None or ended

    def step(self, examples: Examples) -> float:
        """Learn from a mini-batch, or in a game; return its loss, or the mean distance at the game's end.

        A game that fails leaves the network as it was before.
        """
        config, done = self.config, self.model.steps
        rng = np.random.default_rng([self.run.seed, done])
        left = 1 - (done - self.began) / max(self._turn_ends() - self.began, 1)
        first = config.learning_rate if self.rollouts is None else config.rollout_learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = first * 0.5 * (1 - math.cos(math.pi * left))
        if self.rollouts is None:
            value = self._imitate(examples, rng)
        else:
            before = self._weights(), deepcopy(self.rollouts.state())
            try:
                value = self._play(self.rollouts, examples, rng)
            except BaseException:
                self.model.network.load_state_dict(before[0])
                self.rollouts.load(before[1])
                raise
        self.model.steps += 1
        return value

    def _imitate(self, examples: Examples, rng: np.random.Generator) -> float:
        self.model.network.train()
        batch = examples.batch(self.model.steps, self.config.batch_size, self.run.seed)
        loss = example_loss(self.model, *batch, rng)
        descend(self.optimizer, loss)
        return float(loss.detach())

    def _play(self, rollouts: RolloutLearner, examples: Examples, rng: np.random.Generator) -> float:
        config, seed, done = self.config, self.run.seed, self.model.steps
        features, _ = examples.batch(done, config.targets, seed)

        def rehearsal(turn: int) -> torch.Tensor:
            again = examples.batch(done * rollouts.rehearsals + turn, config.batch_size, seed)
            return example_loss(self.model, *again, rng)

        return rollouts.play(features, rehearsal, rng)

    def is_due(self) -> bool:
        """Return whether it is time to validate: every so often, and where a turn ends."""
        config, done = self.config, self.model.steps
        every = config.validate_every if self.rollouts is None else config.validate_rollouts
        return done > self.validated and ((done - self.began) % every == 0 or done >= self._turn_ends())

    def validate(self, examples: Examples) -> dict[str, float]:
        """Render for examples; keep the network if it is the best; end the imitation if it is time; return
        the errors.

        A network is judged by what it names at first; in games, by the best of a game, which must be nearer
        than it was before the first.
        """
        features, units = examples[:]
        rng = np.random.default_rng(self.run.seed)
        named = self.model.name(features)
        errors = {"distance": float(distance(self.task.render(named).features[0], features).mean())}
        with torch.no_grad():
            errors["surprise"] = float(example_loss(self.model, features, units, rng))
        if self.rollouts is not None:
            errors["game_distance"] = self._best_of_a_rollout(examples)
            # The latest that is nearer: the least of noisy figures is chance.
            if errors["game_distance"] < self.best:
                self.best_weights = self._weights()
        else:
            nearer = errors["distance"] < self.best
            if nearer:
                self.best, self.best_weights = errors["distance"], self._weights()
            self.waited = 0 if nearer else self.waited + 1
            is_patient = self.waited < self.config.patience
            if self.config.loss in LEARNERS and not (is_patient and self.model.steps < self._turn_ends()):
                self._begin_rollouts()
                self.best = errors["game_distance"] = self._best_of_a_rollout(examples)
            elif not is_patient:
                self.loss = None
        self.validated = self.model.steps
        return errors

    def _best_of_a_rollout(self, examples: Examples) -> float:
        features, _ = examples[: max(1, self.config.validate_on // 4)]
        rng = np.random.default_rng(self.run.seed)
        rounds, candidates = self.config.rounds, self.config.candidates
        *_, last = play(self.model, features, self.task, rounds, candidates, SEARCHING, rng)
        return float(last.best.mean())

    def _begin_rollouts(self) -> None:
        self.loss, self.began = self.config.loss, self.model.steps
        self.model.network.load_state_dict(self.best_weights)
        self._make_learner()
