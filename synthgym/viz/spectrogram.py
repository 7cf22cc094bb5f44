"""Pictures of features: those of a target and of a match, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine, LayoutEngine
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from synthgym.features import Feature, Features

COLOURS = "magma"
# Even numbers of pixels, as video encoders want them.
_SIZE_INCHES, _DPI = (8.0, 3.6), 100
_TITLE_AT = 1 - 0.0417 / _SIZE_INCHES[1]
"""Where the constrained layout has the title: its own distance from the edge, in inches."""


def draw_features(
    axes: Sequence[Axes],
    pictures: Sequence[tuple[str, Features]],
    feature: Feature,
    seconds: float,
    *,
    span: tuple[float, float],
    colours: str = COLOURS,
) -> None:
    """Draw pictures of titled features (frames, bins) on one scale, with a colour bar beside the last.

    Args:
        axes: one for each.
        pictures: titles and values.
        feature: what the values are of.
        seconds: that they last.
        span: least and greatest value of the scale.
        colours: name of its colour map.
    """
    for axis, (title, values) in zip(axes, pictures, strict=True):
        picture = feature.picture(values).T
        image = axis.imshow(
            picture,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            extent=(0, seconds, -0.5, len(picture) - 0.5),
            cmap=colours,
            vmin=span[0],
            vmax=span[1],
        )
        axis.set_title(title)
        axis.set_xlabel("seconds")
    axes[0].figure.colorbar(image, ax=axes, label=feature.unit)


def label_bins(axis: Axes, feature: Feature) -> None:
    """Say at an axis what the bins of a feature are.

    Args:
        axis: whose y axis is labelled.
        feature: whose bins are named there.
    """
    axis.set_ylabel(feature.bins)
    axis.set_yticks([at for at, _ in feature.ticks], [text for _, text in feature.ticks])


def side_by_side(
    feature: Feature, target: Features, current: Features, distance: float, seconds: float
) -> NDArray[np.uint8]:
    """Return a picture (360, 800, 3) of two features (frames, bins) on one scale, with the distance.

    Drawn in memory; needs no display.

    Args:
        feature: what both are features of; its span is the scale of colours.
        target: float32 (frames, bins), drawn on the left.
        current: float32 (frames, bins), drawn on the right.
        distance: the figure above both.
        seconds: the length of the clip.

    Returns:
        Uint8 RGB (360, 800, 3).
    """
    figure = _drawn(feature, target, current, seconds)
    for axes, place in zip(figure.axes, _places(feature, seconds), strict=True):
        axes.set_position(place)
    figure.suptitle(f"distance {distance:.3f}", y=_TITLE_AT)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


def _drawn(
    feature: Feature, target: Features, current: Features, seconds: float, layout: LayoutEngine | None = None
) -> Figure:
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout=layout)
    axes = figure.subplots(1, 2, sharey=True)
    draw_features(axes, [("target", target), ("now", current)], feature, seconds, span=feature.span)
    label_bins(axes[0], feature)
    return figure


@lru_cache(maxsize=16)
def _places(feature: Feature, seconds: float) -> list[Bbox]:
    """Where the axes stand, which takes as long to find as all else: it is the same for all pictures."""
    nothing = np.zeros(feature.shape, np.float32).reshape(-1, feature.shape[-1])
    figure = _drawn(feature, nothing, nothing, seconds, ConstrainedLayoutEngine())
    figure.suptitle("distance")
    figure.draw_without_rendering()
    return [axes.get_position() for axes in figure.axes]
