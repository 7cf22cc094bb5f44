"""Which plugins the studio lists: instruments, looked at once, each by a name of its own."""

import threading
from pathlib import Path

import pytest
from conftest import stub_plugin
from studio_client import Client, served

from agents.studio.instruments import instruments, look_at_all, unknown
from agents.trials.signals import Signals
from synthgym.synths import plugin_kinds

BUNDLE = """@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
<urn:test:Stub> a lv2:Plugin, lv2:InstrumentPlugin .
<urn:test:Reverb> a lv2:Plugin, lv2:ReverbPlugin .
"""
STRUCK = "if (((char **)to)[2][26] > 0) program = 1"
"""Notes of no velocity leave it silent."""


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only what is put there is installed, and nothing is known of it."""
    for kind in ("vst", "vst3", "lv2"):
        (tmp_path / kind).mkdir()
        monkeypatch.setenv(f"{kind.upper()}_PATH", str(tmp_path / kind))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(plugin_kinds, "_FOUND", {})
    return tmp_path


def names() -> list[str]:
    return [one.name for one in instruments() if one.env_id == "Plugin-v0"]


def test_effects_and_what_does_not_load_are_not_listed(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub_plugin(places / "vst/Tone-vst.so")
    stub_plugin(places / "vst/Hall-vst.so", "-DEFFECT")
    stub_plugin(places / "vst/Hiss-vst.so", "-DINPUTS=2")
    stub_plugin(places / "vst/Vocoder-vst.so", "-DINPUTS=2", f"-DON_NOTE={STRUCK}", "-DGAIN=program")
    (places / "vst/notes.so").write_text("no plugin")
    assert names() == []
    assert len(unknown()) == 5
    look_at_all(Signals())
    assert names() == ["Tone", "Vocoder"]
    assert unknown() == []
    # Another process knows it without loading, but tries again what was not loaded, and what has changed.
    monkeypatch.setattr(plugin_kinds, "_FOUND", {})
    assert names() == ["Tone", "Vocoder"]
    assert [Path(one).name for one in unknown()] == ["notes.so"]
    stub_plugin(places / "vst/Hall-vst.so", "-DCALM")
    assert [Path(one).name for one in unknown()] == ["Hall-vst.so", "notes.so"]


def test_a_stop_ends_the_looking(places: Path) -> None:
    stub_plugin(places / "vst/Tone-vst.so")
    stop = Signals()
    stop.stop()
    look_at_all(stop)
    assert len(unknown()) == 1


def test_of_one_name_each_says_its_format_or_its_place(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.studio.instruments.is_instrument", lambda plugin: True)
    (places / "lv2/stub.lv2").mkdir()
    (places / "lv2/stub.lv2/manifest.ttl").write_text(BUNDLE)
    for name in ("stub_vst.so", "Other.so", "deep/Twice.so", "Twice.so"):
        (places / "vst" / name).parent.mkdir(exist_ok=True)
        (places / "vst" / name).touch()
    inner = places / "vst3/Stub.vst3/Contents/x86_64-win/Stub.vst3"
    inner.parent.mkdir(parents=True)
    inner.touch()
    assert sorted(names()) == [
        "Other",
        "Stub (LV2)",
        "Stub (VST3)",
        f"Twice (VST2, {places}/vst/Twice.so)",
        f"Twice (VST2, {places}/vst/deep/Twice.so)",
        "stub (VST2)",
    ]


def test_a_page_is_told_that_more_may_come(places: Path) -> None:
    stub_plugin(places / "vst/Tone-vst.so")
    go_on = threading.Event()

    def ready(stop: Signals) -> None:
        go_on.wait(30)
        look_at_all(stop)

    with served(ready=ready) as (port, _):
        client = Client(port)
        told = client.json("GET", "/api/instruments")
        assert told["more"] is True
        go_on.set()
        while told["more"]:
            told = client.json("GET", "/api/instruments")
        assert told["instruments"][-1]["name"] == "Tone"
