"""Where random patches come from: what people make, the whole space alike, or presets and their kin."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgym.candidates import CROSSED, VARIATION
from synthgym.errors import PresetError, SynthError, SynthgymError, quoted
from synthgym.parameters import Native, Unit
from synthgym.patches import PatchId, PatchJob, audible
from synthgym.rendering import Worker
from synthgym.synths import Synth

VALIDATION = 0.1
"""The share of presets that is for validation and test."""
FEWEST_PROGRAMS = 16
"""So many different programs of a synth are enough to be what its patches are like by default."""
FEWEST_KNOWN = 2
"""So many make more than one patch and its variations."""
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

    Args:
        synth: that knows them.
    """

    batch = 16

    def __init__(self, synth: Synth) -> None:
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
    """Variations of presets, and of crossings of two of them, each preset as likely as another.

    A tenth of the presets, at least one, chosen by their values, is for validation and test patches, and the
    others for all else. A single preset is for everything.

    Args:
        unit: unit vectors (P, n) of the presets, each once.
        folder: that they are of; None if the synth brings them.

    Attributes:
        unit: as given.
        folder: as given.
        held_out: which of them are for validation and test, (P,).
    """

    def __init__(self, unit: Unit, folder: Path | None = None) -> None:
        self.unit, self.folder = unit, folder
        places = np.array([_place(one) for one in unit])
        count = max(1, round(VALIDATION * len(unit))) if len(unit) > 1 else 0
        self.held_out = np.zeros(len(unit), np.bool_)
        self.held_out[np.argsort(places, kind="stable")[:count]] = True
        everything = len(unit) == 1
        self._sides = tuple(unit[(self.held_out == side) | everything] for side in (False, True))

    @classmethod
    def of_folder(cls, folder: str | os.PathLike[str], worker: Worker) -> Presets:
        """Return the audible presets in a folder and the folders in it, in the order of their names.

        Args:
            folder: searched with the folders in it.
            worker: whose synth reads and renders them.

        Returns:
            The presets, one or more.

        Raises:
            PresetError: there is no such folder, or no audible preset of the worker's synth in it.
        """
        return cls(read_presets(worker, Path(folder)), Path(folder))

    def job(self, ids: Sequence[PatchId], **options: Any) -> PatchJob:
        """Return the job that makes patches."""
        return PatchJob(ids, among=[self._sides[not patch.is_training] for patch in ids], **options)

    def describe(self) -> dict[str, Any]:
        """Return what decides the patches."""
        digest = hashlib.sha256(self.unit.tobytes()).hexdigest()
        shares = {"jitter": VARIATION, "crossed": CROSSED}
        name = "human" if self.folder is None else "presets"
        return {"patches": name, "presets": len(self.unit), "sha256": digest, **shares}


def make_prior(patches: str | None, worker: Worker) -> Prior:
    """Return where the random patches of a worker's synth come from.

    Args:
        patches: ``"human"`` (such as the synth knows that people make, or else the programs that it brings),
            ``"uniform"``, or a folder of presets; None for ``"human"`` if the synth knows what people make,
            or brings 16 different programs, and otherwise ``"uniform"``.
        worker: of the synth.

    Returns:
        The prior, of which jobs of patches are asked.

    Raises:
        SynthError: it is not known what people make with the synth.
        SynthgymError: another name, or a folder that is missing or without presets of the synth.
    """
    if patches is None:
        known = worker.synth.has_prior or len(read_programs(worker)) >= FEWEST_PROGRAMS
        patches = "human" if known else "uniform"
    if patches == "uniform":
        return Uniform()
    if patches == "human":
        if worker.synth.has_prior:
            return Human(worker.synth)
        programs = read_programs(worker)
        if len(programs) < FEWEST_KNOWN:
            raise SynthError(
                "it is not known what patches people make with this synth; "
                "give patches='uniform', or a folder of its presets"
            )
        return Presets(programs)
    # os.path.isdir says False of what cannot be a path; a Path could not be told as JSON.
    if not isinstance(patches, str) or not os.path.isdir(patches):  # noqa: PTH112
        raise SynthgymError(
            f"patches are 'human', 'uniform' or the name of a folder of presets; got {quoted(patches, 200)}, "
            "which is no folder"
        )
    return Presets.of_folder(patches, worker)


def read_programs(worker: Worker) -> Unit:
    """Return unit vectors (P, n) of the programs that a synth brings, each once, in their order.

    They are not rendered: a candidate that is inaudible is followed by one of another.
    """
    return _each_once(worker, worker.synth.programs())


def read_presets(worker: Worker, folder: Path) -> Unit:
    """Return unit vectors (P, n) of the audible presets in a folder, each once, in the order of names.

    Files that are no presets of the synth are passed over. What is audible is decided at the note in the
    middle of the synth's range.

    Args:
        worker: whose synth reads and renders them.
        folder: searched with the folders in it.

    Returns:
        Float32 (P, n) in [0, 1], P 1 or more.

    Raises:
        PresetError: no such folder, or none in it.
    """
    if not folder.is_dir():
        raise PresetError(f"no such folder: {folder}; give one of presets of this synth")
    synth = worker.synth
    rows = [row for _, found in synth.presets_in(folder) for row in found]
    if rows:
        units = _each_once(worker, np.stack(rows))
        notes = np.repeat(synth.note.middle(), len(units), axis=0)
        kept = [audible(sound.audio) for sound in worker.sounds(units, notes)]
        if any(kept):
            return units[kept]
    kinds = ", ".join(sorted({synth.preset_suffix, *synth.also_read, ".json"}))
    raise PresetError(f"{folder} holds no audible preset of this synth ({kinds}); give another folder")


def _each_once(worker: Worker, native: Native) -> Unit:
    """Return unit vectors (P, n) of native rows, in their order, each once."""
    unit = worker.space.quantise(worker.space.to_unit(native))
    return unit[np.sort(np.unique(unit, axis=0, return_index=True)[1])]


def _place(unit: NDArray[np.float32]) -> float:
    """Return a number from 0 to 1 by a preset's values, so that the same preset is never on both sides."""
    return int.from_bytes(hashlib.sha256(unit.tobytes()).digest()[:8], "big") / 2**64
