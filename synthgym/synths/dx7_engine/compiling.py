"""How the engine is compiled."""

from __future__ import annotations

from typing import Any

import numba
from numba import extending

_njit: Any = numba.njit
intrinsic: Any = extending.intrinsic

compiled = _njit(_nrt=False)
"""Without reference counts, which Numba keeps of every view of an array: they cost as much as the sound.

So nothing compiled makes an array (``room`` does), and Numba refuses what does.
"""
contracted = _njit(_nrt=False, fastmath={"contract"})
"""Products and sums may be rounded once, where the processor can: only where it does not show (``sine``)."""
released = _njit(_nrt=False, nogil=True)
"""Without Python's lock, so that threads run side by side."""
