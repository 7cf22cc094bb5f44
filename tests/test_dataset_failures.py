"""Renders that fail do not end a data set, and nothing that is not finite gets into one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Script, present
from small_sets import SHORT, small_blocks  # noqa: F401, fixtures

from synthgym import datasets

KEYS = 'freq = hslider("freq", 440, 20, 20000, 0.01); gate = button("gate");'
# NaN where x is above 1/2, which a square root is of numbers below 0.
NAN = f"""import("stdfaust.lib"); {KEYS}
x = hslider("x", 0, 0, 1, 0.001); y = hslider("y", 0.5, 0.1, 1, 0.001);
process = os.osc(freq) * gate * y * (1 + sqrt(0.5 - x)) / 2;"""
LOUD = f"""import("stdfaust.lib"); {KEYS}
x = hslider("x", 0, 0, 1, 0.001);
process = os.osc(freq) * gate * 10 ^ (6 * x - 1);"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    def write(code: str) -> str:
        path = tmp_path / "my.dsp"
        path.write_text(code, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("arguments", [["--size", "100"], ["--grid", "11"]])
def test_a_program_that_gives_nan_does_not_end_a_set(
    program: Callable[[str], str], script: Script, tmp_path: Path, arguments: list[str]
) -> None:
    out = tmp_path / "set"
    keywords = ["--env-kwargs", f"dsp={program(NAN)}", *(f"{k}={v}" for k, v in SHORT.items())]
    done = script("make_dataset.py", "--env", "Faust-v0", "--out", out, "--audio", *arguments, *keywords)
    assert done.stderr.count("audio that is not finite; taken for silence: x=") == 1
    assert "more failures are counted, not shown" in done.stderr
    assert "were taken for silence" in done.stderr
    kept = datasets.load(out)
    failing = kept.native()[:, 0] > 0.5
    assert np.isfinite(kept.features["multiresolution"][:]).all()
    assert np.isfinite(present(kept.audio)[:]).all()
    if "--grid" in arguments:
        np.testing.assert_array_equal(kept.split[:] == 2, failing)
        assert failing.sum() == 5 * 11
        assert not present(kept.audio)[:][failing].any()
        assert f"{5 * 11} renders of" in done.stderr
    else:
        assert not failing.any()
        assert (kept.split[:] != 2).all()
        assert kept.cost() > 150, "what failed is counted"
    assert (
        f"{len(kept)} items, 0 of them made now"
        in script(
            "make_dataset.py", "--env", "Faust-v0", "--out", out, "--audio", *arguments, *keywords
        ).stdout
    )


def test_what_float16_cannot_hold_is_clipped(program: Callable[[str], str], tmp_path: Path) -> None:
    made = datasets.Recipe(
        "Faust-v0", ["mfcc-13"], audio=True, env_kwargs={"dsp": program(LOUD), **SHORT}, rendering="inline"
    ).grid(5)
    audio = present(made.task.render(np.array([[1.0]], np.float32), audio=True).audio)
    assert audio.max() > 65_504
    datasets.make(tmp_path / "set", made, progress=False)
    kept = present(datasets.load(tmp_path / "set").audio)
    assert kept.dtype == np.float16
    assert np.isfinite(kept[:]).all()
    np.testing.assert_array_equal(kept[-1], np.clip(audio[0], -65_504, 65_504).astype(np.float16))
