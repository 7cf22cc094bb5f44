"""What steps of climbs did to their sounds, and steps that several of them make together.

A hill climber learns of a step whether it was nearer, and forgets the rest. But two steps that each lead away
may be near together, as a louder operator and a softer voice; and the opposite of a step that made it worse
may be what is missing. Effects on the features of a sound very nearly add up, where they are small, and are
compared with the target without a render.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgym.features import Features, Pooled
from synthgym.features.changes import distances_of_changed
from synthgym.lanes import WIDTH
from synthgym.parameters import ParameterSpace, Unit

from ..trials.trial import Trial

SHARE = 0.25
"""So many steps of a climb are made of earlier ones."""
KEPT, FEWEST = 192, 16
"""Steps whose effects a climb knows, the latest, and with how many it begins to make others of them."""
SEEN = 0.5
"""So many of them are looked at for each: no two are made of the same."""
MOST = 8
"""Of how many steps another is made, at most."""
FARTHEST = 2.0
"""How many times a step is taken, at most, forwards or backwards."""


class Effects:
    """The effects of the latest steps of N climbs side by side, on their pooled features.

    It begins with no climb.

    Args:
        trial: of the climbs: whose space, target and generator are taken.
    """

    def __init__(self, trial: Trial) -> None:
        self._space, self._rng = trial.space, trial.rng
        feature = trial.features[0]
        self._pooled = Pooled(feature)
        self._floor = np.float32(0 if np.min(feature.low) >= 0 else -np.inf)
        self._target = self._heard(trial.shown.features[0])[0]
        self._sounds = np.empty((0, len(self._target)), np.float32)
        self._of: list[_Latest] = []

    def _heard(self, features: Features) -> Features:
        """Return pooled features as rows (B, values), of a whole number of lanes."""
        pooled = self._pooled.derive(features.reshape(-1, *self._pooled.source.shape))
        rows = pooled.reshape(len(features), -1)
        return np.pad(rows, ((0, 0), (0, -rows.shape[1] % WIDTH)))

    @property
    def known(self) -> list[int]:
        """Of how many steps of each climb the effects are known."""
        return [latest.known for latest in self._of]

    def join(self, features: Features) -> None:
        """Begin more climbs, at sounds with features (B, frames, bins)."""
        self._sounds = np.concatenate([self._sounds, self._heard(features)])
        self._of += [_Latest(self._space, self._sounds.shape[1]) for _ in features]

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Go on with some of the climbs alone."""
        self._sounds, self._of = self._sounds[rows], [self._of[row] for row in rows]

    def mixed(self, here: Unit, there: Unit) -> Unit:
        """Return steps of climbs, a share of them replaced by such as are made of earlier ones.

        Args:
            here: where the climbs are, (N, n).
            there: where K steps of each lead, (N, K, n).

        Returns:
            Where they lead, (N, K, n).
        """
        there = there.copy()
        for climb, step in np.argwhere(self._rng.random(there.shape[:2]) < SHARE):
            together = self._together(self._of[climb], self._sounds[climb])
            if together is not None:
                there[climb, step] = np.clip(here[climb] + together, 0, 1)
        return there

    def learn(self, here: Unit, there: Unit, features: Features, gone: NDArray[np.int64]) -> None:
        """Keep what steps did.

        Args:
            here: where the climbs were, (N, n).
            there: where K steps of each led, (N, K, n).
            features: of the sounds there, (N K, frames, bins).
            gone: which step each climb took, (N,), -1 for none.
        """
        heard = self._heard(features).reshape(*there.shape[:2], -1)
        for climb, latest in enumerate(self._of):
            for unit, sound in zip(there[climb], heard[climb], strict=True):
                latest.learn(unit - here[climb], sound - self._sounds[climb])
        (climbs,) = np.nonzero(gone >= 0)
        self._sounds[climbs] = heard[climbs, gone[climbs]]

    def _together(self, latest: _Latest, sound: Features) -> Unit | None:
        """Return the sum of steps (n,) that leads nearer than none, as far as is known; None if none does.

        One step after the other is added, of some of the latest that which leads nearest, as in matching
        pursuit (Mallat and Zhang, "Matching Pursuits with Time-Frequency Dictionaries", 1993).
        """
        known = latest.known
        rows = np.flatnonzero(self._rng.random(known) < SEEN)
        if known < FEWEST or not len(rows):
            return None
        total, nearest = None, self._far(latest, sound, rows[:1], np.zeros(1, np.float32))[0]
        for _ in range(self._rng.integers(1, MOST + 1)):
            scales = self._rng.uniform(-FARTHEST, FARTHEST, len(rows)).astype(np.float32)
            far = self._far(latest, sound, rows, scales)
            best = int(far.argmin())
            if far[best] >= nearest:
                break
            nearest, row, scale = far[best], rows[best], scales[best]
            sound = np.maximum(sound + scale * latest.effects[row], self._floor)
            step = scale * latest.steps[row]
            total = step if total is None else total + step
        return total

    def _far(
        self, latest: _Latest, sound: Features, rows: NDArray[np.int64], scales: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        far = np.empty(len(rows), np.float32)
        buffer = np.empty(2 * WIDTH, np.float32)
        distances_of_changed(sound, latest.effects, rows, scales, self._floor, self._target, buffer, far)
        return far


class _Latest:
    """The latest steps of a climb (KEPT, n), and their effects (KEPT, values), from the first one on.

    Args:
        space: the parameters.
        values: of a sound.
    """

    steps: Unit
    effects: Features

    def __init__(self, space: ParameterSpace, values: int) -> None:
        self._categorical, self._values, self._learned = space.categorical, values, 0

    @property
    def known(self) -> int:
        """How many there are."""
        return min(self._learned, KEPT)

    def learn(self, step: Unit, effect: Features) -> None:
        """Keep a step, unless it is to another category: of that there is neither half nor double."""
        if step[self._categorical].any():
            return
        if not self._learned:  # most of many starts are given up before their first step
            self.steps = np.zeros((KEPT, len(step)), np.float32)
            self.effects = np.zeros((KEPT, self._values), np.float32)
        row = self._learned % KEPT
        self.steps[row], self.effects[row] = step, effect
        self._learned += 1
