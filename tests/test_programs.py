"""The programs that plugins bring: read from Debian's plugins where they are, and from a stub."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import AMSYNTH, DX10, MONOSYNTH, NEKOBI, ROOT, needs

from synthgym.errors import SynthgymError
from synthgym.patches import HeldOutStream, PatchStream, audible
from synthgym.priors import Presets, Uniform
from synthgym.synths.lv2_presets import lv2_presets
from synthgym.synths.plugin import PluginSynth
from synthgym.task import SoundMatchingTask

SYNTH = "urn:test:synth"
PREFIXES = """
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix pset: <http://lv2plug.in/ns/ext/presets#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""


def stub(path: Path, *flags: str) -> str:
    """A plugin with programs."""
    source = ROOT / "tests/data/stub_plugin.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-w", *flags, source, "-o", path, "-lm"], check=True)
    return str(path)


def bundle(folder: Path, name: str, **files: str) -> None:
    """An LV2 bundle with files."""
    path = folder / f"{name}.lv2"
    path.mkdir(parents=True)
    for stem, text in files.items():
        (path / f"{stem}.ttl").write_text(PREFIXES + text)


@pytest.mark.parametrize(
    ("plugin", "count", "differ"),
    [
        pytest.param(AMSYNTH, 128, 128, marks=needs.amsynth),
        pytest.param(DX10, 32, 32, marks=needs.dx10),
        pytest.param("http://drobilla.net/plugins/mda/JX10", 52, 52, marks=needs.dx10),
        pytest.param("http://drobilla.net/plugins/mda/EPiano", 5, 5, marks=needs.dx10),
        pytest.param(MONOSYNTH, 21, 21, marks=needs(MONOSYNTH).marks),
        pytest.param(NEKOBI, 1, 1, marks=needs(NEKOBI).marks),
        pytest.param("http://distrho.sf.net/plugins/Nekobi", 0, 0, marks=needs(NEKOBI).marks),
    ],
)
def test_the_programs_of_plugins_are_audible_and_their_prior_if_they_are_many(
    plugin: str, count: int, differ: int
) -> None:
    task = SoundMatchingTask("plugin", plugin=plugin)
    programs = task.synth.programs()
    assert len(programs) == count
    assert len(task.presets()) == differ
    assert isinstance(task.prior, Presets if differ >= 16 else Uniform)
    if count:
        assert all(map(audible, task.synth.render(programs)))
    if isinstance(task.prior, Presets):
        assert task.describe()["prior"]["patches"] == "human"
        made = task.make_patches(PatchStream("train", 0).ids(range(20)))
        assert made.renders.mean() < 2, "what is made of programs is mostly audible"


@needs.dx10
def test_a_preset_of_an_lv2_plugin_sets_what_its_file_says() -> None:
    synth = PluginSynth(plugin=DX10)
    rows = [dict(zip([p.name for p in synth.space.parameters], row, strict=True)) for row in synth.programs()]
    (bright,) = (row for row in rows if abs(row["Fine"] - 0.329) < 1e-6)  # Bright E.Piano
    assert bright["Attack"] == 0
    assert bright["Decay"] == pytest.approx(0.65)


@needs.amsynth
def test_the_programs_are_the_same_wherever_the_plugin_lives() -> None:
    forked, other = (PluginSynth(plugin=AMSYNTH, isolation=where) for where in ("fork", "process"))
    row = forked.space.row({})[None]
    before = forked.render(row)
    np.testing.assert_array_equal(forked.programs(), other.programs())
    np.testing.assert_array_equal(forked.render(row), before)


def test_programs_are_selected_one_by_one(tmp_path: Path) -> None:
    plugin = stub(tmp_path / "many.so", "-DPROGRAMS=21")
    synth = PluginSynth(plugin=plugin)
    pitch = synth.space.index("Pitch (2)")
    np.testing.assert_allclose(synth.programs()[:, pitch], np.linspace(0, 1, 21), atol=1e-6)
    task = SoundMatchingTask("plugin", plugin=plugin)
    assert isinstance(task.prior, Presets)
    # A target of a test is of programs that nothing trains on.
    train, test = (task.prior.job(s.ids([0])).among for s in (PatchStream("train", 0), HeldOutStream()))
    assert train is not None
    assert test is not None
    assert len(train[0]) + len(test[0]) == 21
    assert not (train[0][:, None] == test[0][None]).all(axis=2).any()
    # Fewer of them that differ in what is free are no prior by default.
    few = SoundMatchingTask("plugin", plugin=plugin, parameters=["Level"])
    assert isinstance(few.prior, Uniform)
    with pytest.raises(SynthgymError, match="not known what patches people make"):
        SoundMatchingTask("plugin", plugin=plugin, parameters=["Level"], patches="human")
    some = SoundMatchingTask("plugin", plugin=stub(tmp_path / "some.so", "-DPROGRAMS=3"), patches="human")
    assert isinstance(some.prior, Presets)


def test_a_plugin_that_crashes_at_a_program_has_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = stub(tmp_path / "bad.so", "-DPROGRAMS=21", "-DBAD=3")
    task = SoundMatchingTask("plugin", plugin=plugin, frozen={"Trouble": "none"})
    assert isinstance(task.prior, Uniform)
    assert "bad.so: its programs cannot be read" in caplog.text
    assert "taken to have none" in caplog.text
    made = task.make_patches(PatchStream("train", 0).ids([0]))
    assert not made.rendered.failures


def test_presets_are_found_in_any_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As users save theirs in bundles of their own; what cannot be read is passed over."""
    port = (
        '[ a lv2:InputPort, lv2:ControlPort ; lv2:index {} ; lv2:symbol "{}" ; lv2:name "{}" ; '
        "lv2:minimum {} ; lv2:maximum {} ]"
    )
    ports = (
        port.format(2, "cut", "Cutoff", 20, 1020),
        port.format(0, "rate", "Rate", 0, 10),
        port.format(1, "rate2", "Rate", 0, 10),
        '[ a lv2:InputPort, lv2:AudioPort ; lv2:index 3 ; lv2:symbol "in" ; lv2:name "In" ]',
    )
    manifest = f"<{SYNTH}> a lv2:Plugin ; rdfs:seeAlso <synth.ttl>, <http://example.org/no.ttl> ."
    bundle(tmp_path, "synth", manifest=manifest, synth=f"<{SYNTH}> lv2:port {', '.join(ports)} .")
    preset = f"<urn:{{0}}> a pset:Preset ; lv2:appliesTo <{SYNTH}> ; rdfs:seeAlso <{{0}}.ttl> ."
    value = '[ lv2:symbol "{}" ; pset:value {} ]'
    set_by = {
        "a": f"{value.format('cut', 270)}, {value.format('rate2', 5)}, {value.format('rate', 99)}",
        "b": value.format("cut", 1020),
        "none": value.format("unknown", 1),
        "damaged": "[",
    }
    for name, values in set_by.items():
        made = preset.format(name)
        bundle(tmp_path, f"of {name}", manifest=made, **{name: f"<urn:{name}> lv2:port {values} ."})
    bundle(tmp_path, "broken", manifest="<")
    bundle(tmp_path, "other", manifest="<urn:test:other> a lv2:Plugin .")
    monkeypatch.setenv("LV2_PATH", str(tmp_path))
    rows = lv2_presets(SYNTH, ["Cutoff", "Rate", "Rate", "Unlisted"], [0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(rows, [[0.25, 1, 0.5, 0.4], [1, 0.2, 0.3, 0.4]])
    assert "damaged.ttl cannot be read" in caplog.text
    assert lv2_presets("urn:test:nobody", ["Cutoff"], [0]) == []
