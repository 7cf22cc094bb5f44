"""Reading a data set without loading it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import one_of, whole
from synthgym.datasets.arrays import AGAIN, check_shards, open_array
from synthgym.datasets.manifest import MANIFEST, OF_A_SET, read_manifest
from synthgym.datasets.splits import Items, Split
from synthgym.errors import SynthgymError, quoted
from synthgym.notes import NOTE, Note
from synthgym.parameters import Parameter, ParameterSpace
from synthgym.settings import check_same_settings
from synthgym.task import MOST_NOTES, SoundMatchingTask

if TYPE_CHECKING:
    import pandas

    from synthgym.datasets.pairs import Pairs

_PART = 1 << 20
"""Items of a small array that are read at once."""


class DataSet:
    """A data set that was made by ``synthgym dataset`` or ``synthgym.datasets.make``.

    Its arrays are Zarr arrays: a slice is a NumPy array, and nothing else is read. Items that are not
    made yet are left out of both sides of the split.

    Attributes:
        manifest: all that decides the bytes of the set.
        parameters: unit vectors (items, n) float32, quantised: what was really rendered.
        note: what was played: one note, or a range of notes.
        notes_per_target: how many notes each item played.
        notes: what each item played, (items, 3) float64: MIDI note, velocity, seconds held; None if all
            play the one note. Of k notes an item (items, k, 3).
        features: by name, (items, frames, bins), or (items, k, frames, bins).
        audio: (items, samples), or (items, k, samples); None if it was not kept.
        split: 0 for training, 1 for validation, 2 for what is left out, (items,).
        renders: how many sounds each item cost, (items,).
        space: the free parameters of the unit vectors.

    Raises:
        SynthgymError: there is no data set, or a part of it is missing or damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, str | os.PathLike):
            raise SynthgymError(f"a data set is named by the path of its folder; got {quoted(path)}")
        self.path = Path(path)
        self.manifest = read_manifest(self.path)
        self.note = _note(self.path, self.manifest)
        several = self.manifest.get("notes_per_target", 1)
        self.notes_per_target = whole(f"notes_per_target of {self.path}", several, 1, MOST_NOTES)
        features = {name: f"features/{name}" for name in self.manifest["features"]}
        names = ["parameters", "split", "renders", *features.values()]
        arrays = {name: self._open(name) for name in names}
        optional = {"audio": bool(self.manifest["audio"]), "notes": bool(self.note.varies)}
        arrays |= {name: self._open(name) for name, there in optional.items() if there}
        self.parameters, self.split, self.renders = (arrays[name] for name in names[:3])
        self.features = {name: arrays[array] for name, array in features.items()}
        self.audio, self.notes = arrays.get("audio"), arrays.get("notes")
        try:
            self.space = ParameterSpace([Parameter.read(kept) for kept in self.manifest["parameters"]])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise SynthgymError(
                f"{self.path}: the parameters in its {MANIFEST} are damaged ({error}); make it again"
            ) from error
        self._check_shapes(arrays)
        check_shards(self.path, arrays, len(self), self.manifest["block"])

    def _open(self, name: str) -> Any:
        array = open_array(self.path, name)
        if array.shape[0] != len(self):
            raise SynthgymError(
                f"{self.path} is to hold {len(self):,} items, but its array {name} has room for "
                f"{quoted(array.shape[0])}; {AGAIN}"
            )
        return array

    def _check_shapes(self, arrays: dict[str, Any]) -> None:
        """Raise SynthgymError unless items and blocks of the arrays are as large as the manifest says."""
        several = () if self.notes_per_target == 1 else (self.notes_per_target,)
        shapes: dict[str, tuple[Any, ...]] = {"parameters": (len(self.manifest["parameters"]),)}
        shapes |= {"split": (), "renders": (), "notes": (*several, 3)}
        try:
            for name, feature in self.manifest["features"].items():
                shapes[f"features/{name}"] = (*several, *feature["shape"])
        except (KeyError, TypeError) as error:
            raise SynthgymError(
                f"{self.path}: the features in its {MANIFEST} are damaged ({error}); make it again"
            ) from error
        for name, array in arrays.items():
            shape = shapes.get(name, array.shape[1:])
            if array.shape[1:] != shape or array.shards != (self.manifest["block"], *shape):
                raise SynthgymError(
                    f"{self.path}: items or blocks of its array {name} are of another size than its "
                    f"{MANIFEST} says; {AGAIN}"
                )

    def __len__(self) -> int:
        return int(self.manifest["size"])

    def __repr__(self) -> str:
        played = zip(NOTE, (self.note.pitch, self.note.velocity, self.note.hold), strict=True)
        notes = ", ".join(f"{name} {value}" for name, value in played)
        each = "" if self.notes_per_target == 1 else f" ({self.notes_per_target} an item)"
        features = ", ".join(f"{name} {array.shape[1:]}" for name, array in self.features.items())
        audio = "" if self.audio is None else f"; audio {self.audio.shape[1:]}"
        return (
            f"<{type(self).__name__} {self.path}: {len(self):,} items of {self.manifest['env']}, "
            f"{len(self.space)} parameters; {notes}{each}; {features}{audio}>"
        )

    def cost(self) -> int:
        """Return how many sounds were made for the set."""
        parts = range(0, len(self), _PART)
        return sum(int(self.renders[at : at + _PART].sum(dtype=np.int64)) for at in parts)

    def native(self, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """Return native values (items, n) of the free parameters of some items.

        Args:
            start: number of the first item.
            stop: number after the last (default: to the end).

        Returns:
            Float64 (items, n), in each parameter's own unit.
        """
        return self.space.to_native(self.parameters[start:stop])

    def frame(self, start: int = 0, stop: int | None = None) -> pandas.DataFrame:
        """Return a pandas frame of some items: native values by name, categories by their labels, and notes
        where they vary.

        Args:
            start: number of the first item.
            stop: number after the last (default: to the end).

        Returns:
            One row an item, whose index is the number of the item. Parameters with steps are integers. Of
            several notes an item they are ``note_1``, ``velocity_1``, ``hold_1``, ``note_2`` and so on.
        """
        import pandas

        start, stop, _ = slice(start, stop).indices(len(self))
        native = self.native(start, stop)
        frame = pandas.DataFrame(
            native, columns=list(self.space.names), index=pandas.RangeIndex(start, start + len(native))
        )
        for parameter in self.space.free:
            if parameter.steps is not None:
                frame[parameter.name] = frame[parameter.name].astype(int)
            if parameter.labels:
                codes = frame[parameter.name] - int(parameter.low)
                frame[parameter.name] = pandas.Categorical.from_codes(codes, list(parameter.labels))
        if self.notes is not None:
            notes = self.notes[start:stop].reshape(len(frame), -1, len(NOTE))
            for one in range(notes.shape[1]):
                for i, name in enumerate(NOTE):
                    values = notes[:, one, i] if name == "hold" else notes[:, one, i].astype(int)
                    frame[name if notes.shape[1] == 1 else f"{name}_{one + 1}"] = values
        return frame

    def items(self, split: Split) -> Items:
        """Return the numbers of the items on one side of the split, which is read for it."""
        return Items(self.split, split, self.manifest["block"])

    def torch(self, feature: str | None = None, split: Split = "train") -> Pairs:
        """Return a torch Dataset of (feature, parameters) pairs, float32, of one side of the split.

        Where notes vary, the note (3,) of an item comes third. Of k notes an item notes are (k, 3), and
        features (k, frames, bins).

        It reads what it is asked for, many items at once where torch asks so, and can be handed to
        the workers of a DataLoader.

        Args:
            feature: name of the feature (default: the first of the set).
            split: ``train`` or ``validation``.

        Returns:
            The pairs in the order of the items. Parameters are (n,) in [0, 1].
        """
        from synthgym.datasets.pairs import Pairs  # torch is slow to import

        name = next(iter(self.features)) if feature is None else feature
        one_of("feature of this set", name, self.features)
        return Pairs(self.features[name], self.parameters, self.items(split), self.notes)


def _note(path: Path, manifest: dict[str, Any]) -> Note:
    try:
        return Note(**manifest["note"])
    except (KeyError, TypeError, SynthgymError) as error:
        raise SynthgymError(
            f"{path}: the note in its {MANIFEST} is damaged ({error}); make it again"
        ) from error


def load(path: str | os.PathLike[str]) -> DataSet:
    """Open a data set; SynthgymError if there is none."""
    return DataSet(path)


def load_for(task: SoundMatchingTask, path: str | os.PathLike[str]) -> DataSet:
    """Open a data set of a task.

    Args:
        task: the task that the data set shall be of.
        path: the folder of the data set.

    Returns:
        The data set, which has the task's parameters and feature.

    Raises:
        SynthgymError: there is none, or it is of other parameters or another sound, or has not the feature
            that the task measures distance by. It may be of other notes, and of one note an item where the
            task has several a target.
    """
    dataset = load(Path(path).resolve())
    identity, manifest = task.identity(), dataset.manifest
    what = f"{path} is a data set of {manifest['env']} {manifest['env_kwargs'] or ''}".rstrip()
    # All of it: a task without a setting of the set has another sound, too.
    kept = {name: value for name, value in manifest.items() if name not in OF_A_SET}
    remedy = "make one of this environment with synthgym dataset"
    ignore = ("note",) if dataset.notes_per_target > 1 else ("note", "notes_per_target")
    check_same_settings(what, kept, identity, remedy, ignore=ignore)
    if task.feature_name not in dataset.features:
        known = ", ".join(dataset.features)
        raise SynthgymError(
            f"{path} has the feature {known}, not {task.feature_name}; "
            f"give --env-kwargs feature={next(iter(dataset.features))}, or make one with it"
        )
    return dataset
