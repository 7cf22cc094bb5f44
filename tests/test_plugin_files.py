"""The files of plugins: presets, what is no knob in them, suffixes in capitals, and what cannot be read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import stub_plugin

from synthgym.errors import PresetError, SynthError
from synthgym.hosting.engines import PluginEngine
from synthgym.synths.plugin import PluginSynth
from synthgym.synths.plugin_places import installed, located
from synthgym.task import SoundMatchingTask

SHORT: dict[str, Any] = {"duration": 0.2, "hold": 0.1}
CALM = {"Trouble": "none"}


@pytest.mark.parametrize(
    ("keywords", "values"),
    [
        ({"frozen": {**CALM, "Bypass": 1.0, "MIDI CC 1|7": 0.0}}, {}),
        ({"frozen": CALM, "parameters": ["Level", "Bypass"]}, {"Bypass": 0.25, "Level": 0.75}),
        ({"frozen": CALM}, {"Level": 0.75}),
    ],
)
@pytest.mark.parametrize("name", ["x.fxp", "X.FXP", "x.json"])
def test_a_preset_brings_back_what_is_no_knob_but_was_asked_for(
    keywords: dict[str, Any], values: dict[str, float], name: str, tmp_path: Path
) -> None:
    task = SoundMatchingTask("plugin", plugin=stub_plugin(tmp_path / "stub.so"), **keywords, **SHORT)
    row = task.space.row(values)
    task.synth.save_preset(row, tmp_path / name)
    np.testing.assert_array_equal(task.synth.load_preset(tmp_path / name), row)
    task.close()


def test_a_preset_is_loaded_by_its_suffix_in_capitals_too(tmp_path: Path) -> None:
    class Plugin:
        def load_preset(self, path: str) -> bool:
            return path.endswith("X.FXP")

        def load_vst3_preset(self, path: str) -> bool:
            return path.endswith("X.VSTPRESET")

        def get_plugin_parameter_size(self) -> int:
            return 0

    engine = PluginEngine.__new__(PluginEngine)
    engine._plugin = Plugin()
    assert engine.load(str(tmp_path / "X.FXP")) == engine.load(str(tmp_path / "X.VSTPRESET")) == []


def test_a_home_of_nobody_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SynthError, match=r"no such plugin: ~nosuchuser/x\.so; give a path"):
        located("~nosuchuser/x.so")
    for variable in ("LV2_PATH", "VST_PATH", "VST3_PATH"):
        monkeypatch.setenv(variable, "~nosuchuser/plugins")
    assert list(installed()) == []


def refuse(path: Path, *arguments: Any) -> Any:
    raise PermissionError(13, "Permission denied", str(path))


def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stub_plugin(tmp_path / "stub.so")
    synth = PluginSynth(plugin=path, **SHORT)
    synth.save_preset(synth.space.row({}), tmp_path / "x.fxp")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PresetError, match=r"^cannot read the preset .*x\.fxp: Permission denied$"):
        synth.load_preset(tmp_path / "x.fxp")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SynthError, match=r"^cannot read .*stub\.so: Permission denied; give a plugin that"):
        located(path)
