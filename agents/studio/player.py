"""Patches that a person plays, turns and varies, beside the search."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import SynthError
from synthgym.features import Feature, Features, distance, make_features
from synthgym.parameters import Native, ParameterSpace, Unit
from synthgym.synths import Audio, Synth

from ..evaluation.pitch import pitch_of
from ..reports.envelopes import envelopes
from ..reports.match_page import grouped
from .instruments import Instrument
from .sounds import picture
from .voice import Voice

LITTLE, MORE = 0.08, 0.22
"""How far a variation is from a sound, about."""
SHORTEST = 2.0
"""Seconds that a key sounds at least."""
FIRST = 0.3
"""Seconds of a key that are rendered before the whole, by an engine of their own,"""
SLOW = 0.06
"""where the whole takes more seconds than these: a key is to sound within a tenth of one."""
_HELD = 0.8
_SIGMAS = (0.08, 0.05, 0.12, 0.03, 0.2, 0.02)
"""How far parameters are turned for a variation, tried in this order."""
_TURNED = 0.25
"""The share of parameters that are turned."""
_TRIED = 12
_IN_TUNE = 0.3
"""Semitones by which a variation may differ."""


class Player:
    """Renders patches of an instrument at any note; threads take turns.

    Its engine is made in a thread of its own, so that a search need not wait for it.

    Args:
        instrument: it.
        space: of its parameters.
        played: the note of the match: ``note``, ``velocity``, ``hold`` and ``duration``.
        target: the clip of the match (samples,).
    """

    def __init__(
        self, instrument: Instrument, space: ParameterSpace, played: Mapping[str, Any], target: Audio
    ) -> None:
        self.space = space
        self._instrument, self._target = instrument, target
        self._whole = self._new(max(SHORTEST, played["duration"]))
        self._first: Future[Voice] | None = None
        self._lock, self._closed = threading.Lock(), False
        self._row = np.array([[played["note"], played.get("velocity", 100), played["hold"]]], np.float64)

    def _new(self, seconds: float, *, opened: bool = False) -> Future[Voice]:
        maker = ThreadPoolExecutor(1, thread_name_prefix="player")
        voice = maker.submit(Voice, self._instrument, seconds, opened=opened)
        maker.shutdown(wait=False)
        return voice

    def _look_at_speed(self) -> None:
        """Have an engine made for how keys begin, if the synth has turned out to be slow."""
        with self._lock:
            if self._first is None and not self._closed and self._whole.result().quickest > SLOW:
                self._first = self._new(FIRST, opened=True)

    @property
    def synth(self) -> Synth:
        """What renders."""
        return self._whole.result().synth

    @cached_property
    def _feature(self) -> Feature:
        name, rate = self._whole.result().feature, self.synth.sample_rate
        (feature,) = make_features([name], rate, len(self._target))
        return feature

    @cached_property
    def _aim(self) -> Features:
        return self._feature(self._target[None])

    def close(self) -> None:
        """Let the engines go, when nobody renders."""
        with self._lock:
            self._closed = True
        for voice in (self._whole, self._first):
            if voice is not None and voice.exception() is None:
                voice.result().close()

    def key(self, unit: Unit, note: int, velocity: int) -> Audio:
        """Return what a patch sounds like when a key is pressed.

        Args:
            unit: the patch (n,), in [0, 1].
            note: MIDI note, 0 to 127.
            velocity: 1 to 127.

        Returns:
            Audio (samples,) of two seconds or more, at the synth's own level.
        """
        return self._pressed(self._whole.result(), unit, note, velocity)

    def key_begins(self, unit: Unit, note: int, velocity: int) -> tuple[Audio, bool]:
        """Return how the sound of a key begins, as soon as can be.

        Args:
            unit: the patch (n,), in [0, 1].
            note: MIDI note, 0 to 127.
            velocity: 1 to 127.

        Returns:
            Audio (samples,), and whether that is all of it: of a synth that is slow it is the first third
            of a second, and ``key`` gives the whole.
        """
        self._look_at_speed()
        first = self._first
        if first is None or not first.done() or first.exception() is not None:
            return self.key(unit, note, velocity), True
        return self._pressed(first.result(), unit, note, velocity), False

    def _pressed(self, voice: Voice, unit: Unit, note: int, velocity: int) -> Audio:
        hold = min(max(_HELD, float(self._row[0, 2])), voice.synth.note.duration)
        (sound,) = voice.sounds(unit[None], np.array([[note, velocity, hold]], np.float64))
        return np.asarray(sound)

    def described(self, unit: Unit) -> dict[str, Any]:
        """Return what a patch (n,) is, as JSON: how far from the target, its picture, its parameters."""
        sound = self._matched(unit[None])
        self._look_at_speed()
        feature = self._feature(sound)
        native = self.space.to_native(unit)
        return {
            "unit": unit.tolist(),
            "distance": float(distance(feature, self._aim)[0]),
            "picture": picture(feature[0], self._feature),
            "groups": self._groups(native, unit),
            "diagram": self._diagram(native),
            "envelopes": [
                {"name": each.name, "path": each.path(160, 60)}
                for each in envelopes(dict(zip(self.space.names, unit.tolist(), strict=True)))
            ],
        }

    def sound(self, unit: Unit) -> Audio:
        """Return a patch (n,) at the note of the match (samples of the target,)."""
        (sound,) = self._matched(unit[None])
        return np.asarray(sound)

    def varied(
        self, unit: Unit, far: float, rng: np.random.Generator, pitch: NDArray[np.float64] | None = None
    ) -> Unit:
        """Return a variation of a patch that has its pitch.

        Args:
            unit: the patch (n,).
            far: how far it is to sound from it, about; a distance from 0 to 1.
            rng: of all that is random.
            pitch: that it is to have, a track (frames,) in semitones (default: that of the patch).

        Returns:
            The variation (n,).

        Raises:
            SynthError: none of those that were tried has.
        """
        own = self._matched(unit[None])
        feature, rate = self._feature(own), self.synth.sample_rate
        pitch = pitch_of(own[0], rate) if pitch is None else pitch
        for sigma in _SIGMAS:
            turned = rng.random((_TRIED, len(unit))) < _TURNED
            jittered = np.stack([self.space.jitter(unit, sigma, rng) for _ in range(_TRIED)])
            tried = np.where(turned, jittered, unit)
            sounds = self._matched(tried)
            away = distance(self._feature(sounds), feature)
            for i in np.argsort(np.abs(away - far)):
                if far / 3 <= away[i] <= far * 2 and _in_tune(pitch, pitch_of(sounds[i], rate)):
                    chosen: Unit = tried[i]
                    return chosen
        raise SynthError("no variation with the same pitch was found; turn a knob, or try the other button")

    def neighbours(self, unit: Unit, count: int, rng: np.random.Generator) -> Native:
        """Return a patch and variations of it; where no more are found, variations of these.

        Args:
            unit: the patch (n,).
            count: how many rows are wanted, the patch itself among them.
            rng: of all that is random.

        Returns:
            Native rows (count, all parameters), the patch first; fewer where no more are found.

        Raises:
            SynthError: none is found.
        """
        units, why = [unit], None
        pitch = pitch_of(self._matched(unit[None])[0], self.synth.sample_rate)
        for one in units:  # which become more meanwhile
            kinds = [MORE, LITTLE]
            while len(units) < count and kinds:
                far = kinds[len(units) % len(kinds)]
                try:
                    units.append(self.varied(one, far, rng, pitch))
                except SynthError as error:
                    kinds.remove(far)  # those of the other kind may still be found
                    why = error
        if why is not None and len(units) == 1:
            raise why
        return self.space.to_native(np.stack(units))

    def _matched(self, units: Unit) -> Audio:
        sounds = self._whole.result().sounds(units, np.repeat(self._row, len(units), 0))
        return np.ascontiguousarray(sounds[:, : len(self._target)])

    def _groups(self, native: Native, unit: Unit) -> list[dict[str, Any]]:
        """Return the free parameters as the synth groups them."""
        place = {name: i for i, name in enumerate(self.space.names)}
        described = [p for p in self.space.describe(native) if p["free"]]
        return [
            {
                "name": name,
                "parameters": [
                    {
                        "index": place[p["name"]],
                        "name": p["name"],
                        "short": p["name"][len(name) :].strip(),
                        "text": p["text"],
                        "steps": self.space.free[place[p["name"]]].steps,
                        "labels": self.space.free[place[p["name"]]].labels,
                    }
                    for p in parameters
                ],
            }
            for name, parameters in grouped(described)
        ]

    def _diagram(self, native: Native) -> dict[str, Any] | None:
        diagram = self.synth.diagram(native)
        if diagram is None:
            return None
        return {
            "title": diagram.title,
            "caption": diagram.caption,
            "width": diagram.width,
            "height": diagram.height,
            "lines": list(diagram.lines),
            "boxes": [vars(box) for box in diagram.boxes],
        }


def _in_tune(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Return whether a pitch track (frames,) has the pitch of one, or that has none itself."""
    voiced, both = np.isfinite(one), np.isfinite(one) & np.isfinite(other)
    if voiced.mean() < 0.1:
        return True
    return both.sum() >= voiced.sum() / 2 and bool(np.median(np.abs(one - other)[both]) <= _IN_TUNE)
