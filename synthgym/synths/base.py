"""What every synthesiser does: native rows in, audio out."""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthgym.checks import whole
from synthgym.errors import PresetError, SynthError
from synthgym.files import files_in, shown
from synthgym.notes import Note, Notes
from synthgym.parameters import Native, ParameterSpace
from synthgym.synths.diagram import Diagram
from synthgym.synths.json_preset import read_json, write_json

logger = logging.getLogger(__name__)
if TYPE_CHECKING:
    import torch

Audio = NDArray[np.float32]


class Synth(ABC):
    """A synthesiser that renders one note.

    Args:
        sample_rate: Hz.
        note: MIDI note number, or a pair ``(low, high)``; see Note, so velocity and hold.
        velocity: MIDI velocity, or a pair.
        hold: seconds from note-on to note-off, or a pair.
        duration: seconds of audio rendered.

    Attributes:
        note: what it plays.
        space: all its parameters; the ones it offers to agents are free.
        preset_suffix: the file name ending of its own preset format.
        also_read: the file name endings of other files of presets that it reads.
        lowest_sample_rate: Hz at which it still renders, and in tune.
        engine_package: the package whose version decides what a patch sounds like.
        bank_size: how many presets ``save_bank`` takes; 0 if it takes none.
        batch: how many rows it is best given at once; a plugin that may crash is given one.
        rendering: what suits it: ``threads``, or ``processes`` if copies of it might disturb each other.
        opens_anywhere: whether any thread may open it, as its engine is in a helper process.
        on_cuda: whether it renders on a GPU, see ``render_on``.
        has_prior: whether it knows what patches people make, see ``human_like``.
        most_layers: of how many layers a patch can be put together, see ``layers``; 0 if of none.
    """

    space: ParameterSpace
    preset_suffix: str = ".json"
    also_read: tuple[str, ...] = ()
    lowest_sample_rate: ClassVar[int] = 8000
    engine_package: ClassVar[str]
    bank_size: ClassVar[int] = 0
    batch: int = 1
    rendering: Literal["threads", "processes"] = "threads"
    opens_anywhere = False
    on_cuda: ClassVar[bool] = False
    has_prior: ClassVar[bool] = False
    most_layers: int = 0

    def __init__(
        self,
        *,
        sample_rate: int = 44100,
        note: int | tuple[int, int] = 60,
        velocity: int | tuple[int, int] = 100,
        hold: float | tuple[float, float] = 0.7,
        duration: float = 1.0,
    ) -> None:
        self.sample_rate = whole("sample_rate", sample_rate, self.lowest_sample_rate, 384_000)
        self.note = Note(note, velocity, hold, duration)

    @property
    def samples(self) -> int:
        """Length of a render in samples."""
        return round(self.note.duration * self.sample_rate)

    @abstractmethod
    def render(self, native: Native, notes: Notes | None = None) -> Audio:
        """Return float32 audio (B, samples) for native rows (B, all parameters).

        Args:
            native: the rows.
            notes: what each row plays, (B, 3) (default: the synth's note, if it is fixed);
                ``self.note.rows(len(native), notes)`` are them.

        Returns:
            Float32 (B, samples).

        Mono, at the synth's own natural level: full scale is 1, nothing is normalised. The same row
        and note give the same bytes, in any batch, order and process, if the synth is ``repeatable``.

        This is the one way to render: rewards, data sets, presets and pages all call it. A worker passes
        ``batch`` rows at a time.

        Raises:
            PluginCrashed: a plugin crashed or hung, twice, on a row.
        """

    def render_on(self, device: torch.device, native: Native, notes: Notes) -> torch.Tensor:
        """Return what ``render`` does as a tensor (B, samples) on a CUDA device.

        Args:
            device: such as ``torch.device("cuda")``.
            native: float64 (B, all parameters).
            notes: float64 (B, 3).

        Returns:
            Float32 (B, samples), on the device.

        Raises:
            SynthError: the synth cannot.
        """
        raise SynthError(f"{type(self).__name__} does not render on a GPU; give rendering='auto'")

    def save_preset(self, native: Native, path: str | os.PathLike[str]) -> None:
        """Save one native row (all parameters,) as a preset: ``preset_suffix``, or JSON by names.

        Args:
            native: of float64.
            path: the file; one that is there is replaced.

        Raises:
            PresetError: the path ends otherwise.
        """
        suffix = self._suffix(path, self.preset_suffix, ".json")
        self.space.to_unit(native)  # a row that cannot be is no preset
        try:
            if suffix == ".json":
                write_json(self.space, native, Path(path))
            else:
                self._write_preset(native, Path(path))
        except OSError as error:
            raise PresetError(f"cannot write {path}: {error.strerror}; choose another place") from error

    def load_preset(self, path: str | os.PathLike[str]) -> Native:
        """Return the native row (all parameters,) of a preset as ``save_preset`` writes it, or ``also_read``.

        Raises:
            PresetError: the file is missing, or no preset of this synth.
        """
        if self._suffix(path, self.preset_suffix, *self.also_read, ".json") != ".json":
            return self._read_preset(Path(path))
        try:
            return read_json(self.space, Path(path))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise PresetError(f"{path} is no preset of this synth: {error}") from error

    def save_bank(self, natives: Native, names: Sequence[str], path: str | os.PathLike[str]) -> None:
        """Save native rows (up to ``bank_size``, all parameters) as one file of many presets.

        Args:
            natives: float64 (1 to bank_size, all parameters).
            names: one a row.
            path: the file; one that is there is replaced.

        Raises:
            PresetError: the synth has no such files, or it cannot be written.
        """
        raise PresetError("this synth has no files of many presets")

    def load_presets(self, path: str | os.PathLike[str]) -> list[Native]:
        """Return the native rows of all the presets in a file; PresetError as ``load_preset``."""
        return [self.load_preset(path)]

    def presets_in(self, folder: Path) -> Iterator[tuple[Path, list[Native]]]:
        """Give every file below a folder that holds presets of this synth, by name, and their native rows."""
        suffixes = {self.preset_suffix, *self.also_read, ".json"}
        files, unreadable = files_in(folder, below=True)
        passed_over, found = [str(each.relative_to(folder)) + os.sep for each in unreadable], False
        for path in (each for each in files if each.suffix.lower() in suffixes):
            try:
                rows = self.load_presets(path)
            except PresetError:  # others have files with such names too
                passed_over.append(path.name)
                continue
            found = True
            yield path, rows
        if passed_over and found:  # where there is none, that is an error of those who ask
            named = ", ".join(passed_over[:3]) + (", ..." if len(passed_over) > 3 else "")
            count = len(passed_over)
            logger.warning(
                "%s: %d files are no presets of this synth, or cannot be read: %s; passed over",
                folder,
                count,
                shown(named),
            )

    def programs(self) -> Native:
        """Return native rows (P, all parameters) of the presets that the synth itself brings; none here."""
        return np.empty((0, len(self.space.parameters)))

    def human_like(self, generators: Sequence[np.random.Generator]) -> Native:
        """Return random native rows (B, all parameters) such as people make, one of each generator.

        Raises:
            SynthError: what people make with this synth is not known.
        """
        raise SynthError(f"it is not known what patches people make with {type(self).__name__}")

    def louder(self, native: Native, decibels: float) -> tuple[Native, NDArray[np.float64]]:
        """Return rows that sound the same but louder, by what is asked or as nearly as the synth's levels go.

        Args:
            native: float64 (B, all parameters).
            decibels: by how much louder; below 0 for softer.

        Returns:
            The rows, and by how many decibels each is louder (B,); of a synth of which it is not known, the
            rows as they are and zeros.
        """
        return native, np.zeros(len(native))

    def layers(self, native: Native) -> tuple[Native, NDArray[np.bool_]]:
        """Return patches that sound as one layer of patches does, alone and at its loudest.

        What is heard of a layer does not depend on other layers, so that their sounds can be added.

        Args:
            native: float64 (B, all parameters).

        Returns:
            The layers (L, all parameters), and of which of them a patch can have one only, (L,); none of a
            synth of which it is not known how patches come apart.
        """
        return np.empty((0, native.shape[1])), np.zeros(0, np.bool_)

    def layered(self, layers: Native, decibels: NDArray[np.float64]) -> Native:
        """Return a patch (all parameters,) of several layers.

        Args:
            layers: up to ``most_layers`` (L, all parameters), as ``layers`` returns them.
            decibels: by how much each is louder than it is alone, 0 or below, (L,).

        Returns:
            The patch.

        Raises:
            SynthError: it is not known how patches of the synth come apart.
        """
        raise SynthError(f"it is not known how patches of {type(self).__name__} come apart")

    def diagram(self, native: Native) -> Diagram | None:
        """Return how the parts of a patch (all parameters,) are joined; None if all are joined alike."""
        return None

    def check(self, space: ParameterSpace) -> None:  # noqa: B027, most are heard
        """Raise SynthError if nothing can be heard of the synth in a space of its parameters."""

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the sound of a native row besides note and files, as JSON.

        What is missing is off, or as it is by default.
        """
        return {}

    def sources(self) -> list[Path]:
        """Return the files that decide what a patch sounds like."""
        return []

    @property
    def repeatable(self) -> bool:
        """Whether equal rows are bound to give equal bytes."""
        return True

    def open(self) -> None:  # noqa: B027, most have theirs from the start
        """Make the engine here and now, in this thread."""

    def close(self) -> None:  # noqa: B027, most have nothing to let go
        """Let the engine go; it is made again when it is needed."""

    def _suffix(self, path: str | os.PathLike[str], *known: str) -> str:
        suffix = Path(path).suffix.lower()
        if suffix not in known:
            kinds = " or ".join(dict.fromkeys(known))
            raise PresetError(f"presets of this synth are {kinds} files; got {Path(path).name!r}")
        return suffix

    def _write_preset(self, native: Native, path: Path) -> None:
        """Write a native row in the synth's own format."""
        raise PresetError("this synth has no preset format but JSON")

    def _read_preset(self, path: Path) -> Native:
        """Read a native row in the synth's own format."""
        raise PresetError("this synth has no preset format but JSON")
