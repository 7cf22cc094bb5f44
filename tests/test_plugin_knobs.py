"""The knobs of plugins agree with the plugins; what is no knob is left alone, what silences is held."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import AMSYNTH, DX10, needs, stub_plugin

from synthgym.errors import PresetError, SynthError
from synthgym.hosting import addresses_can_be_fixed
from synthgym.synths.knobs import PSEUDO, read_knob, readable
from synthgym.synths.plugin import PluginSynth
from synthgym.task import SoundMatchingTask

CALF = "http://calf.sourceforge.net/plugins/"
calf = pytest.mark.skipif(
    not Path("/usr/lib/lv2/calf.lv2").exists(), reason="Debian's package calf-plugins is not installed"
)


def stub(folder: Path, *flags: str) -> str:
    return stub_plugin(folder / "stub.so", *flags)


def test_steps_whose_texts_are_cut_are_even() -> None:
    starts = [np.ceil(k / 48 * 200) / 200 for k in range(49)]
    texts = [(a, b, str(k - 24)) for k, (a, b) in enumerate(zip(starts, [*starts[1:], 1.0], strict=True))]
    knob = read_knob(0, "Transpose", 0.75, texts)
    np.testing.assert_allclose(knob.hosts, np.arange(49) / 48)
    assert (knob.parameter.kind, knob.parameter.default, knob.parameter.text(36)) == ("integer", 36, "12")
    assert readable("0Â°") == "0°"


@pytest.mark.parametrize(
    "plugin",
    [
        needs(AMSYNTH),
        needs(DX10),
        pytest.param(f"{CALF}Monosynth", marks=calf),
        pytest.param(f"{CALF}Organ", marks=calf),
    ],
)
def test_the_default_row_sounds_like_the_plugin_as_loaded(plugin: str) -> None:
    synth = PluginSynth(plugin=plugin, duration=0.5, hold=0.3)
    (note,) = synth.note.middle()
    loaded = synth.render_settings([], note)
    np.testing.assert_allclose(synth.render(synth.space.row({})[None])[0], loaded, atol=1e-4)


@calf
def test_a_transposed_synth_sounds_as_many_semitones_higher() -> None:
    synth = PluginSynth(plugin=f"{CALF}Monosynth")
    pure: dict[str, str | float] = {
        "O1<>2 Mix": 0,
        "Osc1 Wave": "Sine",
        "LFO1->Pitch": 0,
        "Cutoff": 1,
        "O1<>2 Detune": 0,
    }
    rows = np.stack([synth.space.row({**pure, "Osc1 Transpose": str(k)}) for k in range(8)])
    heard = synth.render(rows)[:, 4410:26460] * np.hanning(22050)
    hz = np.abs(np.fft.rfft(heard, 1 << 20)).argmax(axis=1)
    np.testing.assert_allclose(12 * np.log2(hz / hz[0]), np.arange(8), atol=0.01)


@pytest.mark.parametrize(
    "name", ["MIDI Channel", "DEF1 Channel", "MIDI CC 1|7", "CC 74", "Program", "Bypass"]
)
def test_what_is_no_knob(name: str) -> None:
    assert PSEUDO.search(name)
    assert not PSEUDO.search("Channel Volume")


def test_what_is_no_knob_is_neither_sent_nor_saved_unless_it_is_named(tmp_path: Path) -> None:
    plugin = stub(tmp_path)
    synth = PluginSynth(plugin=plugin, duration=0.2, hold=0.1)
    row = synth.space.row({})
    assert [index for index, _ in synth._settings(row)] == [0, 1, 2, 3]
    assert "Bypass" not in {p["name"] for p in synth.space.describe(row)} | set(synth.space.frozen)
    synth.save_preset(row, tmp_path / "it.json")
    np.testing.assert_array_equal(synth.load_preset(tmp_path / "it.json"), row)
    frozen = synth.space.freeze({"Bypass": 1})
    assert synth._settings(frozen.row({}))[-1] == (4, 1.0)
    assert np.isfinite(frozen.only(["MIDI CC 1|7"]).to_unit(row)).all()


def test_a_knob_that_silences_is_held_and_said_to_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = stub(tmp_path, '-DLAST="Part"', "-DSTEPS=16", "-DGAIN=(step() == 0)")
    synth = PluginSynth(plugin=plugin, duration=0.2, hold=0.1)
    assert set(synth.held) == {"Part"}
    assert "Part is held at 0; the plugin is silent on 15 of its 16 steps" in caplog.text
    assert synth.space.only(["Part"]).names == ("Part",)


def test_plugins_without_a_sound_or_a_knob_that_is_heard_are_refused(tmp_path: Path) -> None:
    note: dict[str, Any] = {"duration": 0.2, "hold": 0.1}
    for flags, says in (
        (["-DGAIN=1e-20"], "is silent .* random patches"),
        (["-DGAIN=1e-3"], "inaudible .*dBFS"),
    ):
        with pytest.raises(SynthError, match=says):
            SoundMatchingTask("plugin", plugin=stub(tmp_path, *flags), frozen={"Trouble": "none"}, **note)
    with pytest.raises(SynthError, match="none of its 1 knobs is heard"):
        SoundMatchingTask(
            "plugin", plugin=stub(tmp_path, '-DLAST="Idle"', "-DSTEPS=4"), parameters=["Idle"], **note
        )


@needs.amsynth
def test_no_preset_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synth = PluginSynth(plugin=Path(AMSYNTH), duration=0.2, hold=0.1)
    (tmp_path / "x.fxp").write_bytes(b"no preset" * 99)
    with pytest.raises(PresetError, match="is no preset of amsynth"):
        synth.load_preset(tmp_path / "x.fxp")
    plugin = stub(tmp_path)
    monkeypatch.chdir(tmp_path)
    relative = PluginSynth(plugin=Path(plugin).name, duration=0.2, hold=0.1)
    monkeypatch.chdir("/")
    relative.close()
    assert relative.render(relative.space.row({})[None]).any()
    with pytest.raises(SynthError, match=r"go by their URIs: give .*DX10"):
        PluginSynth(plugin="/usr/lib/lv2/mda.lv2")


SEEDED = ["-DON_LOAD=srand(getpid())", "-DGAIN=(rand()%1000/1000.)"]
ADDRESSED = ["-DGAIN=((uintptr_t)&values/4096%997/997.)"]
UNWRITTEN = ["-DGAIN=(.1+.5*(*(int*)malloc(5000)!=0))"]


addresses = pytest.mark.skipif(not addresses_can_be_fixed(), reason="this system has random addresses always")


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(SEEDED, id="seeded"),
        pytest.param(ADDRESSED, id="addressed", marks=addresses),
        pytest.param(UNWRITTEN, id="unwritten"),
    ],
)
def test_every_helper_gives_the_same_bytes(flags: list[str], tmp_path: Path) -> None:
    plugin = stub(tmp_path, *flags)
    made = [PluginSynth(plugin=plugin, duration=0.2, hold=0.1) for _ in range(3)]
    first, *others = (synth.render(synth.space.row({"Level": 0.3})[None]) for synth in made)
    assert np.abs(first).max() > 0
    for audio in others:
        np.testing.assert_array_equal(audio, first)


@pytest.mark.parametrize(
    "plugin",
    [
        needs(AMSYNTH),
        pytest.param("http://drobilla.net/plugins/mda/JX10", marks=needs.dx10),
        pytest.param(f"{CALF}Monosynth", marks=calf),
        pytest.param(f"{CALF}Organ", marks=calf),
    ],
)
def test_every_helper_of_an_instrument_gives_the_same_bytes(plugin: str) -> None:
    made = [PluginSynth(plugin=plugin, duration=0.3, hold=0.2) for _ in range(2)]
    space, rng = made[0].space, np.random.default_rng(0)
    rows = space.to_native(np.stack([space.sample(rng) for _ in range(4)]))
    one, other = (synth.render(rows) for synth in made)
    np.testing.assert_array_equal(one, other)
