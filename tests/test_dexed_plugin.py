"""The mapping to the Dexed plugin, on a stand-in: the plugin itself is tried elsewhere.

The stand-in has the plugin's parameter names (and pseudo-parameters behind them), starts from a voice
that is not INIT, and plays what it is set to with Dexed's own engine.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import synthgym.synths.plugin as plugin_module
from envs_registry import ENVIRONMENTS
from synthgym.errors import SynthError
from synthgym.synths import Audio, make_synth
from synthgym.synths.dx7_parameters import PARAMETERS
from synthgym.task import SoundMatchingTask

FACTS = json.loads((ROOT / "tests/data/dexed_vst3_parameters.json").read_text())["parameters"]
MAXIMA = {p["name"]: p["native_max"] for p in FACTS}


Stand = tuple[str, list["StandIn"], list[str]]
"""The path, the engines made for it, and the names of the parameters."""


class StandIn:
    """An engine that answers as the plugin would."""

    def __init__(self, names: list[str], sample_rate: int) -> None:
        self.names = names
        self.values = np.random.default_rng(0).random(len(names))
        self.synth = make_synth("dexed", operators=6, sample_rate=sample_rate)
        self.rendered: list[dict[int, float]] = []

    def call(self, method: str, *arguments: Any) -> Any:
        assert method == "describe"
        parameters = [
            {"name": n, "default": v, "texts": []} for n, v in zip(self.names, self.values, strict=True)
        ]
        return {"inputs": 0, "outputs": 2, "parameters": parameters}

    def render(self, code: tuple[list[tuple[int, float]], tuple[int, int, float]]) -> Audio:
        settings, note = code
        self.rendered.append(dict(settings))
        for index, value in settings:
            self.values[index] = value
        hosts = dict(zip(self.names, self.values, strict=True))
        switched_on = all(hosts[f"OP{n} SWITCH"] == 1 for n in range(1, 7))
        assert switched_on
        row = np.array([np.round(hosts[p.name] * MAXIMA[p.name]) for p in PARAMETERS])
        audio: Audio
        (audio,) = self.synth.render(row[None], np.array([note]))
        return audio

    def close(self) -> None:
        pass


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stand:
    """A file that is taken for the plugin; gives its path, and the engines made for it."""
    engines: list[StandIn] = []
    names = (
        [p["name"] for p in FACTS]
        + ["Bypass", "Program"]
        + [f"MIDI CC {i}|{c}" for i in range(16) for c in (1, 7)]
    )

    def open_engine(
        kind: str, options: dict[str, Any], isolation: str, name: str, patience: object
    ) -> StandIn:
        # Indices moved between versions: names are all there is to go by.
        order = np.random.default_rng(len(engines)).permutation(len(names))
        engines.append(StandIn([names[i] for i in order], options["sample_rate"]))
        return engines[-1]

    monkeypatch.setattr(plugin_module, "open_engine", open_engine)
    path = tmp_path / "Dexed.vst3"
    path.write_bytes(b"\x7fELF")
    return str(path), engines, names


def test_names_and_maxima_are_the_plugins() -> None:
    for p in PARAMETERS:
        assert p.high == MAXIMA[p.name], p.name
    others = {"Cutoff", "Resonance", "Output", "MonoMode", "MASTER TUNE ADJ"} | {
        f"OP{n} SWITCH" for n in range(1, 7)
    }
    assert set(MAXIMA) - {p.name for p in PARAMETERS} == others


def test_the_plugin_is_given_one_voice_at_a_time(stand_in: Stand) -> None:
    path, _, _ = stand_in
    assert make_synth("dexed", operators=1, plugin=path).batch == 1  # or a crash would silence others
    with pytest.raises(SynthError, match="leave engine out"):
        make_synth("dexed", operators=1, plugin=path, engine="batched")


@pytest.mark.parametrize("env_id", [i for i in ENVIRONMENTS if i.startswith("Dexed")])
def test_the_same_vectors_play_the_same_voices(env_id: str, stand_in: Stand) -> None:
    path, engines, _ = stand_in
    engine = SoundMatchingTask(**ENVIRONMENTS[env_id])
    plugin = SoundMatchingTask(**ENVIRONMENTS[env_id], plugin=path)
    assert plugin.space.names == engine.space.names
    rng = np.random.default_rng(1)
    unit = np.stack([engine.space.sample(rng) for _ in range(20)])
    np.testing.assert_array_equal(
        plugin.render(unit, audio=True).audio, engine.render(unit, audio=True).audio
    )
    fields = {engines[-1].names[i] for i in engines[-1].rendered[-1]}
    assert fields >= {p.name for p in PARAMETERS}, "all 145, since the start-up voice is not INIT"
    assert not fields & {"Cutoff", "Output", "Program", "Bypass"}


def test_presets_stay_single_voices(stand_in: Stand, tmp_path: Path) -> None:
    synth = make_synth("dexed", operators=1, plugin=stand_in[0])
    row = synth.space.row({"TRANSPOSE": 12})
    synth.save_preset(row, tmp_path / "voice.syx")
    np.testing.assert_array_equal(make_synth("dexed", operators=1).load_preset(tmp_path / "voice.syx"), row)


def test_another_plugin_is_refused(stand_in: Stand) -> None:
    path, _, names = stand_in
    names.remove("OP3 F COARSE")
    with pytest.raises(SynthError, match=r"is not Dexed .* it has no parameter 'OP3 F COARSE'"):
        make_synth("dexed", operators=1, plugin=path)


def test_a_plugin_is_another_sound_than_the_engine(stand_in: Stand) -> None:
    """What was learned of one is refused for the other, and any duration is played."""
    short: dict[str, Any] = {"operators": 1, "duration": 0.5, "hold": (0.1, 0.4)}
    path, *_ = stand_in
    plugin = SoundMatchingTask("dexed", plugin=path, **short)
    engine = SoundMatchingTask("dexed", **short)
    assert plugin.identity() != engine.identity()
    assert plugin.identity()["plugin"] is True
