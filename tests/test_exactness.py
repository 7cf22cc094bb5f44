"""Which plugins render on and on, which are forked, and which are not repeatable: measured once, and kept."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from conftest import present, stub_plugin, synth_env

from synthgym.hosting.remote import RemoteEngine
from synthgym.notes import Note
from synthgym.parameters import Parameter, ParameterSpace
from synthgym.synths import exactness, plugin
from synthgym.synths.exactness import UNKNOWN, Exactness, key_of
from synthgym.synths.plugin import PluginSynth

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets audio programs fork")

NOTE: dict[str, Any] = {"duration": 0.2, "hold": 0.1}
BEGINS_ANEW = ("-DCALM", "-DON_NOTE=phase=0")
GOES_ON = ("-DCALM",)
UNLIKE = ("-DCALM", "-DON_LOAD=phase=getpid()")
"""Helpers differ, and renders of one do not."""

Stub = Callable[..., str]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which nothing is known."""
    monkeypatch.setattr(exactness, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache/synthgym/plugins"


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """Compiles the plugin of the tests."""
    return lambda *flags: stub_plugin(tmp_path / "stub.so", *flags)


def never() -> Exactness:
    """Measures nothing."""
    raise AssertionError("it is known")


def rows_of(synth: PluginSynth, count: int) -> Any:
    rng = np.random.default_rng(5)
    return synth.space.to_native(synth.space.sample(rng, count))


def test_what_is_exact_renders_on_and_on_with_the_bytes_of_forks(
    stub: Stub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stub(*BEGINS_ANEW)
    synth = PluginSynth(plugin=path, **NOTE)
    assert (synth.isolation, synth.repeatable) == ("process", True)
    forked = PluginSynth(plugin=path, isolation="fork", **NOTE)
    assert forked.isolation == "fork", "what is asked for is done"
    rows = rows_of(synth, 6)
    expected = forked.render(rows)
    np.testing.assert_array_equal(synth.render(rows), expected)
    assert isinstance(synth.engine, RemoteEngine)
    os.kill(present(synth.engine._helper)._process.pid, signal.SIGKILL)
    np.testing.assert_array_equal(synth.render(rows[::-1]), expected[::-1])
    for each in (synth, forked):
        each.save_preset(rows[0], tmp_path / f"{each.isolation}.fxp")
    assert (tmp_path / "process.fxp").read_bytes() == (tmp_path / "fork.fxp").read_bytes()
    assert len([*cache.iterdir()]) == 1
    monkeypatch.setattr(exactness, "measure_exactness", lambda *_: never())
    assert PluginSynth(plugin=path, **NOTE).isolation == "process"


def test_a_patch_that_sets_what_was_not_turned_is_forked(stub: Stub) -> None:
    synth = PluginSynth(plugin=stub(*BEGINS_ANEW), **NOTE)
    row = synth.space.row({})
    synth.render(row[None])
    assert synth.isolation == "process"
    synth.render(synth.space.freeze({"MIDI CC 1|7": 1}).row({})[None])
    assert (synth.isolation, synth.repeatable) == ("fork", True)


def test_what_keeps_a_state_is_forked(stub: Stub) -> None:
    synth = PluginSynth(plugin=stub(*GOES_ON), **NOTE)
    assert (synth.isolation, synth.repeatable) == ("fork", True)
    assert not PluginSynth(plugin=synth.plugin, isolation="process", **NOTE).repeatable


def test_what_crashes_is_forked(stub: Stub) -> None:
    synth = PluginSynth(plugin=stub("-DON_NOTE=phase=0"), **NOTE)
    assert (synth.isolation, synth.repeatable, synth._exact) == ("fork", True, UNKNOWN)


def test_helpers_that_differ_are_declared(stub: Stub) -> None:
    env = gym.make("Plugin-v0", plugin=stub(*UNLIKE), **NOTE)
    assert present(env.spec).nondeterministic
    assert 0 < synth_env(env).noise_floor < 1


def test_a_system_that_refuses_fixed_addresses_is_declared(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stub(*GOES_ON)
    assert not present(gym.make("Plugin-v0", plugin=path, **NOTE).spec).nondeterministic
    monkeypatch.setattr(plugin, "addresses_can_be_fixed", lambda: False)
    env = gym.make("Plugin-v0", plugin=path, **NOTE)
    assert synth_env(env).noise_floor == 0, "measured, of what depends on none"
    assert present(env.spec).nondeterministic


def test_what_is_known_goes_by_the_plugins_content(
    stub: Stub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, space = Path(stub(*GOES_ON)), ParameterSpace([Parameter("level", "continuous", 0, 1, 0.5)])
    key = key_of(str(path), space, Note(), 44100)
    assert key == key_of(str(path), space, Note(), 44100)
    assert key not in (
        key_of(str(path), space, Note(pitch=48), 44100),
        key_of(str(path), space, Note(), 8000),
    )
    path.write_bytes(path.read_bytes() + b" ")
    assert key != key_of(str(path), space, Note(), 44100)
    assert key_of(str(tmp_path / "gone"), space, Note(), 44100) is None
    found = Exactness(fork=True, process=True)
    assert exactness.kept(key, lambda: found) == found
    assert exactness.kept(key, never) == found
    (cache / f"{key}.json").write_text("{}")
    assert exactness.kept(key, lambda: UNKNOWN) == UNKNOWN


def test_where_nothing_can_be_kept_it_is_measured_and_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(exactness, "user_cache_path", lambda name: tmp_path / "file")
    assert exactness.kept("key", lambda: UNKNOWN) == UNKNOWN
    assert "set XDG_CACHE_HOME" in caplog.text
