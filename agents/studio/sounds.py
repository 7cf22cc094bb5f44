"""Sounds and pictures as a page takes them."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from synthgym.features import Feature, Features
from synthgym.synths import Audio

from ..reports.media import png


def wav(sound: Audio, sample_rate: int, gain: float = 1.0) -> bytes:
    """Return mono audio (samples,) as a WAV of 16 bits, turned down rather than clipped."""
    peak = float(np.abs(sound).max(initial=0)) * gain
    file = io.BytesIO()
    soundfile.write(file, sound * np.float32(gain / max(1.0, peak)), sample_rate, "PCM_16", format="WAV")
    return file.getvalue()


def picture(values: Features, feature: Feature) -> str:
    """Return a feature (frames, bins) as the address of a picture that holds it all."""
    return f"data:image/png;base64,{png(values, feature)}"
