"""How near random voices are to those that people made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score

from synthgym.features import distance, make_features
from synthgym.features.base import Features
from synthgym.parameters import Native
from synthgym.patches import audible
from synthgym.recordings import read_recording
from synthgym.synths import make_synth

RATE = 44100
_ROWS = 64


class Measures(NamedTuple):
    """Of some thousand random voices.

    Attributes:
        to_voices: mean distance from a voice to judge by to the nearest of them.
        to_recordings: likewise from a recording.
        told_apart: area under the ROC curve of a classifier that tells them from the voices to judge by, from
            their parameters; .5 is chance.
        copies: the share within 10 values of 145 of a voice that was fitted.
        differ: in so many values the median one differs from the nearest voice that was fitted.
        audible: the share that peaks at -44 dBFS or above.
    """

    to_voices: float
    to_recordings: float
    told_apart: float
    copies: float
    differ: float
    audible: float


class Judge:
    """Judges random voices.

    Args:
        fitted: voices (N, 145) that a prior was fitted to.
        voices: others, (M, 145), to judge by.
        recordings: paths of recordings to judge by.
        feature: name of the feature by which distance is measured, at the default note.
    """

    def __init__(self, fitted: Native, voices: Native, recordings: Sequence[Path], feature: str) -> None:
        self._synth = make_synth("dexed", operators=6, sample_rate=RATE)
        (self._feature,) = make_features([feature], RATE, self._synth.samples)
        self._fitted, self._voices = fitted, voices
        self._aims = self._features(voices)[0]
        sounds = [read_recording(path, RATE, self._synth.samples) for path in recordings]
        self._recorded = self._feature(np.stack(sounds))

    def measure(self, drawn: Native) -> Measures:
        """Return the measures of voices (B, 145)."""
        features, heard = self._features(drawn)
        differ = np.array([(row != self._fitted).sum(axis=1).min() for row in drawn])
        return Measures(
            _nearest(features, self._aims),
            _nearest(features, self._recorded),
            self.told_apart(drawn),
            float((differ <= 10).mean()),
            float(np.median(differ)),
            heard,
        )

    def told_apart(self, drawn: Native) -> float:
        """Return the area under the ROC curve, of five-fold cross-validation with as many of each kind."""
        count = min(len(drawn), len(self._voices))
        rows = np.concatenate([self._voices[:count], drawn[:count]])
        real = np.repeat([1, 0], count)
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        model = HistGradientBoostingClassifier(random_state=0)
        return float(cross_val_score(model, rows, real, cv=folds, scoring="roc_auc").mean())

    def _features(self, voices: Native) -> tuple[Features, float]:
        features, heard = [], 0
        for start in range(0, len(voices), _ROWS):
            audio = self._synth.render(voices[start : start + _ROWS])
            features.append(self._feature(audio))
            heard += sum(map(audible, audio))
        return np.concatenate(features), heard / len(voices)


def _nearest(features: Features, aims: Features) -> float:
    return float(np.mean([distance(features, np.broadcast_to(aim, features.shape)).min() for aim in aims]))
