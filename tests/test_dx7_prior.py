"""The voices of the DX7's prior: how they are like those that people make, and that they are nobody's."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from numpy.typing import NDArray

from synthgym.parameters import Native
from synthgym.patches import audible
from synthgym.synths import make_synth
from synthgym.synths.dx7_parameters import PARAMETERS
from synthgym.synths.dx7_prior import CARRIES, GLOBAL_COLUMNS, OPERATOR, OPERATOR_COLUMNS, human_like
from synthgym.synths.dx7_voice import read_voices

COUNT = 600
HEXTER = Path("/usr/share/hexter")


@pytest.fixture(scope="module")
def drawn() -> Native:
    return human_like([np.random.default_rng(0)] * COUNT)


def of_operators(voices: Native, name: str) -> NDArray[np.float64]:
    """The values (N, 6) of a parameter of each operator."""
    return voices[:, OPERATOR_COLUMNS[:, OPERATOR.index(name)]]


def of_voice(voices: Native, name: str) -> NDArray[np.float64]:
    return voices[:, [p.name for p in PARAMETERS].index(name)]


def test_every_parameter_is_sampled_and_in_its_range(drawn: Native) -> None:
    assert sorted([*GLOBAL_COLUMNS, *OPERATOR_COLUMNS.ravel()]) == [*range(145)]
    assert drawn.shape == (COUNT, 145)
    np.testing.assert_array_equal(drawn, np.rint(drawn))
    assert (drawn >= [p.low for p in PARAMETERS]).all()
    assert (drawn <= [p.high for p in PARAMETERS]).all()


def test_the_first_voices_of_more_are_those_of_fewer(drawn: Native) -> None:
    for count in (1, 8, 64, 65):
        np.testing.assert_array_equal(human_like([np.random.default_rng(0)] * count), drawn[:count])
    assert len(np.unique(drawn, axis=0)) == COUNT
    assert (human_like([np.random.default_rng(1)] * 8) != drawn[:8]).any(axis=1).all()


def test_another_process_draws_the_same() -> None:
    code = "import numpy as np; from synthgym.synths.dx7_prior import human_like as h; "
    code += "import hashlib; print(hashlib.sha256(h([np.random.default_rng(7)] * 20).tobytes()).hexdigest())"
    threads = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count},
        ).stdout
        for count in ("1", "2")
    ]
    assert threads[0] == threads[1]


def test_drawing_is_quick() -> None:
    human_like([np.random.default_rng(0)] * 1)  # reads the weights
    start = time.process_time()
    human_like([np.random.default_rng(0)] * 2000)
    assert time.process_time() - start < 5  # seen: .5


@pytest.mark.parametrize("operators", [1, 2, 3, 4, 5, 6])
def test_most_voices_of_every_number_of_operators_are_audible(operators: int) -> None:
    synth = make_synth("dexed", operators=operators)
    rows = synth.human_like([np.random.default_rng(0)] * 200)
    for name, value in synth.space.frozen.items():
        assert (of_voice(rows, name) == value).all(), name
    assert len(np.unique(rows, axis=0)) > 150
    assert np.mean([audible(sound) for sound in synth.render(rows)]) > 0.9  # seen: .965 to .985


def test_an_algorithm_is_kept() -> None:
    assert (of_voice(human_like([np.random.default_rng(0)] * 50, algorithm=17), "ALGORITHM") == 17).all()


def shuffled(voices: Native) -> Native:
    """The same values of each parameter of each algorithm's role, but each drawn alone."""
    return np.random.default_rng(0).permuted(voices, axis=0)


def alike(voices: Native) -> float:
    """The mean share of values that an operator shares with the one before."""
    values = voices[:, OPERATOR_COLUMNS]
    return float((values[:, 1:] == values[:, :-1]).mean())


def test_operators_are_copied_from_one_another(drawn: Native) -> None:
    assert alike(drawn) > alike(shuffled(drawn)) + 0.1  # seen: .69 and .54


def test_carriers_are_louder_than_modulators(drawn: Native) -> None:
    carries = CARRIES[of_voice(drawn, "ALGORITHM").astype(np.int64)] == 1
    level = of_operators(drawn, "OUTPUT LEVEL")
    assert level[carries].mean() > level[~carries].mean() + 5
    assert np.median(level[carries]) > 90


def test_ratios_belong_together(drawn: Native) -> None:
    """A voice has fewer different ratios than its values would have if each were drawn alone."""

    def ratios(voices: Native) -> float:
        both = 100 * of_operators(voices, "F COARSE") + of_operators(voices, "F FINE")
        return float(np.mean([len(set(row)) for row in both]))

    assert ratios(drawn) < ratios(shuffled(drawn)) - 0.3  # seen: 3.4 and 3.9


@pytest.mark.skipif(not HEXTER.exists(), reason="Debian's package hexter is not installed")
def test_voices_are_like_those_of_people_and_nobodys(drawn: Native) -> None:
    files = sorted(HEXTER.glob("*.dx7"))
    voices = np.unique([voice.native for path in files for voice in read_voices(path)], axis=0)

    def differ(rows: Native) -> NDArray[np.int64]:
        return np.array([(row != voices).sum(axis=1).min() for row in rows])

    assert (differ(drawn) <= 10).mean() <= 0.02  # seen: 0
    assert np.median(differ(drawn)) < np.median(differ(shuffled(drawn))) - 3  # seen: 42 and 48
