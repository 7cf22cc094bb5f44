"""Networks that predict the parameters of a sound, each in view of others that are known already."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import nn

from synthgym.checks import whole
from synthgym.parameters import ParameterSpace

from ..training.divergence import Diverged
from .encoding import Encoding
from .lstm import LSTM
from .mlp import MLP, layer


class Network(nn.Module, ABC):
    """Distributions of parameters, given a sound and some of the parameters.

    Many patches make the same sound: a pitch may come from the transposition or from the ratio. Parameters
    that are predicted independently contradict each other, and these do not. Which of them are known is
    chosen at random for every example (Ghazvininejad et al., "Mask-Predict", 2019; any order: Uria et al., "A
    Deep and Tractable Density Estimator", 2014).

    Args:
        encoder: makes an embedding (B, size) of sounds (B, frames, bins).
        size: of an embedding.
        space: the parameters that are predicted.
        rounds: in so many at most, all that is not known is filled in; None: one parameter a round.
    """

    def __init__(
        self, encoder: nn.Module, size: int, space: ParameterSpace, rounds: int | None = None
    ) -> None:
        super().__init__()
        if rounds is not None:
            whole("rounds", rounds, 1, 10**6)  # with less than one, nothing would ever be filled in
        self.encoding, self.size, self._rounds = Encoding(space), size, rounds
        self.encoder = encoder

    @abstractmethod
    def forward(self, embedding: torch.Tensor, unit: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (B, n, bins).

        Args:
            embedding: of the sounds, from the encoder, (B, size).
            unit: unit vectors (B, n).
            known: which of their values may be seen, (B, n) bool.

        Returns:
            Float32 (B, n, bins).
        """

    def loss(
        self, embedding: torch.Tensor, unit: torch.Tensor, known: torch.Tensor, rng: np.random.Generator
    ) -> torch.Tensor:
        """Return for every example (B,) the mean cross-entropy of its parameters that are not known.

        Args:
            embedding: as above.
            unit: as above.
            known: as above; of the others, too, a random part is seen, but never all.
            rng: chooses that part.

        Returns:
            Float32 (B,), where 1 is the entropy of a uniform distribution.
        """
        seen = known | torch.from_numpy(rng.random(unit.shape) < rng.random((len(unit), 1)))
        asked = torch.from_numpy(rng.random(unit.shape)).masked_fill(known, 0).argmax(dim=1)
        seen[torch.arange(len(unit)), asked] = False
        cross_entropy = self.encoding.cross_entropy(self(embedding, unit, seen), unit) * ~seen
        return cross_entropy.sum(1) / (~seen).sum(1)

    @torch.no_grad()
    def complete(
        self,
        embedding: torch.Tensor,
        unit: torch.Tensor,
        known: torch.Tensor,
        temperature: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> torch.Tensor:
        """Return unit vectors (B, n) with what was not known filled in, the least entropy first.

        Args:
            embedding: as above.
            unit: as above.
            known: as above.
            temperature: 0 for the most probable values; above it, samples, the more varied the higher it is.
            rng: of the samples.

        Returns:
            Float32 (B, n) in [0, 1].

        Raises:
            Diverged: what the network answers is not finite.
        """
        unit, known = unit.clone(), known.clone()
        n = unit.shape[1]
        at_once = math.ceil(n / (self._rounds or n))
        while not known.all():
            log = self(embedding, unit, known)
            entropy = self.encoding.entropy(log)
            if not torch.isfinite(entropy).all():  # what is known already would be chosen for ever
                raise Diverged(
                    "a network's answers are not finite: its file is damaged, or its training diverged; "
                    "train it again"
                )
            chosen = entropy.masked_fill(known, torch.inf).topk(at_once, largest=False).indices
            if temperature:
                assert rng is not None
                values = self.encoding.sample(log, temperature, rng)
            else:
                values = self.encoding.mode(log)
            # What was known before stays as it is.
            now = torch.zeros_like(known).scatter(1, chosen, True) & ~known
            unit, known = torch.where(now, values, unit), known | now
        return unit


class DenseNetwork(Network):
    """A network of the parameters of one synthesiser: an encoder, and layers that all parameters share.

    Args:
        encoder: class of the encoder.
        shape: of the feature, (frames, bins).
        space: the parameters that are predicted.
        width: of the hidden layers.
        **options: of the encoder.
    """

    def __init__(
        self,
        encoder: type[nn.Module],
        shape: tuple[int, int],
        space: ParameterSpace,
        width: int = 512,
        **options: Any,
    ) -> None:
        super().__init__(encoder(shape, width, **options), width, space)
        n = self.encoding.parameters
        self.head = nn.Sequential(
            layer(width + 2 * n, width), layer(width, width), nn.Linear(width, self.encoding.size)
        )

    def forward(self, embedding: torch.Tensor, unit: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (B, n, bins), as every network.

        Args:
            embedding: of the sounds, (B, width).
            unit: unit vectors (B, n).
            known: which of their values may be seen, (B, n) bool.

        Returns:
            Float32 (B, n, bins).
        """
        outputs = self.head(torch.cat([embedding, unit * known, known.float()], dim=1))
        return self.encoding.log_probabilities(outputs)


ENCODERS: dict[str, type[nn.Module]] = {"mlp": MLP, "lstm": LSTM, "ppo_imitation": MLP}
"""Of the dense networks, by the names of agents."""
