"""A network that learns from a data set."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from agents.models import Origin
from agents.settings import RunSettings
from agents.supervised.examples import Examples
from agents.supervised.losses import feature_loss
from agents.supervised.model import Model
from synthgym.checks import number, one_of, whole
from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.task import SoundMatchingTask

Loss = Literal["parameter", "feature"]


@dataclass(frozen=True)
class Fitting:
    """How a network is trained.

    Attributes:
        loss: ``parameter``: how surprised it is by the parameters of examples. ``feature``: first that, then
            the feature distance of real renders of what it names (``feature_loss``).
        batch_size: examples in a mini-batch.
        learning_rate: at first; it falls to zero as half a cosine over the loss's turn.
        feature_learning_rate: likewise, of the feature loss.
        weight_decay: of AdamW.
        validate_every: mini-batches.
        validate_on: so many validation examples, whose guesses are really rendered.
        patience: so many validations in a row without a new best end a loss's turn.
        feature_share: of a run's mini-batches, those at its end are the feature loss's.
        feature_batch_size: examples in such a mini-batch.
        candidates: renders of each of these.
    """

    loss: Loss = "parameter"
    batch_size: int = 256
    learning_rate: float = 1e-3
    feature_learning_rate: float = 1e-4
    weight_decay: float = 0.01
    validate_every: int = 500
    validate_on: int = 512
    patience: int = 8
    feature_share: float = 0.1
    feature_batch_size: int = 32
    candidates: int = 8

    def __post_init__(self) -> None:
        one_of("loss", self.loss, get_args(Loss))
        for name in ("batch_size", "feature_batch_size", "validate_every", "validate_on", "patience"):
            whole(name, getattr(self, name), 1, 10**9)
        number("feature_share", self.feature_share, 0, 1)
        whole("candidates", self.candidates, 2, 1000)
        for name in ("learning_rate", "feature_learning_rate", "weight_decay"):
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
        self.optimizer = torch.optim.AdamW(
            self.model.network.parameters(),
            lr=self.fitting.learning_rate,
            weight_decay=self.fitting.weight_decay,
        )
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

    def turn_ends(self) -> int:
        """Return the mini-batch at which the turn of the loss ends at the latest; validate there, as the
        next goes on from the best that was validated."""
        steps = self.settings.steps
        is_followed = self.loss == "parameter" and self.fitting.loss == "feature"
        return round(steps * (1 - self.fitting.feature_share)) if is_followed else steps

    def step(self, examples: Examples) -> float:
        """Learn from the next mini-batch; return its loss, by the feature loss its mean distance."""
        fitting, seed, done = self.fitting, self.settings.seed, self.model.steps
        if self.loss == "parameter" and done >= self.turn_ends():
            self._next_loss()
        feature = self.loss == "feature"
        size = fitting.feature_batch_size if feature else fitting.batch_size
        features, units = examples.batch(done, size, seed)
        left = 1 - (done - self.began) / max(self.turn_ends() - self.began, 1)
        first = fitting.feature_learning_rate if feature else fitting.learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = first * 0.5 * (1 - math.cos(math.pi * left))
        rng = np.random.default_rng([seed, done])
        if feature:
            loss, value = feature_loss(self.model, features, self.task, fitting.candidates, rng)
        else:
            self.model.network.train()
            heard = self.model.hear(features)
            loss = self.model.network.loss(heard, torch.from_numpy(units), rng).mean()
            value = float(loss.detach())
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.network.parameters(), 1.0)
        self.optimizer.step()
        self.model.steps += 1
        return value

    def validate(self, examples: Examples) -> dict[str, float]:
        """Render what is named for examples; keep the network if it is the best; return the errors."""
        features, units = examples[:]
        named = self.model.name(features)
        far = float(distance(self.task.hear(named).features[0], features).mean())
        with torch.no_grad():
            heard = self.model.hear(features)
            rng = np.random.default_rng(self.settings.seed)
            surprise = float(self.model.network.loss(heard, torch.from_numpy(units), rng).mean())
        if far < self.best:
            self.best, self.waited, self.best_weights = far, 0, self._weights()
        else:
            self.waited += 1
        if self.waited >= self.fitting.patience:
            self._next_loss()
        return {"distance": far, "best_distance": self.best, "surprise": surprise}

    def _next_loss(self) -> None:
        more = self.loss == "parameter" and self.fitting.loss == "feature"
        self.loss = "feature" if more else None
        if more:
            self.began, self.waited = self.model.steps, 0
            self.model.network.load_state_dict(self.best_weights)
