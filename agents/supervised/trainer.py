"""A network that learns from examples: first by imitation of its examples, then by rollouts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.task import SoundMatchingTask

from ..training.divergence import Diverged
from ..training.models import Origin
from ..training.refusal import going_on
from ..training.run_config import RunConfig
from .config import TRAINER_NAMES, Loss, TrainerConfig
from .examples import Examples, MiniBatches
from .model import Model
from .others import Other
from .ppo import PPOLearner
from .reward_weighted import RewardWeighted, RolloutLearner, descend
from .rollout import SEARCHING, example_loss, roll_out

ROLLOUT_LEARNERS: dict[str | None, Callable[[Model, SoundMatchingTask, TrainerConfig], RolloutLearner]] = {
    "feature": RewardWeighted,
    "ppo": PPOLearner,
}
"""How a network learns from rollouts after imitation, by the loss."""
_KEPT = ("loss", "began", "validated", "waited", "best", "best_weights")


class Trainer:
    """A network that is being trained, and all that its training depends on.

    Args:
        run: config of the run.
        task: renders what the network predicts.
        checkpoint: from which it goes on.
    """

    def __init__(self, run: RunConfig, task: SoundMatchingTask, checkpoint: Path | None = None) -> None:
        self.run, self.task = run, task
        self.config = TrainerConfig.of(run)
        torch.manual_seed(run.seed)
        training = None
        if checkpoint is None:
            self.model = self._new_model()
        else:
            self.model, training = Model.load(run.agent, checkpoint)
            self.model.origin.check(task, checkpoint)
        weights = self.model.network.parameters()
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(
            weights, weight_decay=self.config.weight_decay
        )
        self.rollouts: RolloutLearner | None = None
        self.loss: Loss | None = "parameter"
        """The loss that is learned from now; None if training is complete."""
        self.began, self.validated, self.waited, self.best = 0, 0, 0, np.inf
        self.best_weights = self._weights()
        self.others: list[Other] = []
        """Other synthesisers that are learned in turn with its own."""
        if checkpoint is not None and training is not None:
            with going_on(run.agent, checkpoint):
                for name in _KEPT:
                    setattr(self, name, training[name])
                if self.loss in ROLLOUT_LEARNERS:
                    self._make_learner().load_state(training["state"])
                else:
                    self.optimizer.load_state_dict(training["state"]["optimizer"])
        if self.config.loss in ROLLOUT_LEARNERS and run.steps <= self.config.rollouts:
            raise SynthgymError(
                f"{run.steps} steps with {self.config.rollouts} rollouts leave none for imitation; "
                "give more --steps, or --hyperparameters rollouts=N, or loss=parameter"
            )

    def _new_model(self) -> Model:
        run = self.run
        options = {k: v for k, v in run.hyperparameters.items() if k not in TRAINER_NAMES}
        origin = Origin.of(self.task, run.env, run.env_kwargs)
        try:
            model = Model.new(run.agent, options, self.task, origin)
        except SynthgymError:  # which is a ValueError
            raise
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:
            raise SynthgymError(f"no {run.agent} can be made of {options}: {error}") from error
        if self.config.weights is not None:
            model.begin_with(Path(self.config.weights))
        return model

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
        # A critic begins with random weights, whatever was loaded or previewed before.
        torch.manual_seed(self.run.seed)
        self.rollouts = ROLLOUT_LEARNERS[self.config.loss](self.model, self.task, self.config)
        self.optimizer = self.rollouts.optimizer
        return self.rollouts

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Leave everything as it was before, if the body raises."""
        kept = {name: getattr(self, name) for name in (*_KEPT, "rollouts", "optimizer")}
        weights, state = self._weights(), deepcopy(self._state())
        try:
            yield
        except BaseException:
            for name, value in kept.items():
                setattr(self, name, value)
            self.model.network.load_state_dict(weights)
            if self.rollouts is None:
                self.optimizer.load_state_dict(state["optimizer"])
            else:
                self.rollouts.load_state(state)
            raise

    def _phase_end(self) -> int:
        """Return the step at which the phase of imitation, or of rollouts, ends at the latest."""
        steps, rollouts = self.run.steps, self.config.rollouts
        if self.rollouts is not None:
            return min(steps, self.began + rollouts)
        return steps - rollouts if self.config.loss in ROLLOUT_LEARNERS else steps

    def is_over(self) -> bool:
        """Return whether the training is complete."""
        ended = self.model.steps >= self._phase_end() and not self.is_due()
        return self.loss is None or ended

    def step(self, examples: MiniBatches) -> float:
        """Learn from a mini-batch, or from a rollout; return the loss, or the mean distance of the best.

        A step that fails leaves the network as it was before.

        Raises:
            Diverged: a loss is not finite.
        """
        config, done = self.config, self.model.steps
        rng = np.random.default_rng([self.run.seed, done])
        left = 1 - (done - self.began) / max(self._phase_end() - self.began, 1)
        first = config.learning_rate if self.rollouts is None else config.rollout_learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = first * 0.5 * (1 - math.cos(math.pi * left))
        if self.rollouts is None:
            value = self._imitate(examples, rng)
        else:
            with self._all_or_nothing():
                value = self._roll_out(self.rollouts, examples, rng)
        self.model.steps += 1
        return value

    def _imitate(self, examples: MiniBatches, rng: np.random.Generator) -> float:
        turns = [(self.model, examples), *((other.model, other.examples) for other in self.others)]
        number, turn = divmod(self.model.steps, len(turns))
        model, of_it = turns[turn]
        model.network.train()
        batch = of_it.batch(number, self.config.batch_size, self.run.seed)
        loss = example_loss(model, *batch, rng)
        descend(self.optimizer, loss)
        return float(loss.detach())

    def _roll_out(self, rollouts: RolloutLearner, examples: MiniBatches, rng: np.random.Generator) -> float:
        config, seed, done = self.config, self.run.seed, self.model.steps
        features, _, notes = examples.batch(done, config.targets, seed)

        def rehearsal(turn: int) -> torch.Tensor:
            again = examples.batch(done * rollouts.rehearsals + turn, config.batch_size, seed)
            return example_loss(self.model, *again, rng)

        return rollouts.learn(features, notes, rehearsal, rng)

    def is_due(self) -> bool:
        """Return whether it is time to validate: every so often, and where a phase ends."""
        config, done = self.config, self.model.steps
        every = config.validate_every if self.rollouts is None else config.validate_rollouts
        return done > self.validated and ((done - self.began) % every == 0 or done >= self._phase_end())

    def validate(self, examples: Examples) -> dict[str, float]:
        """Validate on examples, keep the network if it is the best, and end the imitation if it is time.

        A network that imitates is judged by the distance of what it predicts; one that learns from rollouts
        by the best of a rollout, which must be nearer than it was before the first.

        Returns:
            The errors by name. A validation that fails leaves everything as it was before.

        Raises:
            Diverged: an error is not finite.
        """
        with self._all_or_nothing():
            errors = self._errors(examples)
            if self.rollouts is None:
                self._judge_imitation(examples, errors)
            else:
                errors["rollout_distance"] = self._best_of_a_rollout(examples)
                # The latest that is nearer, not the nearest: the least of noisy figures is chance.
                if errors["rollout_distance"] < self.best:
                    self.best_weights = self._weights()
            self.validated = self.model.steps
        return errors

    def _errors(self, examples: Examples) -> dict[str, float]:
        errors = self._errors_of(self.model, self.task, examples)
        if not self.others:
            return errors
        each = {self.run.env: errors}
        for other in self.others:
            env = other.model.origin.env
            names = (env, *(f"{env}-{number}" for number in range(2, len(each) + 2)))
            name = next(name for name in names if name not in each)  # several may be of an id
            each[name] = self._errors_of(other.model, other.task, other.held_out)
        mean = {name: float(np.mean([of[name] for of in each.values()])) for name in errors}
        return mean | {f"{name}/{env}": of[name] for env, of in each.items() for name in of}

    def _errors_of(self, model: Model, task: SoundMatchingTask, examples: Examples) -> dict[str, float]:
        features, units, notes = examples[:]
        model.network.eval()
        with torch.no_grad():
            rng = np.random.default_rng(self.run.seed)
            cross_entropy = float(example_loss(model, features, units, notes, rng))
        if not math.isfinite(cross_entropy):
            raise Diverged(f"the cross-entropy of the validation examples is {cross_entropy:g}")
        rendered = task.render(model.predict(features, notes), notes).features[0]
        return {"distance": float(distance(rendered, features).mean()), "cross_entropy": cross_entropy}

    def _judge_imitation(self, examples: Examples, errors: dict[str, float]) -> None:
        is_nearer = errors["distance"] < self.best
        if is_nearer:
            self.best, self.best_weights = errors["distance"], self._weights()
        self.waited = 0 if is_nearer else self.waited + 1
        is_patient = self.waited < self.config.patience
        if self.config.loss in ROLLOUT_LEARNERS and not (is_patient and self.model.steps < self._phase_end()):
            self.loss, self.began = self.config.loss, self.model.steps
            self.model.network.load_state_dict(self.best_weights)
            self._make_learner()
            self.best = errors["rollout_distance"] = self._best_of_a_rollout(examples)
        elif not is_patient:
            self.loss = None

    def _best_of_a_rollout(self, examples: Examples) -> float:
        features, _, notes = examples[: max(1, self.config.validate_on // 4)]
        rng = np.random.default_rng(self.run.seed)
        rounds, candidates = self.config.rounds, self.config.candidates
        *_, last = roll_out(self.model, features, notes, self.task, rounds, candidates, SEARCHING, rng)
        return float(last.best.mean())
