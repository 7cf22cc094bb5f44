"""The network behind ``synthgym.synths.dx7_prior``: the log-likelihood of voices, and how it is fitted."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import trange

from dx7.voices import split
from synthgym.parameters import Native
from synthgym.synths import dx7_prior as prior
from synthgym.synths.dx7_algorithms import OPERATORS

HIDDEN, DROPOUT = 64, 0.5
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY, LONGEST_GRADIENT = 32, 64, 0.003, 0.5, 20.0
SMOOTHING = 1.5
"""How much of a value's share is its neighbours'."""
MOST = 100
"""The most values a parameter has."""

_OF_BASIS = {
    "global_in": ("global_within", "from_globals"),
    "global_out": ("global_weights",),
    "operator_in": ("within", "before", "earlier", "above"),
    "operator_out": ("weights",),
}
"""Weights by what they stand for a feature of."""


def padded(values: list[int], width: int) -> Tensor:
    """Return the bases of parameters, (parameters, MOST, features), padded with zeros."""
    bases = [prior.basis(count, width) for count in values]
    out = np.zeros((len(bases), MOST, max(b.shape[1] for b in bases)), np.float32)
    for place, b in zip(out, bases, strict=True):
        place[: b.shape[0], : b.shape[1]] = b
    return torch.from_numpy(out)


def log_shares(values: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    """Return the logarithm of the smoothed shares of values, (MOST,); of those there are not, -inf."""
    shares = np.bincount(values.ravel(), minlength=count).astype(np.float64)
    if count > 32:
        shares += SMOOTHING * np.convolve(shares, np.ones(7) / 7, "same")
    shares += 1e-4 * shares.sum() + 1e-3
    out = np.full(MOST, -np.inf, np.float32)
    out[:count] = np.log(shares / shares.sum())
    return out


class Network(nn.Module):
    """The conditional distributions; ``forward`` gives the negative log-likelihood of each voice in nats.

    Args:
        voices: native rows (N, 145) to start the shares of values from.
        hidden: width.
        dropout: of the hidden layers.
    """

    global_in: Tensor
    global_out: Tensor
    operator_in: Tensor
    operator_out: Tensor
    roles: Tensor
    carries: Tensor
    modulates: Tensor

    def __init__(self, voices: Native, *, hidden: int = HIDDEN, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.dropout = dropout
        whole, parts, carries = split(voices)
        for name, values in (("global", prior.GLOBAL_VALUES), ("operator", prior.OPERATOR_VALUES)):
            self.register_buffer(f"{name}_in", padded(values, prior.IN_WIDTH))
            self.register_buffer(f"{name}_out", padded(values, prior.OUT_WIDTH))
        for name in ("roles", "carries", "modulates"):
            self.register_buffer(name, torch.from_numpy(getattr(prior, name.upper())).float())
        g, p = len(prior.GLOBALS), len(prior.OPERATOR)
        g_in, p_in = self.global_in.shape[-1], self.operator_in.shape[-1]
        shares = [log_shares(whole[:, i], count) for i, count in enumerate(prior.GLOBAL_VALUES)]
        by_role = [
            [log_shares(parts[:, :, i][carries == c], count) for c in (0, 1)]
            for i, count in enumerate(prior.OPERATOR_VALUES)
        ]
        self.global_base = nn.Parameter(torch.tensor(np.array(shares)))
        self.base = nn.Parameter(torch.tensor(np.array(by_role)))

        def weights(*shape: int, scale: float = 0.02) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape) * scale)

        self.global_start = weights(g, hidden, scale=0.5)
        self.global_within = weights(g, g_in, hidden, scale=0.1)
        self.global_weights = weights(g, hidden, self.global_out.shape[-1])
        self.start = weights(p, hidden, scale=0.5)
        self.role = weights(self.roles.shape[-1], hidden, scale=0.1)
        self.from_globals = weights(g, g_in, hidden, scale=0.1)
        self.within, self.before, self.earlier, self.above = (
            weights(p, p_in, hidden, scale=0.1) for _ in range(4)
        )
        self.weights = weights(p, hidden, self.operator_out.shape[-1])
        self.copy_weights = weights(p, hidden)
        self.copy = nn.Parameter(torch.tensor([-1.0, 1.0, 0.1, 0.2, 0.2]).repeat(p, 1))
        self.copy_distance = nn.Parameter(torch.zeros(len(OPERATORS)))

    def forward(self, whole: Tensor, parts: Tensor) -> Tensor:
        """Return nats (N,) of globals (N, g) and operators (N, 6, p), whole numbers."""
        nats = torch.zeros(len(whole))
        features = torch.stack([self.global_in[i][whole[:, i]] for i in range(whole.shape[1])], 1)
        said = torch.einsum("ngf,gfh->ngh", features, self.global_within).cumsum(1)
        state = torch.cat([torch.zeros_like(said[:, :1]), said[:, :-1]], 1) + self.global_start
        logits = torch.einsum("ngh,gho,gvo->ngv", self.hidden(state), self.global_weights, self.global_out)
        chosen = torch.log_softmax(logits + self.global_base, -1).gather(-1, whole[..., None])[..., 0]
        nats = nats - chosen.sum(1)

        algorithm = whole[:, 0]
        context = torch.einsum("ngf,gfh->nh", features, self.from_globals)[:, None]
        context = context + self.roles[algorithm] @ self.role
        steps = range(parts.shape[2])
        features = torch.stack([self.operator_in[i][parts[:, :, i]] for i in steps], 2)
        before, earlier, above = (
            torch.einsum("nopf,pfh->noh", features, w) for w in (self.before, self.earlier, self.above)
        )
        zero = torch.zeros_like(before[:, :1])
        context = context + torch.cat([zero, before[:, :-1]], 1)
        context = context + torch.cat([zero, earlier[:, :-1]], 1).cumsum(1)
        context = context + self.modulates[algorithm] @ above
        said = torch.einsum("nopf,pfh->noph", features, self.within).cumsum(2)
        state = torch.cat([torch.zeros_like(said[:, :, :1]), said[:, :, :-1]], 2) + self.start
        state = self.hidden(state + context[:, :, None])
        logits = torch.einsum("noph,phv->nopv", state, self.value_weights())
        carries = self.carries[algorithm].long()
        logits = logits + self.base.transpose(0, 1)[carries]
        copies = self.copies(state, parts, carries)
        equal = parts[:, :, None] == parts[:, None]  # (N, o, from, p)
        own = logits.gather(-1, parts[..., None])
        copied = copies.masked_fill(~equal.transpose(2, 3), -torch.inf)
        chosen = torch.cat([own, copied], -1).logsumexp(-1) - torch.cat([logits, copies], -1).logsumexp(-1)
        return nats - chosen.sum((1, 2))

    def kept(self) -> dict[str, NDArray[np.float16]]:
        """Return the weights by name, those of values that there are not as zeros."""
        kept = {name: weights.detach().clone() for name, weights in self.named_parameters()}
        for kind, names in _OF_BASIS.items():
            used = getattr(self, kind).any(1)
            for name in names:
                # Hidden layers come first, or last.
                shaped = used[:, None] if name.endswith("weights") else used[:, :, None]
                kept[name] = kept[name] * shaped
        return {
            name: weights.nan_to_num(neginf=0.0).numpy().astype(np.float16) for name, weights in kept.items()
        }

    def hidden(self, state: Tensor) -> Tensor:
        """Return the hidden layer, of which a part is dropped while it is fitted."""
        return nn.functional.dropout(torch.relu(state), self.dropout, self.training)

    def value_weights(self) -> Tensor:
        """Return weights (p, hidden, MOST) from the hidden layer to values."""
        return torch.einsum("pho,pvo->phv", self.weights, self.operator_out)

    def copies(self, state: Tensor, parts: Tensor, carries: Tensor) -> Tensor:
        """Return logits (N, 6, p, 6) of copying a value from each operator; -inf from those not before."""
        equal = (parts[:, :, None] == parts[:, None]).float().transpose(2, 3)  # (N, o, p, from)
        none = torch.zeros_like(equal[:, :, :1])
        last, matches = (torch.cat([none, x[:, :, :-1]], 2) for x in (equal, equal.cumsum(2)))
        same = (carries[:, :, None] == carries[:, None]).float()[:, :, None]
        start, by_last, by_matches, by_same, by_misses = (x[:, None] for x in self.copy.T)
        missed = torch.arange(parts.shape[2])[:, None] - matches
        logits = (state * self.copy_weights).sum(-1, keepdim=True) + start + by_last * last
        logits = logits + by_matches * matches + by_same * same - by_misses * missed
        number = torch.arange(len(OPERATORS))
        distance = number[:, None] - number
        logits = logits + self.copy_distance[distance.clamp(min=0)][None, :, None]
        masked: Tensor = logits.masked_fill((distance <= 0)[None, :, None], -torch.inf)
        return masked


def fit(voices: Native, *, seed: int = 0, epochs: int = EPOCHS) -> dict[str, NDArray[np.float16]]:
    """Fit a network to native rows (N, 145); return its weights by name."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # the same sums on every machine
    network = Network(voices)
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    whole, parts = (torch.from_numpy(values) for values in split(voices)[:2])
    for _ in trange(epochs, unit="epoch"):
        for rows in torch.split(torch.randperm(len(voices)), BATCH):
            optimiser.zero_grad()
            network(whole[rows], parts[rows]).mean().backward()
            nn.utils.clip_grad_norm_(network.parameters(), LONGEST_GRADIENT)
            optimiser.step()
    return network.kept()
