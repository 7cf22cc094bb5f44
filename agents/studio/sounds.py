"""Sounds and pictures as a page takes them."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from synthgym.features import Feature, Features
from synthgym.synths import Audio

from ..reports.media import png


def wav(sound: Audio, sample_rate: int, gain: float = 1.0) -> bytes:
    """Return mono audio as a WAV of 16 bits.

    Args:
        sound: (samples,), full scale is 1.
        sample_rate: Hz.
        gain: by which it is turned up or down; if it would be clipped, less.

    Returns:
        The bytes of the file.
    """
    peak = float(np.abs(sound).max(initial=0)) * gain
    file = io.BytesIO()
    soundfile.write(file, sound * np.float32(gain / max(1.0, peak)), sample_rate, "PCM_16", format="WAV")
    return file.getvalue()


def picture(values: Features, feature: Feature) -> str:
    """Return a picture of a feature.

    Args:
        values: (frames, bins).
        feature: what they are of.

    Returns:
        An address that holds the whole picture, ``data:image/png;...``.
    """
    return f"data:image/png;base64,{png(values, feature)}"
