"""A network of steps, and all that it takes to load it anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch

from synthgym.parameters import Parameter, ParameterSpace
from synthgym.task import SoundMatchingTask

from ..training.divergence import has_finite_weights
from ..training.models import Origin, read_counts
from ..training.refusal import made, no_model
from ..training.shipped import SUFFIX
from ..training.weights import read_weights, with_weights
from .network import StepNetwork
from .pooling import sees_notes
from .shipped import read_shipped

AGENT = "guided"


class Model:
    """A network of steps, and the task that it was made for.

    Args:
        made_of: ``shape`` of the feature, ``sample_rate`` or None, and what shapes the network.
        origin: of the model.

    Attributes:
        steps: mini-batches and iterations that it was trained for.
        renders: sounds that its training rendered.
    """

    def __init__(self, made_of: Mapping[str, Any], origin: Origin) -> None:
        self._made_of, self.origin, self.steps, self.renders = dict(made_of), origin, 0, 0
        free = [Parameter.read(kept) for kept in origin.identity["parameters"]]
        self.network = StepNetwork(space=ParameterSpace(free), **made_of)

    @classmethod
    def new(cls, task: SoundMatchingTask, options: Mapping[str, Any], origin: Origin) -> Self:
        """Make a network for a task.

        Args:
            task: whose feature it sees, and whose parameters it changes.
            options: of the network, by name.
            origin: what it is trained on.

        Returns:
            The network, with random weights of torch's generator.
        """
        rate = task.synth.sample_rate if sees_notes(task.feature) else None
        return cls({"shape": task.feature.shape, "sample_rate": rate, **options}, origin)

    @property
    def frames(self) -> int:
        """How many frames of a sound it sees, at most."""
        frames: int = self._made_of["shape"][0]
        return frames

    def weights(self) -> dict[str, torch.Tensor]:
        """Return a copy of the weights by name."""
        return {name: value.clone() for name, value in self.network.state_dict().items()}

    def save(self, path: Path, training: Mapping[str, Any] | None = None) -> None:
        """Save it; with the state of its training, if it is to go on from here.

        Args:
            path: file to write.
            training: state of the training, as torch can keep it (default: none).
        """
        torch.save({**self.kept(), "training": training}, path)

    def kept(self) -> dict[str, Any]:
        """Return all that it takes to make it again."""
        return {
            "agent": AGENT,
            "made_of": self._made_of,
            "origin": self.origin.kept(),
            "weights": self.network.state_dict(),
            "steps": self.steps,
            "renders": self.renders,
        }

    @classmethod
    def load(cls, path: Path) -> tuple[Self, dict[str, Any] | None]:
        """Load a model and the state of its training.

        Raises:
            SynthgymError: the file holds no model of the agent; the message names the cause.
        """
        kept = read_shipped(path) if path.suffix == SUFFIX else read_weights(AGENT, path)
        with made(AGENT, path):
            made_of, origin = kept["made_of"], Origin.read(kept["origin"])
            model = with_weights(lambda: cls(made_of, origin), lambda model: model.network, kept["weights"])
            model.steps, model.renders = read_counts(kept, "steps", "renders")
            training: dict[str, Any] | None = kept["training"]
        if not has_finite_weights(model.network):
            raise no_model(AGENT, path, "its weights are not finite")
        return model, training
