"""A network that learns from a data set."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.models import Origin
from agents.settings import RunSettings
from agents.supervised.examples import Examples
from agents.supervised.game import PLAYING, example_loss, play
from agents.supervised.games import Games, Regression, descend
from agents.supervised.hyperparameters import FITTING, Fitting, Loss
from agents.supervised.model import Model
from agents.supervised.proximal import Proximal
from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.task import SoundMatchingTask

GAMES: dict[str | None, Callable[[Model, SoundMatchingTask, Fitting], Games]] = {
    "feature": Regression,
    "ppo": Proximal,
}
"""Losses that a network learns from in games, after imitation."""
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
        weights = self.model.network.parameters()
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(
            weights, weight_decay=self.fitting.weight_decay
        )
        self.games: Games | None = None
        self.loss: Loss | None = "parameter"
        """Of now; None if no loss makes it better."""
        self.began, self.validated, self.waited, self.best = 0, 0, 0, np.inf
        self.best_weights = self._weights()
        if training is not None:
            for name in _KEPT:
                setattr(self, name, training[name])
            if self.loss in GAMES:
                self._make_games().load(training["state"])
            else:
                self.optimizer.load_state_dict(training["state"]["optimizer"])
        if self.fitting.loss in GAMES and settings.steps <= self.fitting.games:
            raise SynthgymError(
                f"{settings.steps} steps with {self.fitting.games} games leave none to imitate; "
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
        return {"optimizer": self.optimizer.state_dict()} if self.games is None else self.games.state()

    def _make_games(self) -> Games:
        # A critic begins with random weights, whatever was loaded or shown before.
        torch.manual_seed(self.settings.seed)
        self.games = GAMES[self.fitting.loss](self.model, self.task, self.fitting)
        self.optimizer = self.games.optimizer
        return self.games

    def _turn_ends(self) -> int:
        """Return the step at which the turn of the loss ends at the latest."""
        steps, games = self.settings.steps, self.fitting.games
        if self.games is not None:
            return min(steps, self.began + games)
        return steps - games if self.fitting.loss in GAMES else steps

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
        first = fitting.learning_rate if self.games is None else fitting.game_learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = first * 0.5 * (1 - math.cos(math.pi * left))
        if self.games is None:
            value = self._imitate(examples, rng)
        else:
            before = self._weights(), deepcopy(self.games.state())
            try:
                value = self._play(self.games, examples, rng)
            except BaseException:
                self.model.network.load_state_dict(before[0])
                self.games.load(before[1])
                raise
        self.model.steps += 1
        return value

    def _imitate(self, examples: Examples, rng: np.random.Generator) -> float:
        self.model.network.train()
        batch = examples.batch(self.model.steps, self.fitting.batch_size, self.settings.seed)
        loss = example_loss(self.model, *batch, rng)
        descend(self.optimizer, loss)
        return float(loss.detach())

    def _play(self, games: Games, examples: Examples, rng: np.random.Generator) -> float:
        fitting, seed, done = self.fitting, self.settings.seed, self.model.steps
        features, _ = examples.batch(done, fitting.targets, seed)

        def rehearsal(turn: int) -> torch.Tensor:
            again = examples.batch(done * games.rehearsals + turn, fitting.batch_size, seed)
            return example_loss(self.model, *again, rng)

        return games.play(features, rehearsal, rng)

    def is_due(self) -> bool:
        """Return whether it is time to validate: every so often, and where a turn ends."""
        fitting, done = self.fitting, self.model.steps
        every = fitting.validate_every if self.games is None else fitting.validate_games
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
        if self.games is not None:
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
            if self.fitting.loss in GAMES and not (is_patient and self.model.steps < self._turn_ends()):
                self._begin_games()
                self.best = errors["game_distance"] = self._best_of_a_game(examples)
            elif not is_patient:
                self.loss = None
        self.validated = self.model.steps
        return errors

    def _best_of_a_game(self, examples: Examples) -> float:
        features, _ = examples[: max(1, self.fitting.validate_on // 4)]
        rng = np.random.default_rng(self.settings.seed)
        rounds, candidates = self.fitting.rounds, self.fitting.candidates
        *_, last = play(self.model, features, self.task, rounds, candidates, PLAYING, rng)
        return float(last.best.mean())

    def _begin_games(self) -> None:
        self.loss, self.began = self.fitting.loss, self.model.steps
        self.model.network.load_state_dict(self.best_weights)
        self._make_games()
