"""Files of others where ours are wanted: presets of other plugins, damaged models and evaluations."""

import base64
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import AMSYNTH, needs
from test_training import small_model

from agents.evaluation.results import Results
from agents.matching.recording import Recording
from agents.rl.unpickling import unpickled
from agents.supervised.model import Model
from agents.training.refusal import check_is_zip, going_on
from agents.training.run_config import RunConfig
from synthgym.errors import PresetError, SynthgymError
from synthgym.synths.lv2_presets import lv2_presets
from synthgym.synths.plugin import PluginSynth
from synthgym.synths.vst2_presets import check_vst2

OWN = b"amsy"


def preset(kind: bytes, content: bytes, count: int = 3, plugin: bytes = OWN) -> bytes:
    head = b"CcnK" + struct.pack(">I", 0) + kind + struct.pack(">I4sII", 1, plugin, 1, count)
    return (
        head + bytes(28 if (kind.startswith(b"Fx") and kind != b"FxBk") or kind == b"FPCh" else 128) + content
    )


def values(*numbers: float, byte_order: str = ">") -> bytes:
    return struct.pack(f"{byte_order}{len(numbers)}f", *numbers)


PARAMETERS = preset(b"FxCk", values(0.1, 0.5, 1))
CHUNK = preset(b"FPCh", struct.pack(">I", 4) + b"abcd")
BANK_CHUNK = preset(b"FBCh", struct.pack(">I", 4) + b"abcd")
BANK = preset(b"FxBk", PARAMETERS + CHUNK, count=2)


