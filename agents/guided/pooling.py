"""What the network of steps sees of a sound: its frames pooled, and its bins beside the played note."""

from __future__ import annotations

import librosa
import numpy as np
import torch
from torch import nn

from synthgym.features import Feature, Features
from synthgym.features.logmel import N_MELS
from synthgym.features.multiresolution import HIGHEST_NOTE, LOWEST_NOTE, PER_SEMITONE, MultiResolution

_STARTS = np.array([0, 1, 2, 3, 4, 6, 8, 12, 16, 22, 32, 45, 64, 90, 128, 181, 256])
"""The frames at which segments begin; two are as long as all before: a note is known by its beginning."""
_BELOW, _ABOVE = 24, 84
"""Semitones around the played note that are seen."""
_ABOVE_LONG = 63


def segments(frames: int) -> int:
    """Return how many segments so many frames are pooled to."""
    return int((frames > _STARTS).sum())


def pooled(features: Features) -> Features:
    """Return the means (B, segments, bins) of features (B, frames, bins)."""
    frames = features.shape[1]
    starts = _STARTS[frames > _STARTS]
    lengths = np.diff([*starts, frames])
    sums = np.add.reduceat(features, starts, axis=1)
    means: Features = (sums / lengths[:, None]).astype(np.float32)
    return means


def sees_notes(feature: Feature) -> bool:
    """Return whether the bins of a feature can be put beside the played note."""
    return isinstance(feature, MultiResolution)


class BesideNote(nn.Module):
    """The bins of the multi-resolution feature, and the same beside the played note.

    A partial of a note is at another bin for each note, but always as far from it: what is learned of one
    note's partials is so known of all.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        notes = np.arange(128)[:, None]
        hz = librosa.mel_frequencies(N_MELS + 2, fmax=sample_rate / 2)[1:-1]
        beside = notes + np.arange(-_BELOW, _ABOVE)
        place = np.interp(beside, librosa.hz_to_midi(hz), np.arange(N_MELS))
        band = np.minimum(place.astype(int), N_MELS - 2)
        exists = (beside >= 15) & (beside <= 136)
        long_bin = PER_SEMITONE * (notes - LOWEST_NOTE) + np.arange(
            -PER_SEMITONE * _BELOW, PER_SEMITONE * _ABOVE_LONG
        )
        bins = PER_SEMITONE * (HIGHEST_NOTE - LOWEST_NOTE) + 1
        tables = {
            "_band": band,
            "_share": (place - band).astype(np.float32),
            "_exists": exists.astype(np.float32),
            "_long": np.clip(long_bin, 0, bins - 1),
            "_long_exists": ((long_bin >= 0) & (long_bin < bins)).astype(np.float32),
        }
        for name, table in tables.items():
            self.register_buffer(name, torch.from_numpy(table), persistent=False)
        self.bins = 2 * N_MELS + bins + long_bin.shape[1] + beside.shape[1]

    def forward(self, seen: torch.Tensor, note: torch.Tensor) -> torch.Tensor:
        """Return (B, segments, bins) of pooled features (B, segments, 318) and notes (B,) int64.

        Args:
            seen: float32 (B, segments, 318).
            note: MIDI notes, int64 (B,).

        Returns:
            Float32 (B, segments, bins), the features and then those beside the note.
        """
        mel = (seen[..., :N_MELS] + seen[..., N_MELS : 2 * N_MELS]) / 2
        band = self._row("_band", note, seen)
        share, exists = self._row("_share", note, seen), self._row("_exists", note, seen)
        by_semitone = (mel.gather(2, band) * (1 - share) + mel.gather(2, band + 1) * share) * exists
        long = seen[..., 2 * N_MELS :].gather(2, self._row("_long", note, seen))
        return torch.cat([seen, long * self._row("_long_exists", note, seen), by_semitone], 2)

    def _row(self, table: str, note: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        rows: torch.Tensor = self.get_buffer(table)[note][:, None]
        return rows.expand(-1, seen.shape[1], -1)
