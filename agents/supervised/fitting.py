"""A network that learns from a data set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch

from agents.models import Origin
from agents.settings import RunSettings
from agents.supervised.examples import Examples
from agents.supervised.game import EXPLORING, PLAYING, Round, Temperatures, example_loss, play, reward_loss
from agents.supervised.hyperparameters import FITTING, Fitting, Loss
from agents.supervised.model import Model
from synthgym.errors import SynthgymError
from synthgym.features import Features, distance
from synthgym.task import SoundMatchingTask

_KEPT = ("loss", "began", "validated", "waited", "best", "best_weights")


class Fitter:
    """A network that is being trained, and all that its training depends on.

    Args:
        settings: of the run.
        task: renders what it names.
        checkpoint: from which it goes on.
    """

    def __init__(
        self, settings: RunSettings, task: SoundMatchingTask, checkpoint: Path | None = None
    ) -> None:
        self.settings, self.task = settings, task
        self.fitting = Fitting(**{k: v for k, v in settings.hyperparameters.items() if k in FITTING})
        torch.manual_seed(settings.seed)
        training = None
        if checkpoint is None:
            options = {k: v for k, v in settings.hyperparameters.items() if k not in FITTING}
            origin = Origin.of(task, settings.env, settings.env_kwargs)
            try:
                self.model = Model.new(settings.agent, options, task, origin)
            except (TypeError, ValueError, RuntimeError) as error:
                raise SynthgymError(f"no {settings.agent} can be made of {options}: {error}") from error
        else:
            self.model, training = Model.load(settings.agent, checkpoint)
        self.optimizer = self._new_optimizer()
        self.loss: Loss | None = "parameter"
        """Of now; None if no loss makes it better."""
        self.began, self.validated, self.waited, self.best = 0, 0, 0, np.inf
        self.best_weights = self._weights()
        if training is not None:
            self.optimizer.load_state_dict(training["optimizer"])
            for name in _KEPT:
                setattr(self, name, training[name])
        if self.fitting.loss == "feature" and settings.steps <= self.fitting.games:
            raise SynthgymError(
                f"{settings.steps} steps with {self.fitting.games} games leave none to imitate; "
                "give more --steps, or --hyperparameters games=N, or loss=parameter"
            )

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: value.clone() for name, value in self.model.network.state_dict().items()}

    def save(self, path: Path) -> None:
        """Save a checkpoint."""
        training = {name: getattr(self, name) for name in _KEPT}
        self.model.save(path, training | {"optimizer": self.optimizer.state_dict()})

    def save_best(self, path: Path) -> None:
        """Save the network that was best on the validation examples."""
        self.model.network.load_state_dict(self.best_weights)
        self.model.save(path)

    def _new_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.model.network.parameters(), weight_decay=self.fitting.weight_decay)

    def _turn_ends(self) -> int:
        """Return the step at which the turn of the loss ends at the latest."""
        steps, games = self.settings.steps, self.fitting.games
        if self.loss == "feature":
            return min(steps, self.began + games)
        return steps - games if self.fitting.loss == "feature" else steps

    def is_over(self) -> bool:
        """Return whether the training is complete."""
        ended = self.model.steps >= self._turn_ends() and not self.is_due()
        return self.loss is None or ended

    def step(self, examples: Examples) -> float:
        """Learn from a mini-batch, or in a game; return its loss, or the mean distance at the game's end.

        A game that fails leaves the network as it was before.
        """
        fitting, done = self.fitting, self.model.steps
        rng = np.random.default_rng([self.settings.seed, done])
        left = 1 - (done - self.began) / max(self._turn_ends() - self.began, 1)
        first = fitting.game_learning_rate if self.loss == "feature" else fitting.learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = first * 0.5 * (1 - math.cos(math.pi * left))
        if self.loss == "feature":
            before = self._weights(), deepcopy(self.optimizer.state_dict())
            try:
                value = self._play(examples, rng)
            except BaseException:
                self.model.network.load_state_dict(before[0])
                self.optimizer.load_state_dict(before[1])
                raise
        else:
            value = self._imitate(examples, rng)
        self.model.steps += 1
        return value

    def _imitate(self, examples: Examples, rng: np.random.Generator) -> float:
        self.model.network.train()
        batch = examples.batch(self.model.steps, self.fitting.batch_size, self.settings.seed)
        loss = example_loss(self.model, *batch, rng)
        self._descend(loss)
        return float(loss.detach())

    def _play(self, examples: Examples, rng: np.random.Generator) -> float:
        fitting, seed, done = self.fitting, self.settings.seed, self.model.steps
        features, _ = examples.batch(done, fitting.targets, seed)
        for turn, now in enumerate(self._game(features, EXPLORING, rng)):
            again = examples.batch(done * fitting.rounds + turn, fitting.batch_size, seed)
            rewarded = reward_loss(self.model, features, now, rng)
            imitated = example_loss(self.model, *again, rng)
            self._descend(rewarded + fitting.rehearsal * imitated)
        return float(now.best.mean())

    def _game(
        self, features: Features, temperatures: Temperatures, rng: np.random.Generator
    ) -> Iterator[Round]:
        rounds, candidates = self.fitting.rounds, self.fitting.candidates
        return play(self.model, features, self.task, rounds, candidates, temperatures, rng)

    def _descend(self, loss: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.network.parameters(), 1.0)
        self.optimizer.step()

    def is_due(self) -> bool:
        """Return whether it is time to validate: every so often, and where a turn ends."""
        fitting, done = self.fitting, self.model.steps
        every = fitting.validate_games if self.loss == "feature" else fitting.validate_every
        return done > self.validated and ((done - self.began) % every == 0 or done >= self._turn_ends())

    def validate(self, examples: Examples) -> dict[str, float]:
        """Render for examples; keep the network if it is the best; end the imitation if it is time; return
        the errors.

        A network is judged by what it names at first; in games, by the best of a game, which must be nearer
        than it was before the first.
        """
        features, units = examples[:]
        rng = np.random.default_rng(self.settings.seed)
        named = self.model.name(features)
        errors = {"distance": float(distance(self.task.hear(named).features[0], features).mean())}
        with torch.no_grad():
            errors["surprise"] = float(example_loss(self.model, features, units, rng))
        if self.loss == "feature":
            errors["game_distance"] = self._best_of_a_game(examples)
            # The latest that is nearer: the least of noisy figures is chance.
            if errors["game_distance"] < self.best:
                self.best_weights = self._weights()
        else:
            nearer = errors["distance"] < self.best
            if nearer:
                self.best, self.best_weights = errors["distance"], self._weights()
            self.waited = 0 if nearer else self.waited + 1
            is_patient = self.waited < self.fitting.patience
            if self.fitting.loss == "feature" and not (is_patient and self.model.steps < self._turn_ends()):
                self._begin_games()
                self.best = errors["game_distance"] = self._best_of_a_game(examples)
            elif not is_patient:
                self.loss = None
        self.validated = self.model.steps
        return errors

    def _best_of_a_game(self, examples: Examples) -> float:
        features, _ = examples[: max(1, self.fitting.validate_on // 4)]
        *_, last = self._game(features, PLAYING, np.random.default_rng(self.settings.seed))
        return float(last.best.mean())

    def _begin_games(self) -> None:
        self.loss, self.began = "feature", self.model.steps
        self.model.network.load_state_dict(self.best_weights)
        self.optimizer = self._new_optimizer()
