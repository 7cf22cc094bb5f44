"""What a match does if no agent is asked for: by the network that comes with the package, or without it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import ROOT

from agents.matching.search import Search
from agents.matching.usual import ready, usual_agent, usual_search
from agents.matching.writing import Heard
from agents.training.shipped import SHIPPED
from agents.trials.answers import Answer
from synthgym.making import make_task
from synthgym.recordings import read_recording
from synthgym.task import SoundMatchingTask

MARIMBA = ROOT / "examples/targets/marimba.wav"


@pytest.fixture
def dexed() -> Any:
    task = make_task("Dexed6Op-v0", {"note": 60, "duration": 0.8})
    yield task
    task.close()


def test_a_network_that_comes_with_the_package_searches() -> None:
    assert (usual_agent("Dexed6Op-v0"), usual_agent("Dexed2Op-v0")) == ("pretrained", "halving")


@pytest.mark.parametrize(
    ("weights", "says"), [(None, "No such file"), (b"none", "is damaged"), ("cut", "is damaged")]
)
def test_without_its_network_another_agent_searches(
    weights: Any, says: str, dexed: SoundMatchingTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.training.shipped.SHIPPED", tmp_path)
    shutil.copy(SHIPPED / "Dexed6Op-v0.md", tmp_path)
    if weights is not None:
        whole = (SHIPPED / "Dexed6Op-v0.safetensors").read_bytes()
        (tmp_path / "Dexed6Op-v0.safetensors").write_bytes(whole[:-100] if weights == "cut" else weights)
    search, agent, (remark,) = ready(usual_search("Dexed6Op-v0", budget=20), dexed)
    assert str(search.agent) == "halving" == type(agent).__name__.lower()
    assert says in remark
    assert remark.endswith("install synthgym again; halving searches instead")
    assert "\n" not in remark


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"note": 40, "duration": 2.0}, []),
        ({"note": 103}, ["the network has learned note 24 to 96, not note 103: it hears the nearest"]),
        ({"hold": 3.0, "duration": 4.0}, ["learned hold 0.1 to 1.5, not hold 3", "hears the first 2 s"]),
    ],
)
def test_what_the_network_has_not_learned_is_said(keywords: dict[str, Any], says: list[str]) -> None:
    task = make_task("Dexed6Op-v0", keywords)
    search, _, remarks = ready(usual_search("Dexed6Op-v0", budget=20), task)
    task.close()
    assert str(search.agent) == "pretrained"
    assert len(remarks) == len(says)
    assert all(part in remark for part, remark in zip(says, remarks, strict=True))


def test_a_feature_that_was_not_learned_is_searched_without_the_network() -> None:
    task = make_task("Dexed6Op-v0", {"feature": "mfcc"})
    search, _, (remark,) = ready(usual_search("Dexed6Op-v0"), task)
    task.close()
    assert str(search.agent) == "halving"
    assert "trained on the feature multiresolution, not mfcc" in remark


def test_nearer_answers_are_told_of_and_can_be_played_while_it_searches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.trials.watched._OFTEN", 0)
    task = make_task("FM-v0")
    target = read_recording(MARIMBA, task.synth.sample_rate, task.synth.samples)
    search, told = Search(budget=300), list[Answer]()

    def keep(answer: Answer) -> None:
        told.append(answer)
        Heard.of(task, target, [answer], tmp_path).write(tmp_path, task, target, {"target": "marimba"})
        kept = json.loads((tmp_path / "match.json").read_text())
        assert kept["best_distance"] == answer.distance
        sound, _ = soundfile.read(tmp_path / "match.wav")
        found = task.extract(sound[None].astype(np.float32) / kept["playback_gain"]).features[0]
        np.testing.assert_allclose(found[0], answer.feature, atol=0.02)

    trial = search.run(task, target, search.prepare(task), keep)
    distances = [answer.distance for answer in told]
    assert len(distances) > 3
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] == min(trial.distances)
    task.close()


def test_they_are_told_of_once_a_second_at_most() -> None:
    task = make_task("FM-v0")
    target = read_recording(MARIMBA, task.synth.sample_rate, task.synth.samples)
    search, told = Search(budget=64), list[Answer]()
    search.run(task, target, search.prepare(task), told.append)
    task.close()
    assert len(told) == 1, "it has ended within a second"
