"""Dexed's high-pass: against the real plugin, against its formula, and in what data sets and models keep."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

from agents.training.models import Origin
from synthgym import datasets
from synthgym.datasets.manifest import MANIFEST
from synthgym.errors import SynthError, SynthgymError
from synthgym.features import distance, make_features
from synthgym.patches import audible
from synthgym.synths import make_synth
from synthgym.synths.dx7_parameters import native_rows
from synthgym.task import SoundMatchingTask

RENDERS = "dexed_vst3_renders.npz"
SHARED = Path(os.environ.get("SYNTHGYM_SHARED", "/nonexistent"), "voices", RENDERS)
"""20 renders of the plugin; tests/data has four, among them those that the filter changes most."""
ALL_20 = pytest.param(
    SHARED,
    marks=pytest.mark.skipif(not SHARED.exists(), reason="SYNTHGYM_SHARED has no renders of the plugin"),
)


@pytest.mark.parametrize("path", [ROOT / "tests/data" / RENDERS, ALL_20])
def test_renders_are_the_plugins(path: Path) -> None:
    kept = np.load(path)
    note = {"velocity": int(kept["velocity"]), "hold": float(kept["hold"])}
    (logmel,) = make_features(["logmel"], 44100, 44100)
    far: dict[bool, list[float]] = {True: [], False: []}
    rows = native_rows(kept["voices"])
    for row, pitch, sound in zip(rows, kept["notes"], kept["audio"], strict=True):
        for high_pass, distances in far.items():
            synth = make_synth("dexed", operators=6, note=int(pitch), high_pass=high_pass, **note)
            features = logmel(synth.render(row[None])), logmel(sound[None].astype(np.float32))
            distances.append(float(distance(*features)[0]))
    assert max(far[True]) < 0.0005  # seen: .00049
    assert max(far[False]) > 0.025  # seen: .029


@pytest.mark.parametrize("sample_rate", [16000, 44100])
def test_the_filter_is_as_documented(sample_rate: int) -> None:
    with_filter = make_synth("dexed", operators=1, sample_rate=sample_rate, note=21)
    without = make_synth("dexed", operators=1, sample_rate=sample_rate, note=21, high_pass=False)
    row = with_filter.space.row({"TRANSPOSE": 12})[None]  # 13.75 Hz
    (x,), (y,) = without.render(row).astype(np.float64), with_filter.render(row)
    expected = np.zeros(len(x))
    for n in range(len(x)):
        before = (x[n - 1], expected[n - 1]) if n else (0.0, 0.0)
        expected[n] = x[n] - before[0] + (1 - 126 / sample_rate) * before[1]
    assert 0.01 < np.abs(expected).max() < 0.8 * np.abs(x).max()
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-7)


def test_an_operator_too_low_to_hear_counts_for_nothing() -> None:
    """Operators 1 and 3 carry in algorithm 5; the third is fixed at 1 Hz."""
    low: dict[str, float | str] = {"OP3 MODE": "FIXED", "OP3 F COARSE": 0, "ALGORITHM": "5"}
    (logmel,) = make_features(["logmel"], 44100, 44100)
    far, alone = {}, {}
    for high_pass in (True, False):
        synth = make_synth("dexed", operators=6, high_pass=high_pass, hold=1.0)
        rows = np.stack([synth.space.row({**low, "OP3 OUTPUT LEVEL": level}) for level in (0, 60)])
        features = logmel(synth.render(rows))
        far[high_pass] = float(distance(features[:1], features[1:])[0])
        row = synth.space.row({**low, "OP1 OUTPUT LEVEL": 0, "OP3 OUTPUT LEVEL": 95})
        alone[high_pass] = audible(synth.render(row[None])[0])
    assert far[True] < 0.005  # seen: .0021
    assert far[False] > 0.05  # seen: .088
    assert alone == {True: False, False: True}


@pytest.mark.slow
def test_data_sets_of_another_filter_are_refused_by_name(tmp_path: Path) -> None:
    def recipe(**keywords: Any) -> datasets.Recipe:
        return datasets.Recipe("Dexed1Op-v0", ["multiresolution"], env_kwargs=keywords).random(2)

    on = SoundMatchingTask("dexed", operators=1)
    off = SoundMatchingTask("dexed", operators=1, high_pass=False)
    datasets.make(tmp_path, recipe(), progress=False)
    datasets.load_for(on, tmp_path)
    with pytest.raises(SynthgymError, match="with high_pass True, not False; make one"):
        datasets.load_for(off, tmp_path)
    # As the first versions, which had no filter, made them.
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    del manifest["high_pass"]
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    datasets.load_for(off, tmp_path)
    with pytest.raises(SynthgymError, match="with high_pass False, not True; make one"):
        datasets.load_for(on, tmp_path)
    with pytest.raises(SynthgymError, match="with high_pass False, not True; ask for the same"):
        datasets.make(tmp_path, recipe(), progress=False)
    other = SoundMatchingTask("fm")
    with pytest.raises(SynthgymError, match="with frozen"):
        datasets.load_for(other, tmp_path)


def test_models_of_another_filter_are_refused_by_name() -> None:
    on = SoundMatchingTask("dexed", operators=6)
    off = SoundMatchingTask("dexed", operators=6, high_pass=False)
    new, path = Origin.of(on, "Dexed6Op-v0", {}), Path("model.zip")
    old = replace(new, identity={k: v for k, v in new.identity.items() if k != "high_pass"})
    new.check(on, path)
    old.check(off, path)
    with pytest.raises(SynthgymError, match="with high_pass False, not True; train one"):
        old.check(on, path)
    with pytest.raises(SynthgymError, match="with high_pass True, not False; train one"):
        new.check(off, path)
    with pytest.raises(SynthgymError, match="with parameters"):
        old.check(SoundMatchingTask("fm"), path)


def test_the_plugin_has_its_filter_always(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="the plugin's high-pass is always on"):
        make_synth("dexed", operators=1, plugin=str(tmp_path / "Dexed.vst3"), high_pass=False)
