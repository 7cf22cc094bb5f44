"""Bootstrap intervals over targets and trainings: on simulated evaluations, whose true mean is known."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from numpy.typing import NDArray

from agents.evaluation import intervals
from agents.evaluation.intervals import interval, iqm, iqm_interval
from agents.evaluation.statistics import by_training, compare

Scores = NDArray[np.float64]
TRUE = 0.4


def simulated(rng: np.random.Generator, trainings: int, targets: int, luck: float) -> Scores:
    """Distances (trainings, targets): some targets are harder, some trainings luckier, all searches vary."""
    harder = rng.normal(0, 0.15, targets)
    luckier = rng.normal(0, luck, (trainings, 1))
    return TRUE + harder + luckier + rng.normal(0, 0.05, (trainings, targets))


def within_targets(scores: Scores) -> tuple[float, float]:
    """The interval that draws targets, and trainings anew within each."""
    rng = np.random.default_rng(0)
    count, targets = scores.shape
    drawn = rng.integers(targets, size=(200, 1, targets))
    means = scores[rng.integers(count, size=(200, count, targets)), drawn].mean(axis=(1, 2))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def coverage(of: Callable[[Scores], tuple[float, float]], trainings: int, targets: int, luck: float) -> float:
    """The share of 1,000 intervals that hold the true mean."""
    rng = np.random.default_rng(1)
    ends = [of(simulated(rng, trainings, targets, luck)) for _ in range(1000)]
    return float(np.mean([low <= TRUE <= high for low, high in ends]))


@pytest.mark.parametrize(
    ("trainings", "luck", "least"),
    [(1, 0, 0.93), (3, 0, 0.93), (3, 0.01, 0.93), (3, 0.03, 0.89), (10, 0.03, 0.92)],
)
def test_intervals_hold_the_true_mean(
    trainings: int, luck: float, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 500)
    assert least < coverage(interval, trainings, 100, luck) < 0.99


def test_trainings_that_are_drawn_within_each_target_would_seem_surer_than_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 500)
    assert coverage(within_targets, 3, 100, 0.03) < 0.86 < 0.89 < coverage(interval, 3, 100, 0.03)


def test_one_training_is_the_bootstrap_over_targets() -> None:
    scores = simulated(np.random.default_rng(0), 1, 40, 0)
    plain = scipy.stats.bootstrap(
        (scores[0],), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    assert interval(scores) == pytest.approx((plain.low, plain.high), abs=2e-3)


def test_what_differs_between_trainings_alone() -> None:
    """Ends are means of three trainings, drawn with replacement: the least is thrice the least."""
    scores = np.repeat([[0.1], [0.2], [0.3]], 50, axis=1)
    assert interval(scores) == pytest.approx((0.1, 0.3))
    assert interval(scores[:1]) == pytest.approx((0.1, 0.1))


def test_the_same_scores_have_the_same_interval() -> None:
    scores = simulated(np.random.default_rng(0), 3, 20, 0.02)
    assert interval(scores) == interval(scores.copy())
    curves = scores[:, :, None] * np.linspace(1, 0.5, 4)
    for ends, again in zip(iqm_interval(curves), iqm_interval(curves.copy()), strict=True):
        np.testing.assert_array_equal(ends, again)


def rows_of(agent: str, scores: Scores) -> pd.DataFrame:
    """Rows of an evaluation."""
    return pd.DataFrame(
        {"agent": agent, "seed": seed, "target": f"t{target}", "budget": 10, "distance": distance}
        | {"renders": 10, "offline_renders": 0}
        for (seed, target), distance in np.ndenumerate(scores)
    )


def test_tables_know_of_trainings() -> None:
    """Two agents as near as each other on every target: one alike in all trainings, one not."""
    alike = simulated(np.random.default_rng(0), 1, 50, 0).repeat(3, axis=0)
    unlike = alike + np.array([[-0.1], [0], [0.1]])
    table = compare(pd.concat([rows_of("alike", alike), rows_of("unlike", unlike)])).set_index("agent")
    assert table["mean"].to_list() == pytest.approx([alike.mean()] * 2)
    width = table["high"] - table["low"]
    assert width["unlike"] > 2 * width["alike"]
    assert tuple(table.loc["unlike", ["low", "high"]]) == interval(unlike[:, by_name(50)])


def by_name(count: int) -> list[int]:
    """Numbers in the order of their names."""
    return sorted(range(count), key=str)


def test_a_target_that_lacks_a_training_has_the_mean_of_its_others() -> None:
    rows = rows_of("a", np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]))
    whole = by_training(rows[~((rows["seed"] == 1) & (rows["target"] == "t1"))])
    np.testing.assert_allclose(whole, [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])


def test_the_interquartile_mean_leaves_out_the_ends() -> None:
    assert iqm(np.array([0, 1, 2, 3, 4, 5, 6, 700.0])) == np.mean([2, 3, 4, 5])


def test_intervals_of_the_interquartile_mean_are_around_it_and_know_of_trainings() -> None:
    scores = simulated(np.random.default_rng(0), 3, 60, 0)[:, :, None] * np.array([1.0, 0.5])
    low, high = iqm_interval(scores)
    middle = iqm(scores.mean(axis=0))
    assert low.shape == high.shape == (2,)
    assert ((low < middle) & (middle < high)).all()
    lucky = scores + np.array([-0.1, 0, 0.1])[:, None, None]
    wider = np.subtract(*iqm_interval(lucky)[::-1])
    assert (wider > 1.5 * (high - low)).all()
