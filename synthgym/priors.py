"""Where random patches come from: what people make, the whole space alike, or presets with variation."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import PresetError, SynthError, SynthgymError
from synthgym.parameters import Unit
from synthgym.patches import PatchId, PatchJob, audible
from synthgym.rendering import Worker
from synthgym.synths import Synth

VARIATION = 0.1
"""How far patches of a folder are from their presets, see ``ParameterSpace.jitter``."""
VALIDATION = 0.1
"""The share of a folder's presets that is for validation and test."""
_CHOICE_KEY = 1  # behind the spawn key of a patch: of the preset that it is a variation of
_TOLD_APART = 64


class Prior(ABC):
    """A distribution of patches.

    Attributes:
        batch: how many are made at once at most: where they are often inaudible, one may cost many renders.
    """

    batch: ClassVar[int] = 1

    @abstractmethod
    def job(self, ids: Sequence[PatchId], **options: Any) -> PatchJob:
        """Return the job that makes patches; the options are PatchJob's."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what decides the patches, as JSON."""


class Uniform(Prior):
    """Every native value is as likely as another."""

    def job(self, ids: Sequence[PatchId], **options: Any) -> PatchJob:
        """Return the job that makes patches."""
        return PatchJob(ids, **options)

    def describe(self) -> dict[str, Any]:
        """Return what decides the patches."""
        return {"patches": "uniform"}


class Human(Prior):
    """Patches such as people make, see ``Synth.human_like``.

    Raises:
        SynthError: it is not known what people make with the synth.
    """

    batch = 16

    def __init__(self, synth: Synth) -> None:
        if not synth.has_prior:
            raise SynthError(
                "it is not known what patches people make with this synth; "
                "give patches='uniform', or a folder of its presets"
            )
        self._synth = synth

    def job(self, ids: Sequence[PatchId], **options: Any) -> PatchJob:
        """Return the job that makes patches."""
        return PatchJob(ids, human=True, **options)

    def describe(self) -> dict[str, Any]:
        """Return what decides the patches; the first of them tell which habits are meant."""
        first = self._synth.human_like([np.random.default_rng(0)] * _TOLD_APART)
        digest = hashlib.sha256(np.ascontiguousarray(first).tobytes()).hexdigest()
        return {"patches": "human", "sha256": digest}


class Presets(Prior):
    """Variations of the presets in a folder, each as likely as another.

    A tenth of the presets, chosen by their values, is for validation and test patches, and the others for
    all else; if there are too few for both, all are for everything.

    Args:
        folder: is searched through, with the folders in it.
        worker: reads and renders them.

    Attributes:
        folder: of the presets.
        unit: unit vectors (P, n) of the presets that are audible, each once, in the order of their names.
        held_out: which of them are for validation, (P,).

    Raises:
        PresetError: there is no such folder, or no audible preset of the synth in it.
    """

    def __init__(self, folder: str | os.PathLike[str], worker: Worker) -> None:
        self.folder = Path(folder)
        self.unit = read_presets(worker, self.folder)
        self.held_out = np.array([_is_held_out(unit) for unit in self.unit])
        of_training, others = np.flatnonzero(~self.held_out), np.flatnonzero(self.held_out)
        everything = np.arange(len(self.unit))
        both = len(of_training) and len(others)
        self._sides = (of_training, others) if both else (everything, everything)

    def job(self, ids: Sequence[PatchId], **options: Any) -> PatchJob:
        """Return the job that makes patches."""
        sides = [self._sides[not patch.is_training] for patch in ids]
        chosen = [patch.generator(_CHOICE_KEY).choice(side) for patch, side in zip(ids, sides, strict=True)]
        return PatchJob(ids, near=self.unit[chosen], jitter=VARIATION, **options)

    def describe(self) -> dict[str, Any]:
        """Return what decides the patches."""
        digest = hashlib.sha256(self.unit.tobytes()).hexdigest()
        return {"patches": "presets", "presets": len(self.unit), "sha256": digest, "jitter": VARIATION}


def make_prior(patches: str | None, worker: Worker) -> Prior:
    """Return where the random patches of a worker's synth come from.

    Args:
        patches: ``"human"``, ``"uniform"``, or a folder of presets; None for ``"human"`` if it is known what
            people make with the synth, otherwise ``"uniform"``.
        worker: of the synth.

    Raises:
        SynthgymError: another name, or a folder that is missing or without presets of the synth.
    """
    if patches is None:
        patches = "human" if worker.synth.has_prior else "uniform"
    if patches == "uniform":
        return Uniform()
    if patches == "human":
        return Human(worker.synth)
    # os.path.isdir says False of what cannot be a path; a Path could not be told as JSON.
    if not isinstance(patches, str) or not os.path.isdir(patches):  # noqa: PTH112
        raise SynthgymError(
            f"patches are 'human', 'uniform' or the name of a folder of presets; got {patches!r:.200}, "
            "which is no folder"
        )
    return Presets(patches, worker)


def read_presets(worker: Worker, folder: Path) -> Unit:
    """Return unit vectors (P, n) of the audible presets in a folder, each once, in the order of names.

    Files that are no presets of the synth are passed over. What is audible is decided at the note in the
    middle of the synth's range.

    Raises:
        PresetError: no such folder, or none in it.
    """
    if not folder.is_dir():
        raise PresetError(f"no such folder: {folder}; give one of presets of this synth")
    synth, space = worker.synth, worker.space
    rows = [row for _, found in synth.presets_in(folder) for row in found]
    if rows:
        units = space.quantise(space.to_unit(np.stack(rows)))
        units = units[np.sort(np.unique(units, axis=0, return_index=True)[1])]
        notes = np.repeat(synth.note.middle(), len(units), axis=0)
        kept = [audible(sound.audio) for sound in worker.sounds(units, notes)]
        if any(kept):
            return units[kept]
    kinds = ", ".join(sorted({synth.preset_suffix, *synth.bank_suffixes, ".json"}))
    raise PresetError(f"{folder} holds no audible preset of this synth ({kinds}); give another folder")


def _is_held_out(unit: NDArray[np.float32]) -> bool:
    """Return the side of a preset: by its values, so that the same preset is never on both."""
    return int.from_bytes(hashlib.sha256(unit.tobytes()).digest()[:8], "big") / 2**64 < VALIDATION
