"""A network that predicts the parameters of a sound, and all that it takes to load it anywhere."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.errors import SynthgymError
from synthgym.features import Features
from synthgym.notes import Notes
from synthgym.parameters import Parameter, ParameterSpace, Unit
from synthgym.task import SoundMatchingTask

from ..training.divergence import has_finite_weights
from ..training.models import OF_ANY_SYNTH, Origin, read_counts
from ..training.old_names import current_weights
from ..training.refusal import made, no_model
from ..training.run_folder import RunFolder
from ..training.weights import read_weights, with_weights
from .network import ENCODERS, DenseNetwork, Network
from .transformer import Transformer


def _space_of(origin: Origin) -> ParameterSpace:
    return ParameterSpace([Parameter.read(kept) for kept in origin.identity["parameters"]])


def shaping(agent: str) -> list[str]:
    """Return the arguments that shape an agent's network."""
    names = inspect.signature(ENCODERS.get(agent, Transformer)).parameters
    return [name for name in names if name not in ("shape", "space")]


def _make_network(
    agent: str, shape: tuple[int, int], space: ParameterSpace, options: Mapping[str, Any]
) -> Network:
    if agent == OF_ANY_SYNTH:
        return Transformer(shape, space, **options)
    return DenseNetwork(ENCODERS[agent], shape, space, **options)


