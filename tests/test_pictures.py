"""Pictures of features, which are drawn without laying each out anew."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from synthgym.features import FEATURES, make_features
from synthgym.viz.spectrogram import draw_features, label_bins, side_by_side


@pytest.mark.parametrize("seconds", [0.25, 2.0])
@pytest.mark.parametrize("name", [*FEATURES, "pooled-logmel"])
def test_a_picture_is_that_of_the_constrained_layout(name: str, seconds: float) -> None:
    rate = 22050
    (feature,) = make_features([name], rate, round(seconds * rate))
    sounds = 0.5 * np.random.default_rng(0).standard_normal((2, round(seconds * rate))).astype(np.float32)
    target, now = feature(sounds).reshape(2, -1, feature.shape[-1])
    figure = Figure(figsize=(8.0, 3.6), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2, sharey=True)
    draw_features(axes, [("target", target), ("now", now)], feature, seconds, span=feature.span)
    label_bins(axes[0], feature)
    figure.suptitle("distance 0.125")
    canvas.draw()  # type: ignore[no-untyped-call]
    laid_out = np.array(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    for _ in range(2):
        np.testing.assert_array_equal(side_by_side(feature, target, now, 0.125, seconds), laid_out)
