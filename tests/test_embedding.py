"""The learned feature: it is what PyTorch computes, and its training goes on where it stopped."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
import torch
from conftest import ROOT

sys.path.append(str(ROOT / "scripts"))

from battery.sounds import tone
from embedding import training
from embedding.network import Network
from embedding.views import shard_path

from synthgym.features import distance, make_features
from synthgym.features.embedding import WEIGHTS


def shipped() -> tuple[Network, float]:
    """The network of the weights, and the gain of its channels."""
    network = Network()
    with np.load(WEIGHTS) as file:
        state = {
            name: torch.from_numpy(file[name.replace(".", "_")].astype(np.float32).T)
            for name in network.state_dict()
        }
        gain = float(file["gain"])
    network.load_state_dict(state)
    return network, gain


def test_it_is_the_network_that_was_trained_beside_the_default_feature() -> None:
    default, embedding = make_features(["multiresolution", "embedding"], 44100, 44100)
    sounds = np.stack([tone(40), tone(76, "decaying"), np.zeros(44100, np.float32)])
    bins, found = default(sounds), embedding(sounds)
    network, gain = shipped()
    with torch.no_grad():
        channels = gain * network(torch.from_numpy(bins)).numpy()
    np.testing.assert_array_equal(found[..., :318], bins)
    np.testing.assert_allclose(found[..., 318:], channels, rtol=1e-5, atol=1e-5)
    assert (found[:2, 5, 318:] > 0).any()


def test_it_is_small() -> None:
    assert WEIGHTS.stat().st_size < 1_000_000


@pytest.mark.parametrize("rate", [22050, 48000])
def test_another_rate_is_heard_as_nearly_the_same(rate: int) -> None:
    """Nearer than another tone; frames last as many samples, so that the same moment is another frame."""
    (here,) = make_features(["embedding"], 44100, 44100)
    (there,) = make_features(["embedding"], rate, rate)
    sounds = np.stack([tone(48), tone(60, "inharmonic")])
    resampled = np.stack([soxr.resample(sound, 44100, rate) for sound in sounds]).astype(np.float32)
    a, b = here(sounds)[:, 8, 318:], there(resampled)[:, round(8 * rate / 44100), 318:]
    same, other = distance(a, b), distance(a, b[::-1])
    assert (same < other).all()


def views(folder: Path) -> None:
    """A shard that stands for two patches of noise each of whose views is near."""
    rng = np.random.default_rng(0)
    shard = rng.random((8, 1, 5, 318)) * 0.3 + rng.random((8, 4, 5, 318)) * 0.1
    np.save(shard_path(folder, 0), shard.astype(np.float16))


def test_training_learns_and_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "STEPS", 12)
    monkeypatch.setattr(training, "_EVERY", 6)
    views(tmp_path)
    batch = torch.from_numpy(np.load(shard_path(tmp_path, 0)).astype(np.float32))

    def loss(network: Any) -> float:
        with torch.no_grad():
            return float(training.loss_of(network, batch, torch.Generator().manual_seed(1)))

    whole = training.train(tmp_path, 1, seed=0)
    torch.manual_seed(0)
    assert loss(whole) < loss(Network())
    (tmp_path / "checkpoint.pt").unlink()
    calls = []
    loss_of = training.loss_of

    def stopped(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return loss_of(*arguments)

    monkeypatch.setattr(training, "loss_of", stopped)
    with pytest.raises(KeyboardInterrupt):
        training.train(tmp_path, 1, seed=0)
    again = training.train(tmp_path, 1, seed=0)
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
