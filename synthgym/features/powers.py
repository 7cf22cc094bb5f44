"""Powers and the loudness that features hold of them."""

from __future__ import annotations

import numpy as np

from synthgym.features.base import Features
from synthgym.features.loudness import EXPONENT, FLOOR, LEAST


def loudness_of(powers: Features) -> Features:
    """Return the loudness of powers, float32, of any shape: to the power of .13, less a floor, 0 to 1."""
    loudness: Features = np.clip(np.maximum(powers, LEAST) ** np.float32(EXPONENT) - FLOOR, 0, 1)
    return loudness


def powers_of(loudness: Features) -> Features:
    """Return the powers that have a loudness, float32, of any shape; 0 of what is not heard."""
    return np.where(loudness > 0, (loudness + FLOOR) ** np.float32(1 / EXPONENT), np.float32(0))
