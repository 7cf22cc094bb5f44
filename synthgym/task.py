"""The one path from parameters to features."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from synthgym.checks import whole
from synthgym.errors import ParameterError, SoundError
from synthgym.features import distance, extract, make_features
from synthgym.notes import Note, Notes
from synthgym.parameters import Native, Unit
from synthgym.patches import MOST_CANDIDATES, Patches, PatchId, PatchStream, make_patches, notes_of
from synthgym.priors import Presets, make_prior, read_programs
from synthgym.rendering import (
    Rendered,
    Rendering,
    RenderMeter,
    Worker,
    make_renderer,
    one_note_each,
    silence_failures,
    usable,
)
from synthgym.synths import Audio, make_synth

MOST_NOTES = 16
"""So many notes a target may have."""
MOST_WARNINGS = 20
"""So many failed renders of a task are warned of; a training may meet thousands."""


class SoundMatchingTask:
    """A synth, the parameters of it that may be set, and the features by which sounds are compared.

    Args:
        synth: name of the synth.
        feature: name of the feature by which distance is measured.
        more_features: names of further features to extract.
        parameters: names of the parameters to leave free (default: those the synth offers).
        frozen: native values (or labels) by name of parameters to hold.
        patches: where random patches come from: ``human``, ``uniform``, or a folder of presets; see
            ``synthgym.priors.make_prior``.
        notes_per_target: at how many notes of the synth's range, all different, a patch is rendered, 1 to 16;
            the distance of two patches is the mean over their notes, and each note counts as a render.
        rendering: ``inline``, ``threads``, ``processes``, ``ray``, ``cuda`` (a GPU, of the Dexed ids), or
            ``auto``: what suits the synth.
        workers: how many render side by side (default: one for each core).
        address: of a running Ray cluster.
        **synth_options: what the synth takes.

    Attributes:
        note: what the synth plays: one note, or a range of notes.
        prior: where random patches come from.
        meter: counts what the task itself renders. Trials have a budget of their own, and data sets keep
            the cost of each item.

    A render that fails is silence, with a warning; see ``synthgym.rendering.Worker``.

    Not for use by several threads at once: give each a task of its own.
    """

    def __init__(
        self,
        synth: str,
        *,
        feature: str = "multiresolution",
        more_features: Sequence[str] = (),
        parameters: Sequence[str] | None = None,
        frozen: Mapping[str, float | str] | None = None,
        patches: str | None = None,
        notes_per_target: int = 1,
        rendering: Rendering = "inline",
        workers: int | None = None,
        address: str | None = None,
        **synth_options: Any,
    ) -> None:
        self.synth = make_synth(synth, **synth_options)
        self.notes_per_target = whole("notes_per_target", notes_per_target, 1, MOST_NOTES)
        self.note.check_several(notes_per_target)
        space = self.synth.space
        if parameters is not None:
            space = space.only(parameters)
        self.space = space.freeze(frozen) if frozen else space
        self.synth.check(self.space)
        self.features = make_features([feature, *more_features], self.synth.sample_rate, self.synth.samples)
        self.feature, self.feature_name = self.features[0], feature
        self._rendering = rendering, workers, address
        self._open()
        self.prior = make_prior(patches, self.worker)
        self.meter = RenderMeter()

    def _open(self) -> None:
        rendering, workers, address = self._rendering
        self.worker = Worker(self.synth, self.space, self.features)
        self.renderer = make_renderer(rendering, self.worker, workers, address)

    def __getstate__(self) -> dict[str, Any]:
        # A copy is one of many already: with processes of its own, each would start them for every job.
        copied = {**self.__dict__, "_rendering": ("inline", None, None)}
        return {k: v for k, v in copied.items() if k not in ("renderer", "worker")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def close(self) -> None:
        """Let the engine and the workers go."""
        self.renderer.close()
        self.synth.close()

    def describe(self) -> dict[str, Any]:
        """Return all that decides its random patches and the distances of sounds, as JSON."""
        described = {"feature": self.feature_name, "prior": self.prior.describe(), **self.identity()}
        return dict(json.loads(json.dumps(described)))

    def identity(self) -> dict[str, Any]:
        """Return what decides the sound of a unit vector, as JSON: two tasks with equal ones sound alike.

        A data set or a trained model keeps it, and is refused by a task with another.
        """
        space, synth = self.space, self.synth
        files = [
            {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for path in synth.sources()
        ]
        identity: dict[str, Any] = json.loads(
            json.dumps(  # as it is read again: tuples are lists
                {
                    "frozen": space.frozen,  # the first difference is what a message names
                    "parameters": [asdict(parameter) for parameter in space.free],
                    "sample_rate": synth.sample_rate,
                    "samples": synth.samples,
                    "note": asdict(synth.note),
                    "files": files,
                    **synth.settings,
                    **({} if self.notes_per_target == 1 else {"notes_per_target": self.notes_per_target}),
                }
            )
        )
        return identity

    @property
    def note(self) -> Note:
        """What the synth plays."""
        return self.synth.note

    def noise_floor(self) -> float:
        """Return the greatest distance between renders of one patch; 0 if the synth is repeatable.

        Measured with three random audible patches, each rendered by one engine twice, and by a fresh one.
        """
        if self.synth.repeatable:
            return 0.0
        patches = self.make_patches(PatchStream("pool", seed=0).ids(range(3)))
        rendered = []
        for fresh in (False, False, True):
            if fresh:
                self.synth.close()
            rendered.append(self.worker.render(patches.unit, patches.notes).features[0])
            self.meter.renders += len(patches.unit) * self.notes_per_target
        return max(float(distance(a, b).max()) for a, b in combinations(rendered, 2))

    def render(self, unit: ArrayLike, notes: ArrayLike | None = None, *, audio: bool = False) -> Rendered:
        """Render unit vectors (B, n) and extract their features.

        Args:
            unit: (B, n), in [0, 1].
            notes: what each plays, (B, 3), or the note of all, (3,): MIDI note, velocity, seconds held
                (default: the synth's note, if it is fixed); of k notes a target (B, k, 3) or (k, 3).
            audio: whether the audio is wanted too.

        Returns:
            Features (B, ...) float32, the failures, and the audio (B, samples) float32 if it was wanted; of k
            notes a target features (B, k, ...) and audio (B, k, samples).

        Raises:
            ParameterError: an empty batch, a wrong length, or values outside [0, 1].
            SynthgymError: notes that cannot be played, or none where they vary.
            PluginCrashed: a plugin crashes again and again.
        """
        unit = self.space.check(unit)
        if unit.ndim != 2 or not len(unit):
            raise ParameterError(f"give a batch of unit vectors, (B, n); got an array of shape {unit.shape}")
        # Equal parts for the workers, none so large that others wait for it.
        each = self.notes_per_target
        size = min(-(-len(unit) // self.renderer.workers), max(1, self.renderer.rows // each))
        played = self.note.rows(len(unit), notes, each)
        parts = ((unit[i : i + size], played[i : i + size], audio) for i in range(0, len(unit), size))
        rendered = Rendered.joined(list(self.renderer.map(_render, parts)))
        self._count(len(unit) * each, rendered)
        return rendered

    def make_patches(
        self,
        ids: Sequence[PatchId],
        notes: Notes | None = None,
        *,
        audio: bool = False,
        most: int = MOST_CANDIDATES,
    ) -> Patches:
        """Make patches of streams, with what they sound like.

        Args:
            ids: of the patches.
            notes: to render them at, (B, 3) or, of k notes a target, (B, k, 3) (default: each draws its own,
                where they vary).
            audio: whether the audio is wanted too.
            most: candidates for a patch.

        Returns:
            Unit vectors (B, n), notes (B, 3), what was rendered, and how many renders each took.

        Raises:
            SynthError: ``most`` candidates for a patch are inaudible.
        """
        if notes is None:
            notes = notes_of(ids, self.note, self.notes_per_target)
        size = min(self.prior.batch, -(-len(ids) // self.renderer.workers))
        jobs = (
            self.prior.job(
                ids[at : at + size],
                notes=notes[at : at + size],
                audio=audio,
                most=most,
            )
            for at in range(0, len(ids), size)
        )
        patches = Patches.joined(list(self.renderer.map(make_patches, jobs)))
        self._count(int(patches.renders.sum()), patches.rendered)
        return patches

    def presets(self) -> Unit:
        """Return unit vectors (P, n) of the presets that patches are made of, and of the synth's programs."""
        programs = read_programs(self.worker)
        if not isinstance(self.prior, Presets) or self.prior.folder is None:
            return programs
        return np.concatenate([self.prior.unit, programs])

    def render_native(self, native: Native, notes: ArrayLike | None = None) -> Rendered:
        """Render native rows (B, all parameters), as presets hold them, in this thread; with their audio.

        Args:
            native: the rows.
            notes: as ``render`` takes them.

        Returns:
            Features (B, ...) float32, the failures, and the audio (B, samples) float32.

        Raises:
            PluginCrashed: a plugin crashes again and again.
        """
        played = self.note.rows(len(native), notes, self.notes_per_target)
        rows, one_by_one = one_note_each(native, played)
        rendered = self.worker.extract(self.worker.sounds_of(rows, one_by_one), len(rows), audio=True)
        self._count(len(rows), rendered)
        return rendered.folded(played)

    def extract(self, audio: Audio) -> Rendered:
        """Return the features of audio (B, samples), of k notes a target (B, k, samples), made elsewhere.

        Raises:
            SoundError: a sound, or a feature of it, is not finite.
        """
        sounds = audio.reshape(-1, audio.shape[-1])
        features = tuple(extract(self.features, sounds))
        if not all(map(usable, sounds)) or silence_failures(features):
            raise SoundError("a sound, or a feature of it, is not finite; give another sound or feature")
        return Rendered(features, sounds).folded(audio)

    def _count(self, renders: int, rendered: Rendered) -> None:
        self.meter.renders += renders
        for _, message in rendered.failures:
            self.meter.failures += 1
            if self.meter.failures == MOST_WARNINGS:
                message += "; later failures are counted without a warning"
            if self.meter.failures <= MOST_WARNINGS:
                warnings.warn(message, stacklevel=3)


def _render(worker: Worker, job: tuple[Unit, Notes, bool]) -> Rendered:
    unit, notes, audio = job
    return worker.render(unit, notes, audio=audio)
