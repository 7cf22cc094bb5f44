"""A multi-layer perceptron that takes in the whole feature at once."""

from __future__ import annotations

from torch import nn


def layer(inputs: int, outputs: int) -> nn.Sequential:
    """Return a hidden layer with layer normalisation (Ba et al. 2016).

    Args:
        inputs: how many values it takes.
        outputs: how many it gives.

    Returns:
        The layer, with random weights of torch's generator.
    """
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.GELU())


class MLP(nn.Sequential):
    """Two hidden layers: features (B, frames, bins) to (B, width).

    Args:
        shape: of a feature, (frames, bins).
        width: of the layers.
    """

    def __init__(self, shape: tuple[int, int], width: int = 512) -> None:
        super().__init__(nn.Flatten(), layer(shape[0] * shape[1], width), layer(width, width))
