"""The network that proposes steps."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import gelu, pad

from synthgym.parameters import ParameterSpace

from .pooling import BesideNote, segments
from .steps import COUNT_PROBABILITIES, COUNTS, StepLogits, StepSpace

_MOVE_RANK = 192


class Seen(NamedTuple):
    """What the network sees of B climbs: (all but ``notes`` float32)

    Attributes:
        target: pooled features (B, segments, bins).
        sound: of the patch, likewise.
        unit: the patch, (B, n).
        notes: that are played, (B, 3).
        distance: of the sound from the target, (B,).
    """

    target: torch.Tensor
    sound: torch.Tensor
    unit: torch.Tensor
    notes: torch.Tensor
    distance: torch.Tensor


class StepNetwork(nn.Module):
    """Proposes steps from a patch towards a target.

    Before it has learned anything its steps are those of a hill climber: what is learned is added to their
    log-probabilities.

    Args:
        shape: of the feature, (frames, bins).
        space: the parameters.
        sample_rate: Hz, of a feature whose bins can be put beside the played note; None for others.
        width: of the hidden layers.
        frame: values that are made of each segment.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        space: ParameterSpace,
        sample_rate: int | None,
        width: int = 512,
        frame: int = 128,
    ) -> None:
        super().__init__()
        self.steps = StepSpace(space)
        self._beside = None if sample_rate is None else BesideNote(sample_rate)
        bins = shape[1] if self._beside is None else self._beside.bins
        n = len(space)
        counts = [p.steps or 0 if few else 0 for p, few in zip(space.free, self.steps.few, strict=True)]
        values = [(i, k / max(count - 1, 1)) for i, count in enumerate(counts) for k in range(count)]
        self.register_buffer("_of", torch.tensor([i for i, _ in values], dtype=torch.int64), persistent=False)
        self.register_buffer("_value", torch.tensor([v for _, v in values]).float(), persistent=False)
        self.register_buffer("_half", torch.from_numpy(self.steps.apart) / 2, persistent=False)
        self.frame = nn.Linear(2 * bins, frame)
        self._segments = segments(shape[0])
        self.sound = nn.Linear(self._segments * frame, width)
        self.patch = nn.Linear(n + len(values) + 5, width)
        self.norm = nn.LayerNorm(width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.parameter, self.changes = nn.Linear(width, n), nn.Linear(width, len(COUNTS))
        # What is done to a parameter is told by few numbers, or most of the weights would be here.
        self.move_basis = nn.Linear(width, _MOVE_RANK, bias=False)
        self.move = nn.Linear(_MOVE_RANK, n * self.steps.size)
        for last in (self.parameter, self.changes, self.move):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        with torch.no_grad():
            self.changes.bias.copy_(torch.log(torch.tensor(COUNT_PROBABILITIES)))

    def _has(self, unit: torch.Tensor) -> torch.Tensor:
        """Return which of their few values parameters have, (..., values)."""
        of, value, half = (self.get_buffer(name) for name in ("_of", "_value", "_half"))
        return ((unit[..., of] - value).abs() < half[of]).float()

    def forward(self, seen: Seen) -> StepLogits:
        """Return the log-probabilities of steps."""
        # A sound shorter than those that were learned is silent to their end.
        missing = self._segments - seen.target.shape[1]
        target, sound = (pad(each, (0, 0, 0, missing)) for each in (seen.target, seen.sound))
        if self._beside is not None:
            note = seen.notes[:, 0].long()
            target, sound = self._beside(target, note), self._beside(sound, note)
        frames = gelu(self.frame(torch.cat([2 * target, 4 * (target - sound)], 2))).flatten(1)
        pitch, velocity, hold = seen.notes.unbind(1)
        far = seen.distance
        rest = [(pitch - 60) / 24, (velocity - 84) / 40, torch.log(hold), torch.log(far + 0.01), far]
        patch = torch.cat([2 * seen.unit - 1, self._has(seen.unit), torch.stack(rest, 1)], 1)
        state = self.norm(self.sound(frames) + self.patch(patch))
        first, second = self.hidden
        state = state + gelu(first(self.norms[0](gelu(state))))
        state = state + gelu(second(self.norms[1](state)))
        moves = self.move(self.move_basis(state)).reshape(-1, seen.unit.shape[1], self.steps.size)
        return StepLogits(
            torch.log_softmax(self.parameter(state), 1),
            torch.log_softmax(self.steps.first(seen.unit) + moves, 2),
            torch.log_softmax(self.changes(state), 1),
        )