@pytest.mark.parametrize("good", [PARAMETERS, CHUNK, BANK, BANK_CHUNK])
def test_a_vst2_file_is_whole_and_of_its_plugin(good: bytes) -> None:
    assert check_vst2(good, OWN) == check_vst2(good + b"more", OWN) == len(good)
    with pytest.raises(ValueError, match="of another plugin, with the id b'amsy', not b'DNek'"):
        check_vst2(good, b"DNek")
    for end in range(len(good)):
        with pytest.raises(ValueError, match="cut off"):
            check_vst2(good[:end], OWN)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (preset(b"FxCk", values(0.1, float("nan"), 1)), "not from 0 to 1"),
        (preset(b"FxCk", values(0.1, 0.5, 1, byte_order="<")), "not from 0 to 1"),
        (preset(b"FxBk", PARAMETERS + preset(b"FxCk", values(0, 0, float("inf"))), 2), "not from 0 to 1"),
        (preset(b"FxBk", PARAMETERS + preset(b"FPCh", b"", plugin=b"DNek"), 2), "of another plugin"),
        (preset(b"FxCk", values(0.1), count=2**32 - 1), "cut off"),
        (preset(b"FPCh", struct.pack(">i", -1) + b"abcd"), "cut off"),
        (preset(b"FPCh", struct.pack(">I", 0)), "empty"),
        (preset(b"FxBk", BANK, 1), "holds fewer presets"),
        (b"KncC" + PARAMETERS[4:], "no preset or bank of a VST2 plugin"),
    ],
)
def test_a_vst2_file_that_is_damaged(bad: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_vst2(bad, OWN)


@pytest.mark.parametrize("plugin", [needs(AMSYNTH)])
def test_a_plugin_takes_no_preset_of_another(plugin: str, tmp_path: Path) -> None:
    synth, path = PluginSynth(plugin=plugin, duration=0.1, hold=0.05), tmp_path / "x.fxp"
    row = synth.space.row({})
    synth.save_preset(row, path)
    data = path.read_bytes()
    np.testing.assert_array_equal(synth.load_preset(path), row)
    for bad in (data[:16] + b"Zzzz" + data[20:], data[:-100], preset(b"FxCk", values(-5, 0, 1))):
        path.write_bytes(bad)
        with pytest.raises(PresetError, match=r"x\.fxp is no preset of amsynth"):
            synth.load_preset(path)
    synth.close()


def test_a_pipe_among_the_files_of_plugins_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LV2_PATH", str(tmp_path))
    (tmp_path / "x.lv2").mkdir()
    os.mkfifo(tmp_path / "x.lv2/manifest.ttl")
    assert lv2_presets("urn:test:nobody", ["Cutoff"], [0]) == []


class Program:
    """Pickled, it is a program that makes a file, by a function that is handed over."""

    def __init__(self, call: Callable[..., object], *values: object) -> None:
        self._called = call, values

    def __reduce__(self) -> tuple[Any, ...]:
        return self._called


def test_a_policy_runs_no_program(tmp_path: Path) -> None:
    inner = pickle.dumps(Program(os.mkdir, str(tmp_path / "ran")), protocol=2)
    storage = torch.storage._load_from_bytes
    for program in (
        Program(os.mkdir, str(tmp_path / "ran")),
        [Program(getattr, np.dtype("f4"), "type")],
        Program(pickle.loads, inner),
        Program(storage, inner),
    ):
        data = {"weights": {":serialized:": base64.b64encode(pickle.dumps(program)).decode()}}
        with pytest.raises(pickle.UnpicklingError):
            unpickled(data, ())
        assert unpickled(data, ["weights"]) == {}
    assert not (tmp_path / "ran").exists()


def test_a_model_that_would_fill_the_memory_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", b"{}")
        archive.infolist()[0].file_size = 3 << 30  # as the end of the file tells it
    with pytest.raises(SynthgymError, match=r"model\.zip is no saved ppo model: it would unpack to 3\.2 GB"):
        check_is_zip("ppo", path)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"renders": "12"}, "renders must be a whole number"),
        ({"steps": -1}, "steps must be a whole number"),
        (
            {"made_of": {"options": {"width": 2**20}, "shape": (1, 5), "bounds": ([1.0] * 5, [2.0] * 5)}},
            "weights",
        ),
        (
            {"made_of": {"options": {"rounds": -1, "width": 32}, "shape": (1, 5), "bounds": ([1.0], [2.0])}},
            "rounds",
        ),
        ({"made_of": {"options": {}, "shape": (-1, 5), "bounds": ([1.0], [2.0])}}, ""),
        ({"made_of": []}, ""),
        ({"weights": {"x": 1}}, "weights"),
        ({"origin": {"env": "", "env_kwargs": {}, "feature": "", "identity": {"note": {}}}}, "parameters"),
    ],
)
def test_a_model_that_does_not_hold_together(changed: dict[str, Any], says: str, tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    small_model().save(path)
    torch.save({**torch.load(path, weights_only=True), **changed}, path)
    with pytest.raises(SynthgymError, match=rf"model\.zip is no saved mlp model: .*{says}"):
        Model.load("mlp", path)


@pytest.mark.parametrize(
    "changed",
    [{"env": 3}, {"agent": None}, {"env_kwargs": []}, {"hyperparameters": None}, {"dataset": {}}, {"x": 1}],
)
def test_a_config_of_other_types_is_no_config(changed: dict[str, Any], tmp_path: Path) -> None:
    config = {"env": "FM-v0", "agent": "ppo", "steps": 1, "num_envs": 1, "seed": 0}
    (tmp_path / "config.yml").write_text(yaml.safe_dump(config))
    assert RunConfig.read(tmp_path / "config.yml").env == "FM-v0"
    (tmp_path / "config.yml").write_text(yaml.safe_dump({**config, **changed}))
    with pytest.raises(SynthgymError, match=r"config\.yml is not the config of a run"):
        RunConfig.read(tmp_path / "config.yml")


def test_a_config_of_careless_tags_is_no_config(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("env: !!bool x\n")
    with pytest.raises(SynthgymError, match=r"config\.yml is not the config of a run"):
        RunConfig.read(tmp_path / "config.yml")


def test_a_checkpoint_whose_training_is_damaged_is_not_gone_on_with(tmp_path: Path) -> None:
    bad: Any = 3
    says = r"3\.zip is no saved mlp model: the state of its training is damaged"
    with pytest.raises(SynthgymError, match=says), going_on("mlp", tmp_path / "3.zip"):
        torch.optim.AdamW([torch.zeros(1)]).load_state_dict(bad)
    with pytest.raises(MemoryError), going_on("mlp", tmp_path / "3.zip"):
        raise MemoryError


TRIAL = {
    "agent": "random",
    "kind": "random",
    "target": "test:0",
    "seed": 0,
    "curve": [[1, 0.5]],
    "rows": [{"budget": 1, "renders": 1, "distance": 0.5, "parameters": [0.1]}],
}
CONFIG = {
    "env": "FM-v0",
    "env_kwargs": {},
    "targets": "test:1",
    "asked": {"targets": ["test:0"], "seeds": {"random": 1}},
}


def evaluation(folder: Path, config: Any, *trials: Any) -> Path:
    folder.mkdir()
    (folder / "evaluation.json").write_text(json.dumps(config))
    (folder / "trials.jsonl").write_text("".join(json.dumps(trial) + "\n" for trial in trials))
    return folder


@pytest.mark.parametrize(
    ("config", "trial", "says"),
    [
        ({"env": None}, {}, r"evaluation\.json is damaged"),
        ({"env_kwargs": []}, {}, r"evaluation\.json is damaged"),
        ({"targets": 3}, {}, r"evaluation\.json is damaged"),
        ({"asked": {"targets": "test:0", "seeds": {}}}, {}, r"evaluation\.json is damaged"),
        (
            {"asked": {"targets": [], "seeds": {"random": 10**12}}},
            {},
            "seeds of random must be a whole number",
        ),
        ({"asked": [1]}, {}, r"evaluation\.json is damaged"),
        ({}, {"seed": -1}, r"trials\.jsonl, line 2 is damaged"),
        ({}, {"rows": [{}]}, r"trials\.jsonl, line 2 is damaged"),
        ({}, {"rows": [{"budget": "1", "distance": 0.5, "parameters": []}]}, "line 2 is damaged"),
        ({}, {"rows": [{"budget": 1, "distance": [], "parameters": 0}]}, "line 2 is damaged"),
        ({}, {"rows": [{"budget": 1, "distance": 1, "parameters": [{}]}]}, "line 2 is damaged"),
        ({}, {"rows": [{"budget": 1, "distance": 10**400, "parameters": []}]}, "line 2 is damaged"),
        ({}, {"curve": [["x", 1]]}, "line 2 is damaged"),
        ({}, {"seed": 0}, "line 2 is of the same trial as line 1"),
    ],
)
def test_an_evaluation_that_does_not_hold_together(
    config: dict[str, Any], trial: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with closing(Results.opened(evaluation(tmp_path / "good", CONFIG, TRIAL, {**TRIAL, "seed": 1}))) as good:
        assert len(good.rows()) == 2
    folder = evaluation(tmp_path / "bad", {**CONFIG, **config}, TRIAL, {**TRIAL, "seed": 1, **trial})
    with pytest.raises(SynthgymError, match=says):
        Results.opened(folder)


def test_the_keywords_of_a_recording_have_their_old_name_too(tmp_path: Path) -> None:
    assert Recording.played is Recording.env_kwargs
