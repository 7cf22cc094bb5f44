"""Training examples that are read window by window."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from small_sets import copied_set, reference_set, small_blocks  # noqa: F401, fixtures

from agents.baselines.index import Index
from agents.supervised.examples import Examples
from agents.supervised.streamed import StreamedExamples, training_examples
from synthgym import datasets
from synthgym.errors import SynthgymError

FEATURE = "multiresolution"


def rows(*batches: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Unit vectors and features of mini-batches, a row for each example."""
    parts = [np.hstack([units, features.reshape(len(units), -1)]) for features, units, _ in batches]
    return np.concatenate(parts)


def test_an_epoch_has_every_example_once_and_each_epoch_another_order(reference: Path) -> None:
    streamed = StreamedExamples(datasets.load(reference), FEATURE, 150)
    whole = Examples.of_dataset(datasets.load(reference), FEATURE, "train")
    assert len(streamed) == len(whole) > 500
    count = len(whole) // 50
    first, second = (rows(*(streamed.batch(e * count + i, 50, 3) for i in range(count))) for e in (0, 1))
    known = {row.tobytes() for row in rows(whole[:])}
    assert len({row.tobytes() for row in first}) == len({row.tobytes() for row in second}) == count * 50
    assert {row.tobytes() for row in first} <= known
    assert (first != second).any()
    assert (streamed.batch(0, 50, 3)[1] != streamed.batch(0, 50, 4)[1]).any(), "another seed"
    anew = StreamedExamples(datasets.load(reference), FEATURE, 150)
    for number in (count + 2, 5, 0):
        np.testing.assert_array_equal(rows(anew.batch(number, 50, 3)), rows(streamed.batch(number, 50, 3)))
    everything = rows(streamed.batch(7, 10**6, 0))
    assert {row.tobytes() for row in everything} == known


def test_what_is_not_made_yet_is_passed_over(copied: Path) -> None:
    (copied / "split" / "c" / "1").unlink()
    kept = datasets.load(copied)
    streamed = StreamedExamples(kept, FEATURE, 150)
    made = np.flatnonzero(kept.split[:] == 0)
    assert len(streamed) == len(made)
    expected = rows((kept.features[FEATURE][:][made].astype(np.float32), kept.parameters[:][made], made))
    assert {row.tobytes() for row in rows(streamed.batch(0, 10**6, 0))} == {r.tobytes() for r in expected}


def test_a_small_set_is_in_memory_and_a_large_one_is_not(
    reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = datasets.load(reference)
    assert isinstance(training_examples(kept, FEATURE), Examples)
    item = int(np.prod(kept.features[FEATURE].shape[1:])) * 2
    monkeypatch.setattr("agents.supervised.streamed.WINDOW_BYTES", 64 * item)
    tracemalloc.start()
    try:
        streamed = training_examples(kept, FEATURE)
        for number in range(0, 500, 16):
            streamed.batch(number // 16, 16, 0)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(streamed, StreamedExamples)
    # Two windows of 64; all of the training examples would be 500 and more.
    assert held < 300 * item


def test_damaged_examples_are_named_in_one_line(copied: Path) -> None:
    shard = copied / "features" / FEATURE / "c" / "1" / "0" / "0"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    kept = datasets.load(copied)
    for looks in (
        lambda: training_examples(kept, FEATURE),
        lambda: kept.torch(FEATURE).__getitems__([*range(500)]),
        lambda: Index(copied, FEATURE),
    ):
        with pytest.raises(SynthgymError, match=f"{FEATURE}: a file of the array is damaged .* --verify"):
            looks()
    (copied / "split" / "c" / "2").write_bytes(b"?")
    with pytest.raises(SynthgymError, match=r"set/split: a file of the array is damaged .* with --verify"):
        kept.items("train")


def test_validation_examples_are_of_the_whole_set(reference: Path) -> None:
    """Those of a grid that lie together sound alike."""
    kept = datasets.load(reference)
    numbers = np.flatnonzero(kept.split[:] == 1)
    few = Examples.of_dataset(kept, FEATURE, "validation", 10)
    chosen = numbers[np.arange(10) * len(numbers) // 10]
    np.testing.assert_array_equal(few.units, kept.parameters[:][chosen])
    np.testing.assert_array_equal(few.features, kept.features[FEATURE][:][chosen])
    assert chosen[-1] > 400
