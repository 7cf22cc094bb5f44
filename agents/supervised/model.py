"""A network that names the parameters of a sound, and all that it takes to load it anywhere."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.errors import SynthgymError
from synthgym.features import Features
from synthgym.parameters import Parameter, ParameterSpace, Unit
from synthgym.task import SoundMatchingTask

from ..training.models import Origin
from .network import ENCODERS, Network


def shaping(agent: str) -> list[str]:
    """Return the arguments that shape an agent's network."""
    _, *names = inspect.signature(ENCODERS[agent]).parameters  # but the feature's shape
    return names


class Model:
    """A network, and the task that it was made for.

    Args:
        agent: name of the agent, which says which network it is.
        options: that shape the network.
        shape: of the feature, (frames, bins).
        bounds: least and greatest value of the feature, in each bin.
        origin: of the model.

    Attributes:
        steps: mini-batches it has seen, and games.
        renders: sounds that its training made.
        dataset: folder of the data set that it was trained on.
        dataset_renders: sounds that this cost.
    """

    def __init__(
        self,
        agent: str,
        options: Mapping[str, Any],
        shape: tuple[int, int],
        bounds: tuple[list[float], list[float]],
        origin: Origin,
    ) -> None:
        self.agent, self.origin, self.steps, self.renders = agent, origin, 0, 0
        self.dataset, self.dataset_renders = "", 0
        self._made_of = {"options": dict(options), "shape": shape, "bounds": bounds}
        free = [Parameter.read(kept) for kept in origin.identity["parameters"]]
        self.network = Network(agent, shape, ParameterSpace(free), **options)
        self._low, high = (torch.tensor(bound) for bound in bounds)
        self._range = high - self._low

    @classmethod
    def new(cls, agent: str, options: Mapping[str, Any], task: SoundMatchingTask, origin: Origin) -> Self:
        """Make a network for a task."""
        feature = task.feature
        low, high = (
            np.broadcast_to(bound, feature.shape[1:]).astype(float).tolist()
            for bound in (feature.low, feature.high)
        )
        return cls(agent, options, feature.shape, (low, high), origin)

    def encode(self, features: Features) -> torch.Tensor:
        """Return what the network hears in features (B, frames, bins)."""
        embedding: torch.Tensor = self.network.encoder((torch.from_numpy(features) - self._low) / self._range)
        return embedding

    def embed(self, features: Features) -> torch.Tensor:
        """Return the same, not to learn from."""
        self.network.eval()
        with torch.no_grad():
            return self.encode(features)

    def name(
        self, features: Features, temperature: float = 0.0, rng: np.random.Generator | None = None
    ) -> Unit:
        """Return unit vectors (B, n) that would sound like features (B, frames, bins).

        Args:
            features: of the sounds.
            temperature: as in ``Network.complete``.
            rng: likewise.
        """
        shape = len(features), self.network.encoding.parameters
        nothing = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
        return self.complete(self.embed(features), *nothing, temperature, rng)

    def complete(
        self,
        embedding: torch.Tensor,
        unit: Unit,
        known: NDArray[np.bool_],
        temperature: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> Unit:
        """Return unit vectors (B, n) with what is not known of them filled in.

        Args:
            heard: what ``listen`` returns, (B, width).
            unit: unit vectors (B, n).
            known: which of their values are kept, (B, n).
            temperature: as in ``Network.complete``.
            rng: likewise.
        """
        values = torch.from_numpy(unit), torch.from_numpy(known)
        found: Unit = self.network.complete(embedding, *values, temperature, rng).numpy()
        return found

    def save(self, path: Path, training: Mapping[str, Any] | None = None) -> None:
        """Save it; with the state of its training, if it is to go on from here."""
        kept = {
            "agent": self.agent,
            "made_of": self._made_of,
            "origin": self.origin.kept(),
            "weights": self.network.state_dict(),
            "steps": self.steps,
            "renders": self.renders,
            "dataset": self.dataset,
            "dataset_renders": self.dataset_renders,
            "training": training,
        }
        torch.save(kept, path)

    @classmethod
    def load(cls, agent: str, path: Path) -> tuple[Self, dict[str, Any] | None]:
        """Load a model and the state of its training; SynthgymError if the file is no model of the agent."""
        if not path.is_file():
            raise SynthgymError(f"no such model: {path}; train one with scripts/train.py")
        try:
            kept = torch.load(path, weights_only=True)
            if kept["agent"] != agent:
                raise ValueError(f"it is a model of {kept['agent']}")
            made_of, origin = kept["made_of"], Origin(**kept["origin"])
            model = cls(agent, made_of["options"], made_of["shape"], made_of["bounds"], origin)
            model.network.load_state_dict(kept["weights"])
            for name in ("steps", "renders", "dataset", "dataset_renders"):
                setattr(model, name, kept[name])
        except Exception as error:  # whatever is wrong with the file
            raise SynthgymError(
                f"{path} is no saved {agent} model; train one with scripts/train.py"
            ) from error
        return model, kept["training"]
