"""Find the polynomials by which the batched DX7 engine computes the instrument's tables, and print them.

    python scripts/dx7/sine_coefficients.py

A polynomial is right if it is on the right side of every rounding of its table. Of those of a degree, linear
programming finds the one that stays farthest from all of them. See ``synthgym.synths.dx7_engine.sine``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from synthgym.synths.dx7_engine.sine import tables

Floats = NDArray[np.float64]


def farthest(terms: Floats, table: Floats) -> tuple[float, Floats]:
    """Return the distance from the nearest rounding, and the coefficients (n,) of terms (1024, n)."""
    scale = np.abs(terms).max(axis=0)
    scaled, one = terms / scale, np.ones((len(terms), 1))
    above, below = np.hstack([scaled, one]), np.hstack([-scaled, one])
    found = linprog(
        np.r_[np.zeros(terms.shape[1]), -1],  # the margin, in the last column, is to be great
        A_ub=np.vstack([above, below]),
        b_ub=np.concatenate([table + 0.5, 0.5 - table]),
        bounds=[(None, None)] * (terms.shape[1] + 1),
    )
    return float(found.x[-1]), found.x[:-1] / scale


def main() -> None:
    """Print both polynomials."""
    logarithms, powers = tables()
    odd = 2.0 * np.arange(1024) + 1
    place = (odd * 2**20).astype(np.float32)
    mantissa = odd / 2 ** np.floor(np.log2(odd)) - 1
    even = (odd / 2048) ** 2
    rest = (logarithms + (place.view(np.int32) >> 13)).astype(np.float64)
    offset = round(float(rest.mean()))
    terms = np.stack([mantissa**k for k in range(1, 6)] + [even**k for k in range(5)], axis=1)
    margin, found = farthest(terms, rest - offset)
    print(f"logarithms: offset {offset}, {margin:.4f} from the nearest rounding")
    print(
        "  of the mantissa:", *map(np.float32, found[:5]), "\n  of the square:", *map(np.float32, found[5:])
    )
    x = np.arange(1024.0)
    margin, found = farthest(
        np.stack([x**k for k in range(1, 6)], axis=1), (powers - 4096).astype(np.float64)
    )
    print(f"powers: {margin:.4f} from the nearest rounding\n ", *map(np.float32, found))


if __name__ == "__main__":
    main()
