"""Contrastive training, of which every step is a function of the seed and its number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from synthgym.files import replaced

from .augmentation import augmented
from .network import Network, distances
from .views import CHANGED, CHANGED_ELSEWHERE, ELSEWHERE, SAME, shard_path

STEPS, PATCHES = 800, 64
RATE, DECAY = 2e-3, 1e-3
SHARPNESS = 16.0
"""What distances are multiplied by before the softmax."""
NEAR_WEIGHT = 0.5
"""Of the loss by which the same note is nearer than another one of the patch."""
SHARE = 2.0
"""Of the channels in the feature, beside the bins that they are computed from."""
_EVERY = 100
_FAR = -1e4


def loss_of(network: nn.Module, views: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return the loss of views (patches, 4, frames, bins).

    A patch at another note is to be nearer than any other patch; and the patch at the same note, changed a
    little or not at all, is to be nearer than at another note.
    """
    count = len(views)
    each = torch.arange(count)
    near = torch.randint(SAME, CHANGED + 1, (count,), generator=generator)
    other = torch.randint(ELSEWHERE, CHANGED_ELSEWHERE + 1, (count,), generator=generator)
    sounds = torch.cat([views[:, SAME], views[each, near], views[each, other]])
    scores = -SHARPNESS * distances(network(augmented(sounds, generator)))
    scores = scores.masked_fill(torch.eye(3 * count, dtype=torch.bool), _FAR)
    first, second, third = each, each + count, each + 2 * count
    same_note = functional.cross_entropy(scores[first], second) + functional.cross_entropy(
        scores[second], first
    )
    scores = scores.clone()
    scores[first, second] = scores[second, first] = _FAR
    same_patch = functional.cross_entropy(scores[: 2 * count], torch.cat([third, third]))
    return same_patch + NEAR_WEIGHT * same_note / 2


def train(folder: Path, shards: int, seed: int) -> Network:
    """Train on the shards of a folder, from its checkpoint on if it has one; return the network."""
    torch.manual_seed(seed)
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS, pct_start=0.1)
    parts: dict[str, Any] = {"network": network, "optimiser": optimiser, "schedule": schedule}
    checkpoint, done = folder / "checkpoint.pt", 0
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        done = kept["steps"]
        for name, part in parts.items():
            part.load_state_dict(kept[name])
    for step in tqdm(range(done, STEPS), initial=done, total=STEPS, unit=" steps", desc="training"):
        rng = np.random.default_rng((seed, step))
        shard = np.load(shard_path(folder, int(rng.integers(shards))), mmap_mode="r")
        chosen = np.sort(rng.permutation(len(shard))[:PATCHES])
        views = torch.from_numpy(shard[chosen].astype(np.float32))
        loss = loss_of(network, views, torch.Generator().manual_seed(int(rng.integers(2**62))))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if (step + 1) % _EVERY == 0:
            with replaced(checkpoint) as temporary:
                torch.save(
                    {"steps": step + 1, **{name: part.state_dict() for name, part in parts.items()}},
                    temporary,
                )
    return network


def write_weights(network: Network, views: NDArray[np.float16], path: Path) -> None:
    """Write what the feature needs: weights of 16 bits, and the gain of the channels.

    With it they weigh ``SHARE`` of what the bins of views (patches, 4, frames, bins) weigh.
    """
    sounds = torch.from_numpy(views[:, SAME].astype(np.float32))
    with torch.no_grad():
        gain = SHARE * float(sounds.sum() / network(sounds).sum())
    weights = {
        name.replace(".", "_"): value.T.contiguous().half().numpy()
        for name, value in network.state_dict().items()
    }
    with replaced(path) as temporary:
        np.savez_compressed(temporary, gain=np.float32(gain), **weights)
