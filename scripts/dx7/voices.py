"""The voices that people made: those to fit the prior to, and the third to judge it by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgym.errors import SynthgymError
from synthgym.parameters import Native
from synthgym.synths import dx7_prior as prior
from synthgym.synths.dx7_parameters import native_rows, voice_bytes
from synthgym.synths.dx7_voice import read_voices

VALUES = 145


def read(hexter: Path, shared: Path) -> tuple[Native, Native]:
    """Return the voices to fit (N, 145) and those to judge by (M, 145), equal ones once.

    Args:
        hexter: folder of Debian's package hexter, with .dx7 files.
        shared: folder with ``dx7_voices.npz`` (``voices``, (681, 145) bytes in the order of a single-voice
            dump, and which of them to ``judge`` by) and ``hexter_judge.json`` (the first 16 digits of the
            SHA-256 of the 145 bytes of hexter's voices to judge by).

    Raises:
        SynthgymError: one of them is missing.
    """
    kept = of_hexter(hexter, shared)
    with reading(shared), np.load(shared / "dx7_voices.npz") as file:
        rows, judges = native_rows(file["voices"]), file["judge"]
    return np.concatenate([kept[0], rows[~judges]]), np.concatenate([kept[1], rows[judges]])


def of_hexter(hexter: Path, shared: Path) -> tuple[Native, Native]:
    """Return those of hexter's voices alone: to fit, and to judge by; as ``read``."""
    files = sorted(hexter.glob("*.dx7"))
    if not files:
        raise SynthgymError(f"{hexter} has no .dx7 files; install Debian's package hexter, or give --hexter")
    with reading(shared):
        digests = set(json.loads((shared / "hexter_judge.json").read_text())["judge"])
    found = np.unique([voice.native for path in files for voice in read_voices(path)], axis=0)
    names = [hashlib.sha256(voice_bytes(row)[:VALUES]).hexdigest()[:16] for row in found]
    judge = np.array([name in digests for name in names])
    return found[~judge], found[judge]


@contextmanager
def reading(shared: Path) -> Iterator[None]:
    """Say which file of a folder is missing, and the remedy."""
    try:
        yield
    except OSError as error:
        raise SynthgymError(
            f"cannot read {error.filename or shared}: {error.strerror}; give the folder by --shared"
        ) from error


def split(voices: Native) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return globals (N, g), operators (N, 6, p), and which of them carry (N, 6), of native rows."""
    rows = voices.astype(np.int64)
    whole, parts = rows[:, prior.GLOBAL_COLUMNS], rows[:, prior.OPERATOR_COLUMNS]
    return whole, parts, prior.CARRIES[whole[:, 0]]


def marginals(voices: Native, count: int, rng: np.random.Generator) -> Native:
    """Return voices (count, 145) whose every value is drawn alone, from carriers' or modulators'."""
    whole, parts, carries = split(voices)
    drawn = np.empty((count, VALUES))
    for column, values in zip(prior.GLOBAL_COLUMNS, whole.T, strict=True):
        drawn[:, column] = rng.choice(values, count)
    kinds = prior.CARRIES[drawn[:, prior.GLOBAL_COLUMNS[0]].astype(np.int64)]
    for columns, kind in zip(prior.OPERATOR_COLUMNS, kinds.T, strict=True):
        for i, column in enumerate(columns):
            pools = [rng.choice(parts[:, :, i][carries == carrier], count) for carrier in (0, 1)]
            drawn[:, column] = np.where(kind, pools[1], pools[0])
    return drawn
