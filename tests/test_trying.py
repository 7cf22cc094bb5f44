"""What is tried of a plugin before anybody plays it: how much, how patiently, and without a trace."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import stub_plugin

from synthgym.errors import PluginCrashed, SynthError, UnknownNameError
from synthgym.parameters import Native, Parameter, ParameterSpace
from synthgym.synths import Audio, plugin
from synthgym.synths.plugin import PluginSynth
from synthgym.synths.trying import CRASHES, DRAWS, FEWEST, check_heard
from synthgym.task import SoundMatchingTask

SPACE = ParameterSpace([Parameter("x", "continuous", 0, 1, 0.5)])
SILENCE = np.zeros(8, np.float32)
SHORT: dict[str, Any] = {"duration": 0.2, "hold": 0.1}


def tried(render: Callable[[Native], Audio], default: Audio = SILENCE, seconds: float = 1) -> int:
    """How many patches a plugin is refused after, or taken: minus so many."""
    count = 0

    def counted(row: Native) -> Audio:
        nonlocal count
        count += 1
        return render(row)

    try:
        check_heard("it", 0, SPACE, (), default, counted, seconds)
    except SynthError:
        return count
    return -count


def crash(row: Native) -> Audio:
    raise PluginCrashed("it")


def test_how_many_patches_are_tried_is_the_plugins_and_not_the_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.monotonic", iter(range(0, 10**6, 60)).__next__)  # a slow machine
    for seconds, count in ((0.1, DRAWS), (1, DRAWS), (4, 50), (60, FEWEST)):
        assert tried(lambda row: SILENCE, seconds=seconds) == count
    assert tried(lambda row: SILENCE + 1, SILENCE + 1) == FEWEST
    assert tried(lambda row: SILENCE + np.float32(row[0] > 0.95)) < 0


def test_few_crashes_are_waited_for() -> None:
    assert tried(crash) == CRASHES
    assert tried(crash, SILENCE + 1) == -1
    with pytest.raises(SynthError, match=r"in 3 random patches \(3 of them crashed or hung\)"):
        check_heard("it", 0, SPACE, (), SILENCE, crash, 1)


SLOW = "(i ? 1 : (usleep(400000), 1))"


@pytest.mark.slow
def test_a_slow_plugin_is_tried_as_patiently_as_its_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "HURRY", 0.2)
    monkeypatch.setattr(plugin, "SLOWER", 0.0)
    path = stub_plugin(tmp_path / "stub.so", '-DLAST="Part"', "-DSTEPS=2", f"-DGAIN={SLOW}*(step()==0)")
    note: dict[str, Any] = {"duration": 0.05, "hold": 0.05, "sample_rate": 8000}
    # The default patch is given its time; what hangs when Part is turned says nothing of it.
    assert PluginSynth(plugin=path, **note).held == {}
    assert set(PluginSynth(plugin=path, patience=60, **note).held) == {"Part"}


def test_what_is_tried_leaves_no_trace_where_nothing_forks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stub_plugin(tmp_path / "stub.so")
    fresh = _first(PluginSynth(plugin=path, **SHORT))
    monkeypatch.setattr(plugin, "SAFEST", "process")
    for isolation in (None, "none"):
        synth = PluginSynth(plugin=path, isolation=isolation, **SHORT)
        synth.check(synth.space)
        np.testing.assert_array_equal(_first(synth), fresh)
        synth.close()


def _first(synth: PluginSynth) -> Audio:
    return synth.render(synth.space.row({})[None])


def test_the_names_that_are_asked_for_are_read_before_a_plugin_is_tried(tmp_path: Path) -> None:
    path = stub_plugin(tmp_path / "stub.so", "-DEFFECT")
    with pytest.raises(UnknownNameError, match="did you mean 'Level'"):
        SoundMatchingTask("plugin", plugin=path, parameters=["Levl"], **SHORT)
