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
from agents.supervised.examples import Batch, Examples
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
        loss: ``parameter``: the error of what it names. ``feature``: first that, and when it gets no better,
            the feature distance of the real render of what it names (see ``feature_loss``).
        batch_size: examples in a mini-batch.
        learning_rate: at first; it falls to zero as half a cosine over the run.
        feature_learning_rate: from where the feature loss begins.
        weight_decay: of AdamW.
        validate_every: mini-batches.
        validate_on: so many validation examples, whose guesses are really rendered.
        patience: so many validations in a row without a new best end a loss's turn.
        candidates: renders of each example of a mini-batch, by the feature loss.
        spread: standard deviation of numbers among these, in the unit cube.
    """

    loss: Loss = "parameter"
    batch_size: int = 256
    learning_rate: float = 1e-3
    feature_learning_rate: float = 1e-4
    weight_decay: float = 0.01
    validate_every: int = 500
    validate_on: int = 512
    patience: int = 8
    candidates: int = 4
    spread: float = 0.02

    def __post_init__(self) -> None:
        one_of("loss", self.loss, get_args(Loss))
        for name in ("batch_size", "validate_every", "validate_on", "patience"):
            whole(name, getattr(self, name), 1, 10**9)
        whole("candidates", self.candidates, 2, 1000)
        for name in ("learning_rate", "feature_learning_rate", "weight_decay", "spread"):
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

    def step(self, batch: Batch) -> float:
        """Learn from a mini-batch; return its loss."""
        fitting, features, units = self.fitting, *batch
        feature = self.loss == "feature"
        left = 1 - (self.model.steps - self.began) / max(self.settings.steps - self.began, 1)
        first = fitting.feature_learning_rate if feature else fitting.learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = first * 0.5 * (1 - math.cos(math.pi * left))
        self.model.network.train()
        outputs = self.model(features)
        if feature:
            rng = np.random.default_rng([self.settings.seed, self.model.steps])
            loss, value = feature_loss(
                self.model.encoding, outputs, features, self.task, fitting.candidates, fitting.spread, rng
            )
        else:
            loss = self.model.encoding.parameter_error(outputs, units)
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
        guessed = self.model.guess(features.numpy())
        with torch.no_grad():
            parameter = float(self.model.encoding.parameter_error(self.model(features), units))
        heard = self.task.hear(guessed).features[0]
        far = float(distance(heard, features.numpy()).mean())
        if far < self.best:
            self.best, self.waited, self.best_weights = far, 0, self._weights()
        else:
            self.waited += 1
        if self.waited >= self.fitting.patience:
            self._next_loss()
        return {"distance": far, "best_distance": self.best, "parameter_error": parameter}

    def _next_loss(self) -> None:
        more = self.loss == "parameter" and self.fitting.loss == "feature"
        self.loss = "feature" if more else None
        if more:
            self.began, self.waited = self.model.steps, 0
            self.model.network.load_state_dict(self.best_weights)
