"""Plugins for real: Debian's amsynth and mda-lv2 where they are, and a stub that misbehaves."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from itertools import combinations
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import psutil
import pytest
from conftest import AMSYNTH, DX10, ROOT, Script, children_named, needs, present, stub_plugin, synth_env
from gymnasium.vector import AsyncVectorEnv
from stable_baselines3.common.vec_env import SubprocVecEnv

import synthgym
from synthgym.errors import PluginCrashed, SynthError, SynthgymError, UnknownNameError
from synthgym.features import distance
from synthgym.hosting import Isolation
from synthgym.hosting.remote import RemoteEngine
from synthgym.parameters import Native
from synthgym.patches import PatchStream
from synthgym.synths import Audio, Synth
from synthgym.synths.plugin import PluginSynth, read_knob
from synthgym.task import SoundMatchingTask


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The plugin that misbehaves on demand."""
    return stub_plugin(tmp_path_factory.mktemp("stub") / "stub.so")


@pytest.fixture(scope="session")
def effect(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A plugin that takes audio and gives silence."""
    return stub_plugin(tmp_path_factory.mktemp("effect") / "effect.so", "-DEFFECT")


def patches(synth: Synth, count: int, seed: int = 0) -> Native:
    rng = np.random.default_rng(seed)
    return synth.space.to_native(np.stack([synth.space.sample(rng) for _ in range(count)]))


def _render_shuffled(plugin: str, rows: Native, pipe: "Connection[Audio, Audio]") -> None:
    order = np.random.default_rng(1).permutation(len(rows))
    audio = PluginSynth(plugin=plugin).render(rows[order])
    pipe.send(audio[np.argsort(order)])


@pytest.mark.parametrize("plugin", [needs(AMSYNTH), needs(DX10)])
def test_renders_are_bit_identical_in_any_order_and_process(plugin: str) -> None:
    synth = PluginSynth(plugin=plugin)
    assert synth.repeatable
    rows = patches(synth, 50)
    first = synth.render(rows)
    assert (np.abs(first).max(axis=1) > 0.001).mean() > 0.5
    order = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(synth.render(rows[order]), first[order])
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_render_shuffled, args=(plugin, rows, theirs))
    process.start()
    np.testing.assert_array_equal(ours.recv(), first)
    process.join()


@needs.amsynth
def test_what_is_not_repeatable_is_declared() -> None:
    env = gym.make("Plugin-v0", plugin=AMSYNTH, isolation="none", duration=0.3, hold=0.2)
    assert 0 < synth_env(env).noise_floor < 1
    assert present(env.spec).nondeterministic
    # The patches that the floor was measured with are again about as far from themselves.
    task = synth_env(env).task
    unit = task.make_patches(PatchStream("pool", seed=0).ids(range(3))).unit
    renders = [task.render(unit).features[0] for _ in range(4)]
    far = max(distance(a, b).max() for a, b in combinations(renders, 2))
    assert synth_env(env).noise_floor / 3 < far < 3 * synth_env(env).noise_floor
    env.close()
    forked = gym.make("Plugin-v0", plugin=AMSYNTH)
    assert synth_env(forked).noise_floor == 0
    assert not present(forked.spec).nondeterministic


@needs.amsynth
def test_parameters_are_found_detected_and_begin_where_the_plugin_does() -> None:
    synth = PluginSynth(plugin=AMSYNTH)
    by_name = {k.parameter.name: k.parameter for k in synth.knobs}
    assert len(by_name) == 41
    assert (by_name["osc1_waveform"].kind, by_name["osc1_waveform"].steps) == ("integer", 5)
    assert by_name["osc2_range"].labels[:4] == ("0.125", "0.25", "0.5", "1")
    assert by_name["osc2_sync"].kind == "categorical"
    assert by_name["filter_cutoff"].kind == "continuous"
    assert by_name["master_vol"].default == pytest.approx(0.67)


@needs.amsynth
def test_a_state_brings_back_the_patch(tmp_path: Path) -> None:
    synth = PluginSynth(plugin=AMSYNTH)
    (row,) = patches(synth, 1, seed=3)
    synth.save_preset(row, tmp_path / "patch.fxp")
    again = synth.load_preset(tmp_path / "patch.fxp")
    # amsynth writes its numbers as text of six digits.
    np.testing.assert_allclose(again, row, atol=1e-5)


def test_what_is_needed_is_named() -> None:
    with pytest.raises(SynthgymError, match="needs the keyword 'plugin'"):
        gym.make("Plugin-v0")
    with pytest.raises(SynthgymError, match="needs the keyword 'dsp'"):
        gym.make("Faust-v0")
    with pytest.raises(SynthgymError, match="try 'Mine-v0'"):
        synthgym.register_plugin("Mine", "nope.so")
    for wrong in ("", "Mine-v", "Mi ne-v0", None):
        with pytest.raises(SynthgymError, match="an id has a name and a version, as MySynth-v0"):
            synthgym.register_plugin(wrong, "nope.so")  # type: ignore[arg-type]
    with pytest.raises(SynthgymError, match="plugin is the path of a plugin, or its URI; got None"):
        synthgym.register_plugin("Mine-v0", None)  # type: ignore[arg-type]


def test_an_id_of_a_plugin_holds_in_another_folder(stub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(stub)
    monkeypatch.chdir(path.parent)
    synthgym.register_plugin("Near-v0", path.name)
    monkeypatch.chdir("/")
    assert gym.spec("Near-v0").kwargs["plugin"] == stub
    synthgym.register_plugin("Far-v0", "http://example.org/an-lv2")
    assert gym.spec("Far-v0").kwargs["plugin"] == "http://example.org/an-lv2"


@needs.amsynth
def test_ids_of_ones_own() -> None:
    synthgym.register_plugin("mine/Amsynth-v1", AMSYNTH)
    assert gym.spec("mine/AmsynthGoal-v1").kwargs["plugin"] == AMSYNTH
    synthgym.register_plugin("Amsynth-v0", AMSYNTH, parameters=["filter_cutoff", "amp_attack"], note=48)
    env = gym.make("Amsynth-v0", frozen={"filter_resonance": 0.5})
    assert env.action_space.shape == (2,)
    assert synth_env(env).task.synth.note.pitch == 48
    assert synth_env(env).task.space.frozen["filter_resonance"] == 0.5
    twin = gym.make("AmsynthGoal-v0").observation_space
    assert isinstance(twin, gym.spaces.Dict)
    assert twin["observation"].shape == (2,)


def test_pseudo_parameters_are_left_out_unless_asked_for(stub: str) -> None:
    synth = PluginSynth(plugin=stub)
    assert synth.space.names == ("Level", "Trouble", "Pitch (2)", "Pitch (3)")
    assert synth.space.only(["Bypass"]).names == ("Bypass",)
    trouble = synth.knobs[1].parameter
    assert trouble.labels == ("none", "exit", "hang", "nan", "segfault")
    with pytest.raises(UnknownNameError, match=r"did you mean 'Pitch \(3\)' or 'Pitch \(2\)'"):
        synth.space.only(["Pitch"])


CALM = {"Trouble": "none"}


def make_stub(stub: str, **keywords: Any) -> gym.Env[Any, Any]:
    return gym.make("Plugin-v0", plugin=stub, frozen=CALM, duration=0.2, hold=0.1, **keywords)


@pytest.mark.parametrize("trouble", ["exit", pytest.param("hang", marks=pytest.mark.slow), "segfault"])
@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_a_plugin_in_trouble_is_survived(stub: str, trouble: str, isolation: Isolation) -> None:
    patience = 5 if trouble == "hang" else None
    synth = PluginSynth(plugin=stub, isolation=isolation, patience=patience, duration=0.2, hold=0.1)
    calm = synth.space.row(CALM)[None]
    before = synth.render(calm)
    says = (
        r"hung for 5 seconds \(patience=SECONDS gives it longer\), twice, in render" if patience else "twice"
    )
    with pytest.raises(PluginCrashed, match=rf"stub\.so .*{says}"):
        synth.render(synth.space.row({"Trouble": trouble})[None])
    after = synth.render(calm)
    assert after.shape == before.shape
    if isolation == "fork":
        np.testing.assert_array_equal(after, before)


def test_patience_is_an_option(stub: str, tmp_path: Path) -> None:
    slow = stub_plugin(tmp_path / "slow.so", "-DON_LOAD=sleep(6)")
    says = r"slow\.so hung for 3 seconds \(patience=SECONDS gives it longer\), in loading it"
    with pytest.raises(PluginCrashed, match=says):
        gym.make("Plugin-v0", plugin=slow, patience=3)
    env = make_stub(stub, patience=60)
    assert '"patience": 60' in present(env.spec).to_json()
    for patience in (0, "long", True, float("nan")):
        with pytest.raises(SynthgymError, match="patience must be a number from 1 to 86400"):
            PluginSynth(plugin=stub, patience=patience)  # type: ignore[arg-type]


def test_what_a_plugin_says_before_it_dies_is_told(tmp_path: Path) -> None:
    says = """fputs("no screen\\nno display\\n\\n", stderr), abort()"""
    mute = stub_plugin(tmp_path / "mute.so", f"-DON_LOAD={says}")
    with pytest.raises(PluginCrashed) as raised:
        PluginSynth(plugin=mute)
    assert str(raised.value) == (
        "mute.so was killed by SIGABRT, twice, in loading it; it said 'no screen / no display'"
    )


def test_a_plugin_may_chatter_while_it_is_loaded(tmp_path: Path) -> None:
    """Nobody reads what it says, and it must not wait for a reader."""
    chatter = 'for (int i = 0; i < 100000; i++) fputs("chatter\\n", stderr)'
    PluginSynth(plugin=stub_plugin(tmp_path / "chatter.so", f"-DON_LOAD={chatter}"))


def test_patches_that_crash_are_silence_until_there_are_too_many(stub: str) -> None:
    """A rare bad patch must not end a training; a plugin that always crashes must not look silent."""
    note: dict[str, Any] = {"duration": 0.2, "hold": 0.1}
    env = gym.make("Plugin-v0", plugin=stub, **note)
    task = synth_env(env).task
    calm, fatal = (task.space.to_unit(task.synth.space.row({"Trouble": t})) for t in ("none", "segfault"))
    with pytest.warns(UserWarning, match=r"twice, in render; taken for silence: Level=0\.5"):
        _, info = env.reset(options={"target_parameters": calm, "start": fatal})
    assert info["distance"] == 1.0
    assert env.reset(options={"target_parameters": calm, "start": calm})[1]["distance"] == 0.0
    with pytest.warns(UserWarning, match="taken for silence"):
        task.render(np.stack([fatal] * 4))
    with pytest.raises(PluginCrashed, match=r"stub\.so was killed by SIGSEGV"):
        task.render(fatal[None])


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_a_plugins_nan_is_silence_however_often(stub: str, isolation: Isolation) -> None:
    task = SoundMatchingTask("plugin", plugin=stub, isolation=isolation, duration=0.2, hold=0.1)
    calm, broken = (task.space.to_unit(task.synth.space.row({"Trouble": t})) for t in ("none", "nan"))
    with pytest.warns(UserWarning, match=r"audio that is not finite; taken for silence: Level=0\.5"):
        rendered = task.render(np.stack([broken] * 7), audio=True)
    assert not present(rendered.audio).any()
    assert task.meter.failures == 7
    assert present(task.render(calm[None], audio=True).audio).any()
    task.close()


def test_grid_points_that_crash_are_left_out_of_a_data_set(
    stub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthgym import datasets

    # One trouble and none, by turns.
    options = {"plugin": stub, "parameters": ["Level", "Trouble"], "duration": 0.2, "hold": 0.1}
    recipe = datasets.Recipe("Plugin-v0", env_kwargs=options, rendering="inline").grid(2)
    monkeypatch.setattr("synthgym.datasets.making._held_out", lambda *_: frozenset())
    with pytest.warns(UserWarning, match="taken for silence"):
        datasets.make(tmp_path / "set", recipe, progress=False)
    kept = datasets.load(tmp_path / "set")
    assert (kept.split[:] == 2).tolist() == [False, True, False, True]


def pid_of_helper(env: gym.Env[Any, Any]) -> int:
    synth = synth_env(env).task.synth
    assert isinstance(synth, PluginSynth)
    assert isinstance(synth.engine, RemoteEngine)
    return present(synth.engine._helper)._process.pid


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_a_killed_helper_is_replaced_and_nothing_is_lost(stub: str, isolation: Isolation) -> None:
    env, other = make_stub(stub, isolation=isolation), make_stub(stub, isolation=isolation)
    env.reset(seed=0), other.reset(seed=0)
    env.action_space.seed(0)
    for step in range(20):
        if step in (5, 6, 13):
            os.kill(pid_of_helper(env), signal.SIGKILL)
        action = env.action_space.sample()
        ours, theirs = env.step(action), other.step(action)
        if isolation == "fork":
            np.testing.assert_array_equal(ours[0], theirs[0])
    env.close()
    other.close()


@pytest.mark.slow
def test_a_helper_killed_in_the_middle_of_training_loses_nothing(stub: str, tmp_path: Path) -> None:
    from agents.rl.training import load, train
    from agents.training.run_config import RunConfig
    from agents.training.run_folder import RunFolder

    folder = RunFolder(tmp_path / "run")
    env_kwargs = {"plugin": stub, "frozen": CALM, "duration": 0.2, "hold": 0.1}
    hyperparameters = {"policy": "MlpPolicy", "n_steps": 50, "batch_size": 50}
    folder.begin(RunConfig("Plugin-v0", "ppo", 1500, 2, 0, env_kwargs, hyperparameters))
    finished = threading.Event()
    killed: list[int] = []

    def kill_helpers() -> None:
        # Two, each a second after its first render that is seen: a call that fails twice is an error.
        at_work: dict[int, float] = {}
        while len(killed) < 2 and not finished.wait(0.05):
            for pid in children_named("helper.py"):
                with contextlib.suppress(psutil.Error):  # it ends just now
                    if psutil.Process(pid).children():
                        since = at_work.setdefault(pid, time.monotonic())
                        if time.monotonic() - since > 1:
                            os.kill(pid, signal.SIGKILL)
                            killed.append(pid)

    killer = threading.Thread(target=kill_helpers)
    killer.start()
    try:
        assert train(folder) == 0
    finally:
        finished.set()
        killer.join()
    assert len(set(killed)) == 2
    assert load("ppo", folder.final_model).num_timesteps == 1500


def test_helpers_end_with_their_environments(stub: str) -> None:
    before = set(children_named("helper.py"))
    env = make_stub(stub)
    env.reset(seed=0)
    assert set(children_named("helper.py")) - before
    env.close()
    assert set(children_named("helper.py")) <= before


def _reset_and_step(make: Callable[[], gym.Env[Any, Any]], results: list[Any]) -> None:
    env = make()
    observation, _ = env.reset(seed=3)
    observation, *_ = env.step(np.zeros(env.action_space.shape, np.float32))
    env.close()
    results.append(observation)


MAKERS = [
    pytest.param(lambda stub: lambda: gym.make("synthgym:FM-v0"), id="faust"),
    pytest.param(lambda stub: lambda: make_stub(stub), id="fork"),
    pytest.param(lambda stub: lambda: make_stub(stub, isolation="none"), id="none"),
]


@pytest.mark.parametrize("maker", MAKERS)
def test_threads_never_hang(stub: str, maker: Callable[[str], Callable[[], gym.Env[Any, Any]]]) -> None:
    """Made, played and closed in threads, before and after the main thread has one of its own."""
    make = maker(stub)
    results: list[Any] = []
    for _ in range(2):
        arguments: dict[str, Any] = {"target": _reset_and_step, "args": (make, results), "daemon": True}
        threads = [threading.Thread(**arguments) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        _reset_and_step(make, results)
    assert len(results) == 6

    env = make()
    env.reset(seed=0)
    closing = threading.Thread(target=env.close, daemon=True)
    closing.start()
    closing.join(60)
    assert not closing.is_alive()
    env.reset(seed=0)


class Make:
    """Makes an environment in any process, by name."""

    def __init__(self, env_id: str, **keywords: Any) -> None:
        self.env_id, self.keywords = env_id, keywords

    def __call__(self) -> gym.Env[Any, Any]:
        return gym.make(self.env_id, **self.keywords)


@pytest.mark.parametrize("start_method", ["fork", pytest.param("forkserver", marks=pytest.mark.slow)])
@pytest.mark.parametrize("hosted", ["faust", "fork", "none"])
def test_worker_processes_never_hang(stub: str, hosted: str, start_method: str) -> None:
    made = Make("synthgym:FM-v0")
    if hosted != "faust":
        note = {"duration": 0.2, "hold": 0.1}
        made = Make("synthgym:Plugin-v0", plugin=stub, frozen=CALM, isolation=hosted, **note)
    alone = made()
    expected, _ = alone.reset(seed=5)
    workers = SubprocVecEnv([made] * 2, start_method=start_method)
    workers.seed(4)
    observations = workers.reset()
    assert isinstance(observations, np.ndarray)
    workers.step(np.zeros((2, *present(alone.action_space.shape)), np.float32))
    workers.close()
    vector = AsyncVectorEnv([made] * 2, context=start_method)
    observations_too, _ = vector.reset(seed=4)
    vector.close()
    if hosted != "none":
        np.testing.assert_array_equal(observations[1], expected)
        np.testing.assert_array_equal(observations_too, observations)


def test_a_forked_copy_has_a_helper_of_its_own(stub: str) -> None:
    env = make_stub(stub)
    observation, _ = env.reset(seed=1)
    child = os.fork()
    if child == 0:
        again, _ = env.reset(seed=1)
        os._exit(0 if np.array_equal(again, observation) else 1)
    env.reset(seed=1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(env.reset(seed=1)[0], observation)


def test_what_is_no_instrument_is_named(stub: str, effect: str, tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("not a plugin")
    windows = tmp_path / "other.vst3"
    windows.write_bytes(b"MZ" + bytes(100))
    for plugin, says in (
        (tmp_path / "nope.so", "no such plugin"),
        (text, "text.so.*cannot be loaded"),
        (tmp_path, "cannot be loaded"),
        (windows, "a plugin for Windows"),
        ("http://example.org/no-such-plugin", "cannot be loaded"),
        (effect, "an effect; give an instrument"),
    ):
        frozen = CALM if plugin is effect else None  # it would hang in some of the patches that are tried
        with pytest.raises(SynthError, match=says):
            gym.make("Plugin-v0", plugin=str(plugin), frozen=frozen)
    for keywords, says in (
        ({"parameters": ["Levl"]}, "did you mean 'Level'"),
        ({"frozen": {"Level": 1.5}}, "from 0 to 1; got 1.5"),
        ({"frozen": {"Level": float("nan")}}, "got nan"),
        ({"frozen": {"Trouble": "hung"}}, "did you mean 'hang'"),
        ({"frozen": {"Level": "loud"}}, "takes a number from 0 to 1; got 'loud'"),
        ({"isolation": "forks"}, "did you mean 'fork'"),
    ):
        with pytest.raises(SynthgymError, match=says):
            gym.make("Plugin-v0", plugin=stub, **keywords)


def test_discrete_parameters_are_told_by_their_texts() -> None:
    def texts(*names: str) -> list[tuple[float, float, str]]:
        ends = np.linspace(0, 1, len(names) + 1)
        return list(zip(ends[:-1].tolist(), ends[1:].tolist(), names, strict=True))

    whole = read_knob(0, "Octave", 0.5, texts("-2", "-1", "0", "1", "2"))
    assert (whole.parameter.kind, whole.parameter.default) == ("integer", 2)
    assert [whole.host(v) for v in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    assert [whole.native(h) for h in (0, 0.26, 1)] == [0, 1, 4]
    switch = read_knob(0, "Sync", 1.0, texts("off", "on"))
    assert (switch.parameter.labels, switch.parameter.default) == (("off", "on"), 1)
    assert read_knob(0, "Cutoff", 0.3, texts(*map(str, range(101)))).parameter.kind == "continuous"
    assert read_knob(0, "Mute", 0.3, texts("-")).parameter.kind == "continuous"


@pytest.mark.slow
@needs.amsynth
def test_the_list_of_a_plugin(script: Script) -> None:
    printed = script("plugins.py", AMSYNTH, "--patches", 1, "--options", "duration=0.2", "hold=0.1").stdout
    assert "osc1_waveform      integer          5        2" in printed
    assert f'gym.make("Plugin-v0", plugin="{AMSYNTH}")' in printed
    quick = script("plugins.py", AMSYNTH, "--quick", "--options", "duration=0.2", "hold=0.1").stdout
    assert "     -  " in quick
    assert "audible" not in quick
    assert AMSYNTH in script("plugins.py").stdout.splitlines()
    result = script("plugins.py", "nope.so", check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: no such plugin")


@pytest.mark.slow
@needs.amsynth
def test_amsynth_is_trained_and_matched_by_the_scripts(script: Script, tmp_path: Path) -> None:
    plugin = f"plugin={AMSYNTH}"
    script("train.py", "--env", "Plugin-v0", "--env-kwargs", plugin, "--steps", 400, "--log-dir", "run")
    arguments = ("--env", "Plugin-v0", "--model", "run/final_model.zip", "--budget", 20, "--out", "out")
    script("match.py", ROOT / "examples/targets/synth_bass.wav", *arguments)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"target.wav", "match.wav", "match.fxp", "match.json", "match.html"}
