"""The picture that an environment's ``render()`` gives."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from synthgym.features import Feature, Features

# Even numbers of pixels, as video encoders want them.
_SIZE_INCHES, _DPI = (8.0, 3.6), 100


def side_by_side(
    feature: Feature, target: Features, current: Features, distance: float, seconds: float
) -> NDArray[np.uint8]:
    """Return a picture (360, 800, 3) of two features (frames, bins) on one scale, with the distance.

    Drawn in memory; needs no display.
    """
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    low, high = float(np.min(feature.low)), float(np.max(feature.high))
    axes = figure.subplots(1, 2, sharey=True)
    for axis, picture, title in zip(axes, (target, current), ("target", "now"), strict=True):
        image = axis.imshow(
            picture.T,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            extent=(0, seconds, -0.5, len(picture.T) - 0.5),
            cmap="magma",
            vmin=low,
            vmax=high,
        )
        axis.set_title(title)
        axis.set_xlabel("seconds")
    axes[0].set_ylabel(feature.bins)
    axes[0].set_yticks([at for at, _ in feature.ticks], [text for _, text in feature.ticks])
    figure.colorbar(image, ax=axes, label=feature.unit)
    figure.suptitle(f"distance {distance:.3f}")
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]
