"""Rendering on a GPU: sounds by a CUDA kernel, the default feature by torch; only that is copied back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from synthgym.errors import SynthgymError, installing
from synthgym.features import Feature, Features, MultiResolution, Pooled, extract
from synthgym.notes import Notes
from synthgym.parameters import Native, ParameterSpace, Unit
from synthgym.rendering.local import InLine
from synthgym.rendering.worker import Rendered, Sound, Worker
from synthgym.synths import Audio, Synth

if TYPE_CHECKING:
    import torch

MOST = 1 << 16
"""Voices that are rendered at once, at most."""
MOST_SOUNDS = 1 << 12
"""And of which the sounds are copied back at once."""
MOST_FEATURES = 1 << 10
"""And of which the features are computed at once: what those need is ten times as large as the sound."""
_AUDIO_SHARE, _FEATURE_SHARE = 0.4, 0.3
"""Of the memory that is free at first."""
_FEATURE_BYTES = 40
"""A sample takes so many while features are computed."""
NEEDS = "rendering='cuda' needs numba-cuda and torch"


class Cuda(InLine):
    """The first CUDA device, for which the calling thread waits; CUDA_VISIBLE_DEVICES says which is first.

    Args:
        worker: whose synth, space and features they are.

    Raises:
        SynthgymError: the synth does not render there, there is no device, or what it needs is not installed.
    """

    def __init__(self, worker: Worker) -> None:
        on_device = CudaWorker(worker.synth, worker.space, worker.features)
        super().__init__(on_device)
        self.rows = on_device.rows


class CudaWorker(Worker):
    """A worker that renders on a CUDA device.

    ``multiresolution``, and its pooled form, are computed there too. Other features are computed by the
    processor, as by any worker.

    Args:
        synth: one of the Dexed ids'.
        space: of the patches.
        features: of the sounds.

    Attributes:
        rows: the most voices that are rendered at once, as many as the device has memory for.
    """

    together = 256

    def __init__(self, synth: Synth, space: ParameterSpace, features: Sequence[Feature]) -> None:
        if not synth.on_cuda:
            raise SynthgymError(
                f"rendering='cuda' renders the Dexed ids, by their own engine, not {type(synth).__name__}; "
                "give rendering='auto'"
            )
        self._device, free = device()
        super().__init__(synth, space, features)
        samples = synth.samples
        self.rows = max(1, min(MOST, int(_AUDIO_SHARE * free) // (4 * samples)))
        self._at_once = max(1, min(MOST_FEATURES, int(_FEATURE_SHARE * free) // (_FEATURE_BYTES * samples)))
        from synthgym.features.on_torch import TorchMultiResolution

        sources = [each.source if isinstance(each, Pooled) else each for each in features]
        # A subclass may be another feature: the processor computes it.
        self._computed = [
            TorchMultiResolution(each, self._device)
            for each in dict.fromkeys(each for each in sources if type(each) is MultiResolution)
        ]
        self._needs_no_audio = all(type(each) is MultiResolution for each in sources)

    def sounds_of(self, native: Native, notes: Notes) -> Iterator[Sound]:
        """As of any worker; never a failure, since the engine's numbers are whole ones."""
        size = min(self.rows, MOST_SOUNDS)
        for at in range(0, len(native), size):
            rows, played = native[at : at + size], notes[at : at + size]
            sounds = self.synth.render_on(self._device, rows, played).contiguous().cpu().numpy()
            for row, note, audio in zip(rows, played, sounds, strict=True):
                yield Sound(audio, row, note, None)

    def _rendered(self, unit: Unit, notes: Notes, *, audio: bool) -> Rendered:
        """As of any worker; audio that nobody asks for stays on the device."""
        if audio or not self._needs_no_audio:
            return super()._rendered(unit, notes, audio=audio)
        native = self.space.to_native(unit)
        nothing = np.empty((0, self.synth.samples), np.float32)
        parts = []
        for at in range(0, len(native), self.rows):
            rows, played = native[at : at + self.rows], notes[at : at + self.rows]
            known = self._known(self.synth.render_on(self._device, rows, played))
            parts.append(Rendered(tuple(extract(self.features, nothing, known))))
        return Rendered.joined(parts)

    def _extracted(self, audio: Audio) -> list[Features]:
        if not self._computed:
            return super()._extracted(audio)
        import torch

        return extract(self.features, audio, self._known(torch.from_numpy(audio).to(self._device)))

    def _known(self, audio: torch.Tensor) -> dict[int, Features]:
        """Return the features of audio (B, samples) that are computed where it lies, by their ids."""
        known: dict[int, Features] = {}
        for compute in self._computed:
            found = np.empty((len(audio), *compute.feature.shape), np.float32)
            for at in range(0, len(audio), self._at_once):
                part = compute(audio[at : at + self._at_once])
                found[at : at + self._at_once] = part.cpu().numpy()
            known[id(compute.feature)] = found
        return known


def device() -> tuple[torch.device, int]:
    """Return where to render, and how many bytes are free there: of the simulator, the CPU and a gigabyte.

    Raises:
        SynthgymError: there is no device, or what it needs is not installed.
    """
    try:
        import torch

        from synthgym.synths.dx7_engine.on_cuda import SIMULATED, cuda
    except ImportError as error:
        raise SynthgymError(f"{NEEDS} ({error}); {installing('cuda')}") from error
    if SIMULATED:
        return torch.device("cpu"), 1 << 30
    if cuda.implementation != "NVIDIA":
        raise SynthgymError(f"{NEEDS}, not the CUDA that Numba has itself; {installing('cuda')}")
    if not cuda.is_available():
        raise SynthgymError(
            "rendering='cuda': numba-cuda finds no CUDA device, or not the libraries that pip install "
            "'synthgym[cuda]' brings; rendering='auto' needs none"
        )
    if not torch.cuda.is_available():
        raise SynthgymError(
            "rendering='cuda': this torch is built without CUDA, or finds no device; install one with CUDA "
            "(pytorch.org says how), or give rendering='auto'"
        )
    return torch.device("cuda", 0), torch.cuda.mem_get_info(0)[0]
