"""A network that learns from a data set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from agents.models import Origin
from agents.settings import RunSettings
from agents.supervised.examples import Examples
from agents.supervised.game import EXPLORING, PLAYING, Round, Temperatures, example_loss, play, reward_loss
from agents.supervised.model import Model
from synthgym.checks import number, one_of, whole
from synthgym.errors import SynthgymError
from synthgym.features import Features, distance
from synthgym.task import SoundMatchingTask

Loss = Literal["parameter", "feature"]


@dataclass(frozen=True)
class Fitting:
    """How a network is trained.

    Attributes:
        loss: ``parameter``: how surprised it is by the parameters of examples (imitation). ``feature``: first
            that, then the feature distance of what it draws and renders, in games (reinforcement).
        batch_size: examples in a mini-batch.
        learning_rate: at first; it falls to zero as half a cosine over the loss's turn.
        game_learning_rate: likewise, in games.
        weight_decay: of AdamW.
        validate_every: mini-batches.
        validate_games: games.
        validate_on: so many validation examples, whose guesses are really rendered.
        patience: so many validations in a row without a new best end a loss's turn.
        games: of a run's steps, so many at its end are games.
        targets: of a game, side by side.
        rounds: of a game.
        candidates: renders for each target in a round.
        rehearsal: what the imitation of examples weighs beside a round's reward.
    """

    loss: Loss = "feature"
    batch_size: int = 256
    learning_rate: float = 1e-3
    game_learning_rate: float = 2e-4
    weight_decay: float = 0.01
    validate_every: int = 500
    validate_games: int = 50
    validate_on: int = 512
    patience: int = 8
    games: int = 200
    targets: int = 32
    rounds: int = 6
    candidates: int = 8
    rehearsal: float = 1.0

    def __post_init__(self) -> None:
        one_of("loss", self.loss, get_args(Loss))
        for name in ("batch_size", "validate_every", "validate_games", "validate_on", "patience", "games"):
            whole(name, getattr(self, name), 1, 10**9)
        for name in ("targets", "rounds", "candidates"):
            whole(name, getattr(self, name), 1, 1000)
        for name in ("learning_rate", "game_learning_rate", "weight_decay", "rehearsal"):
            number(name, getattr(self, name), 0, 10)


FITTING = [field.name for field in fields(Fitting)]
"""Names of hyperparameters."""


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
        self.began, self.waited, self.best, self.best_weights = 0, 0, np.inf, self._weights()
        if training is not None:
            self.optimizer.load_state_dict(training["optimizer"])
            for name in ("loss", "began", "waited", "best", "best_weights"):
                setattr(self, name, training[name])

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: value.clone() for name, value in self.model.network.state_dict().items()}

    def save(self, path: Path) -> None:
        """Save a checkpoint."""
        names = ("loss", "began", "waited", "best", "best_weights")
        training = {name: getattr(self, name) for name in names}
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

    def step(self, examples: Examples) -> float:
        """Learn from a mini-batch, or in a game; return its loss, or the mean distance at the game's end."""
        fitting, done = self.fitting, self.model.steps
        rng = np.random.default_rng([self.settings.seed, done])
        learn = self._play if self.loss == "feature" else self._imitate
        left = 1 - (done - self.began) / max(self._turn_ends() - self.began, 1)
        first = fitting.game_learning_rate if self.loss == "feature" else fitting.learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = first * 0.5 * (1 - math.cos(math.pi * left))
        value = learn(examples, rng)
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

    def is_validated_now(self) -> bool:
        """Return whether it is time to validate: every so often, and where a turn ends."""
        fitting, done = self.fitting, self.model.steps
        every = fitting.validate_games if self.loss == "feature" else fitting.validate_every
        return (done - self.began) % every == 0 or done >= self._turn_ends()

    def validate(self, examples: Examples) -> dict[str, float]:
        """Render for examples; keep the network if it is the best; end the loss's turn if it is time; return
        the errors.

        A network is judged by what it names at first; in the turn of the games, by the best of a game, which
        must be nearer than it was before the first.
        """
        features, units = examples[:]
        rng = np.random.default_rng(self.settings.seed)
        named = self.model.name(features)
        errors = {"distance": float(distance(self.task.hear(named).features[0], features).mean())}
        with torch.no_grad():
            errors["surprise"] = float(example_loss(self.model, features, units, rng))
        if self.loss == "feature":
            errors["game_distance"] = self._best_of_a_game(examples)
            # The latest, if it is nearer than before the games: the least of noisy figures is chance.
            if errors["game_distance"] < self.best:
                self.best_weights = self._weights()
        elif errors["distance"] < self.best:
            self.best, self.waited, self.best_weights = errors["distance"], 0, self._weights()
        else:
            self.waited += 1
        if self.waited >= self.fitting.patience or self.model.steps >= self._turn_ends():
            self._next_loss()
            if self.loss == "feature":
                self.best = errors["game_distance"] = self._best_of_a_game(examples)
        return errors | {"best_distance": self.best}

    def _best_of_a_game(self, examples: Examples) -> float:
        features, _ = examples[: self.fitting.validate_on // 4]  # each costs many renders
        *_, last = self._game(features, PLAYING, np.random.default_rng(self.settings.seed))
        return float(last.best.mean())

    def _next_loss(self) -> None:
        more = self.loss == "parameter" and self.fitting.loss == "feature"
        self.loss = "feature" if more else None
        if more:
            self.began, self.waited = self.model.steps, 0
            self.model.network.load_state_dict(self.best_weights)
            self.optimizer = self._new_optimizer()
