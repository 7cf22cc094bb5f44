"""The distance of real renders as a loss."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from agents.supervised.encoding import Encoding
from synthgym.features import distance
from synthgym.task import SoundMatchingTask


def feature_loss(
    encoding: Encoding,
    outputs: torch.Tensor,
    features: torch.Tensor,
    task: SoundMatchingTask,
    candidates: int,
    spread: float,
    rng: np.random.Generator,
) -> tuple[torch.Tensor, float]:
    """Return a loss whose gradient is that of the expected distance of real renders, and their mean distance.

    A synthesiser has no gradient, but a guess can be made a distribution: a normal around each number, a draw
    of each category by its scores. Nearer candidates than the target's others are then made likelier
    (REINFORCE, Williams 1992).

    Args:
        encoding: what outputs mean.
        outputs: of the network, (B, outputs).
        features: of the targets, (B, frames, bins).
        task: renders ``candidates`` guesses for each.
        candidates: 2 or more.
        spread: standard deviation of the normals.
        rng: draws.
    """
    numbers, scores = encoding.split(outputs)
    count = len(outputs)
    noise = torch.from_numpy(rng.standard_normal((candidates, *numbers.shape), dtype=np.float32))
    with torch.no_grad():
        tried = numbers + spread * noise
        # The greatest of scores plus Gumbel noise is a draw by their softmax.
        drawn = [
            (each + torch.from_numpy(rng.gumbel(size=(candidates, *each.shape)).astype(np.float32))).argmax(
                -1
            )
            for each in scores
        ]
        unit = encoding.join(tried.clamp(0, 1).flatten(0, 1), [each.flatten() for each in drawn])
    heard = task.hear(unit.numpy()).features[0]
    targets = np.tile(features.numpy(), (candidates, 1, 1))
    far = torch.from_numpy(distance(heard, targets)).reshape(candidates, count)
    likelihood = -((tried - numbers) ** 2).sum(-1) / (2 * spread**2)
    for each, chosen in zip(scores, drawn, strict=True):
        log = functional.log_softmax(each, dim=-1)
        likelihood = likelihood + log.gather(-1, chosen.T).T
    # Of the others: a candidate's own distance must not be in what it is compared with.
    others = (far.sum(0) - far) / (candidates - 1)
    return ((far - others) * likelihood).mean(), float(far.mean())
