"""A training whose weights or losses are not finite any more is ended."""

from __future__ import annotations

import torch
from torch import nn

from synthgym.errors import SynthgymError

from .run_folder import RunFolder


class Diverged(SynthgymError):
    """A loss, a gradient or a weight is not finite: nothing can be learned any more."""


def has_finite_weights(network: nn.Module) -> bool:
    """Return whether all weights of a network are finite, so that training can go on from them."""
    return all(bool(torch.isfinite(weights).all()) for weights in network.parameters())


def diverged(folder: RunFolder, steps: int, cause: Diverged) -> Diverged:
    """Return the error that ends a run: its cause, what is kept, and the remedy.

    Args:
        folder: of the run.
        steps: how many the run had made.
        cause: what was raised.

    Returns:
        The error to raise.
    """
    return Diverged(
        f"the training diverged after {steps} steps: {cause}; {kept(folder)}; lower the learning rate"
    )


def kept(folder: RunFolder) -> str:
    """Return which checkpoint is kept of a run that was ended."""
    newest = folder.newest()
    return "there is no checkpoint from before" if newest is None else f"{newest} is kept"