class Model:
    """A network, and the task that it was made for.

    Args:
        agent: name of the agent, which says which network it is.
        options: that shape the network.
        shape: of the feature, (frames, bins); what varies of the notes is seen beside it in each frame.
        bounds: least and greatest value of the feature, in each bin.
        origin: of the model.

    Attributes:
        steps: mini-batches and rollouts that it was trained for.
        renders: sounds that its training rendered.
        dataset: folder of the data set that it was trained on.
        dataset_renders: sounds that were rendered for that data set.
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
        self.note = origin.note
        frames, bins = shape
        seen = frames, bins + len(self.note.varies)
        self.network = _make_network(agent, seen, _space_of(origin), options)
        self._low, high = (torch.tensor(bound) for bound in bounds)
        self._range = high - self._low

    @classmethod
    def new(cls, agent: str, options: Mapping[str, Any], task: SoundMatchingTask, origin: Origin) -> Self:
        """Make a network for a task.

        Args:
            agent: its name, which says what encodes the sounds.
            options: of the network, by name.
            task: whose feature it sees, and whose parameters it predicts.
            origin: what it is trained on.

        Returns:
            The network, with random weights of torch's generator.
        """
        feature = task.feature
        low, high = (
            np.broadcast_to(bound, feature.shape[1:]).astype(float).tolist()
            for bound in (feature.low, feature.high)
        )
        return cls(agent, options, feature.shape, (low, high), origin)

    def beside(self, origin: Origin) -> Self:
        """Return the same network, with the same weights, for another synthesiser.

        Args:
            origin: of the other. Its notes are those that this one learns.

        Returns:
            A model that learns what this one learns.

        Raises:
            SynthgymError: the network is of one synthesiser alone, or does not see the other's sounds.
        """
        if not isinstance(self.network, Transformer):
            raise SynthgymError(
                f"{self.agent} learns one synthesiser alone: leave weights and others out, "
                f"or train {OF_ANY_SYNTH}"
            )
        mine, others = self.origin.hears(), origin.hears()
        if mine != others:
            raise SynthgymError(f"the network sees {mine}, and {origin.env} has {others}; leave it out")
        other = copy.copy(self)
        other.origin = replace(origin, identity={**origin.identity, "note": self.origin.identity["note"]})
        other.network = self.network.beside(_space_of(origin))
        return other

    def begin_with(self, path: Path) -> None:
        """Take over the weights of another model, and count what was rendered for them.

        Args:
            path: its file, or its run folder.

        Raises:
            SynthgymError: there is none, or it has another shape, or either is of one synthesiser alone.
        """
        model = type(self).load(self.agent, RunFolder(path).final_model if path.is_dir() else path)[0]
        weights = model.beside(self.origin).network.state_dict()
        if model._made_of["options"] != self._made_of["options"]:
            shape = model._made_of["options"]
            raise SynthgymError(f"{path} is of another shape: give --hyperparameters as in {shape}")
        if model.note.ranges() != self.note.ranges():  # each is a number beside the sound
            raise SynthgymError(f"{path} is of {model.note}, not of {self.note}; give the same ranges")
        self.network.load_state_dict(weights)
        self.renders = model.renders + model.dataset_renders

    def encode(self, features: Features, notes: Notes | None = None) -> torch.Tensor:
        """Return the embeddings (B, width) of sounds, with their gradient.

        Args:
            features: of the sounds, (B, frames, bins).
            notes: that they play, (B, 3), or that all of them play, (1, 3) (default: the note that was
                learned, if it is one).

        Returns:
            Float32 (B, width).
        """
        seen = (torch.from_numpy(features) - self._low) / self._range
        if self.note.varies:
            assert notes is not None
            played = np.broadcast_to(notes, (len(features), 3))
            scaled = torch.from_numpy(self.note.scaled(played))[:, None]
            seen = torch.cat([seen, scaled.expand(-1, seen.shape[1], -1)], dim=2)
        embedding: torch.Tensor = self.network.encoder(seen)
        return embedding

    def embed(self, features: Features, notes: Notes | None = None) -> torch.Tensor:
        """As ``encode``, without a gradient.

        Args:
            features: of the sounds, float32 (B, frames, bins).
            notes: as ``encode`` takes them.

        Returns:
            Float32 (B, width).
        """
        self.network.eval()
        with torch.no_grad():
            return self.encode(features, notes)

    def predict(self, features: Features, notes: Notes | None = None) -> Unit:
        """Return the most probable unit vectors (B, n) for sounds, as ``encode`` takes them.

        Args:
            features: of the sounds, float32 (B, frames, bins).
            notes: as ``encode`` takes them.

        Returns:
            Float32 (B, n) in [0, 1].
        """
        embedding = self.embed(features, notes)
        return self.complete(embedding, *self._nothing_known(len(features)))

    def sample(
        self,
        features: Features,
        temperature: float,
        rng: np.random.Generator,
        notes: Notes | None = None,
    ) -> Unit:
        """Return random unit vectors (B, n) for sounds.

        Args:
            features: of the sounds, (B, frames, bins).
            temperature: above 0; the samples vary the more the higher it is.
            rng: of the samples.
            notes: as ``encode`` takes them.

        Returns:
            Float32 (B, n) in [0, 1].
        """
        embedding = self.embed(features, notes)
        return self.complete(embedding, *self._nothing_known(len(features)), temperature, rng)

    def _nothing_known(self, count: int) -> tuple[Unit, NDArray[np.bool_]]:
        shape = count, self.network.encoding.parameters
        return np.zeros(shape, np.float32), np.zeros(shape, np.bool_)

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
            embedding: of the sounds, (B, width).
            unit: unit vectors (B, n).
            known: which of their values are kept, (B, n).
            temperature: as in ``Network.complete``.
            rng: likewise.

        Returns:
            Float32 (B, n) in [0, 1].
        """
        values = torch.from_numpy(unit), torch.from_numpy(known)
        found: Unit = self.network.complete(embedding, *values, temperature, rng).numpy()
        return found

    def save(self, path: Path, training: Mapping[str, Any] | None = None) -> None:
        """Save it; with the state of its training, if it is to go on from here.

        Args:
            path: file to write.
            training: state of the training, as torch can keep it (default: none).
        """
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
        """Load a model and the state of its training.

        Args:
            agent: its name.
            path: file of the model.

        Returns:
            The model, and the state of its training; None if it was not kept.

        Raises:
            SynthgymError: the file holds no model of the agent; the message names the cause.
        """
        kept = read_weights(agent, path)
        with made(agent, path):
            made_of, origin = kept["made_of"], Origin.read(kept["origin"])
            options, shape, bounds = (made_of[name] for name in ("options", "shape", "bounds"))
            model = with_weights(
                lambda: cls(agent, options, shape, bounds, origin),
                lambda model: model.network,
                current_weights(kept["weights"]),
            )
            counts = "steps", "renders", "dataset_renders"
            model.steps, model.renders, model.dataset_renders = read_counts(kept, *counts)
            model.dataset = str(kept["dataset"])
            training = kept["training"]
            if training is not None:
                training["best_weights"] = current_weights(training["best_weights"])
        if not has_finite_weights(model.network):
            raise no_model(agent, path, "its weights are not finite")
        return model, training
