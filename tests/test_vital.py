"""What Vital alone promises; the tests that loop over the table of environments ask the rest."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from conftest import ROOT, children_named

from envs_registry import missing
from synthgym.errors import PresetError, SynthError, SynthgymError
from synthgym.parameters import Native, ParameterSpace
from synthgym.patches import PatchStream, audible
from synthgym.synths import Synth, make_synth, vital
from synthgym.task import SoundMatchingTask

pytestmark = pytest.mark.skipif(missing("Vital-v0") is not None, reason=f"{missing('Vital-v0')}")


@pytest.fixture(scope="module")
def synth() -> Synth:
    return make_synth("vital", duration=0.4, hold=0.25)


def human(synth: Synth, count: int, seed: int = 0) -> Native:
    return synth.human_like([np.random.default_rng((seed, i)) for i in range(count)])


def played_by_vita(path: Path, samples: int) -> Any:
    """Play a preset by vita itself; in a thread, in which alone numbers near zero are zero from then on."""
    import vita

    engine = vita.Synth()
    assert engine.load_preset(str(path))

    def play() -> Any:
        return engine.render(60, 100 / 127, 0.25, (samples + 0.5) / 44100)[:, :samples].mean(axis=0)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(play).result()


def test_sixty_parameters_are_free_and_the_effects_are_not(synth: Synth) -> None:
    assert len(synth.space) == 60
    assert synth.space.frozen["Reverb Switch"] == synth.space.frozen["Distortion Switch"] == 0
    task = SoundMatchingTask(
        "vital", parameters=["Reverb Mix", "Filter 1 Cutoff"], frozen={"Reverb Switch": "On"}
    )
    assert task.space.names == ("Reverb Mix", "Filter 1 Cutoff")
    assert task.space.frozen["Reverb Switch"] == 1


def test_equal_rows_give_equal_bytes_whatever_was_played_before(synth: Synth) -> None:
    wide = ParameterSpace(synth.space.parameters)  # the effects as well
    rng = np.random.default_rng(1)
    rows = np.stack([*human(synth, 8), *(wide.to_native(wide.sample(rng)) for _ in range(5))])
    together = synth.render(rows)
    np.testing.assert_array_equal(synth.render(rows[::-1])[::-1], together)
    results: dict[int, Any] = {}
    copies = [pickle.loads(pickle.dumps(synth)), make_synth("vital", duration=0.4, hold=0.25)]
    threads = [
        threading.Thread(target=lambda i=i, copy=copy: results.update({i: copy.render(rows)}))
        for i, copy in enumerate(copies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for copy, result in zip(copies, results.values(), strict=True):
        np.testing.assert_array_equal(result, together)
        copy.close()


def test_another_process_and_an_engine_made_for_each_render_give_the_same_bytes(
    synth: Synth, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = human(synth, 4)
    code = (
        "import sys, numpy as np; from synthgym.synths import make_synth\n"
        "synth = make_synth('vital', duration=0.4, hold=0.25)\n"
        "rows = synth.human_like([np.random.default_rng((0, i)) for i in range(4)])\n"
        "sys.stdout.buffer.write(synth.render(rows).tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == synth.render(rows).tobytes()
    monkeypatch.setattr(sys, "platform", "darwin")  # where nothing is forked
    other = make_synth("vital", duration=0.4, hold=0.25)
    np.testing.assert_array_equal(other.render(rows), synth.render(rows))
    other.close()


def test_a_preset_read_again_gives_the_same_bytes_and_vital_itself_plays_it(
    synth: Synth, tmp_path: Path
) -> None:
    for i, row in enumerate(human(synth, 4, seed=2)):
        path = tmp_path / f"{i}.vital"
        synth.save_preset(row, path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            again = synth.load_preset(path)
        np.testing.assert_allclose(again, row, rtol=1e-6, atol=1e-6)
        (sound,) = synth.render(row[None])
        np.testing.assert_array_equal(synth.render(again[None])[0], sound)
        preset = json.loads(path.read_text())
        assert preset["synth_version"] == "1.0.6"
        assert preset["preset_name"] == str(i)
        np.testing.assert_array_equal(played_by_vita(path, synth.samples), sound)


@pytest.mark.parametrize("version", ["0.9.0", "1.0.8", "1.5.5", "1.6.0"])
def test_a_preset_of_another_version_is_read(version: str, synth: Synth, tmp_path: Path) -> None:
    (row,), path = human(synth, 1, seed=4), tmp_path / "a.vital"
    synth.save_preset(row, path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "synth_version": version, "new": {"a": 1}}))
    np.testing.assert_allclose(synth.load_preset(path), row, rtol=1e-6, atol=1e-6)


def test_a_helper_that_is_killed_costs_no_more_than_a_render() -> None:
    synth = make_synth("vital", duration=0.2, hold=0.1)
    before = set(children_named("helper.py"))
    row = synth.space.row({})[None]
    expected = synth.render(row)
    (helper,) = set(children_named("helper.py")) - before
    os.kill(helper, signal.SIGKILL)
    np.testing.assert_array_equal(synth.render(row), expected)
    synth.close()


def test_a_folder_of_presets_is_a_prior(synth: Synth, tmp_path: Path) -> None:
    for i, row in enumerate(human(synth, 3, seed=3)):
        synth.save_preset(row, tmp_path / f"{i}.vital")
    task = SoundMatchingTask("vital", patches=str(tmp_path))
    assert task.make_patches(PatchStream("train", 0).ids(range(2))).unit.shape == (2, 60)


def test_what_a_preset_has_besides_is_named(synth: Synth, tmp_path: Path) -> None:
    path = tmp_path / "other.vital"
    synth.save_preset(synth.space.row({}), path)
    preset = json.loads(path.read_text())
    preset["settings"]["phaser_on"] = 1.0
    preset["settings"]["modulations"][20] = {"source": "lfo_5", "destination": "osc_1_pan"}
    path.write_text(json.dumps(preset))
    with pytest.warns(UserWarning, match=r"no knob of this environment is phaser_on, lfo_5 to osc_1_pan"):
        row = synth.load_preset(path)
    np.testing.assert_allclose(row, synth.space.row({}), rtol=1e-6)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "{}", '{"settings": {}}', '{"settings": {"osc_1_level": "loud"}}']
)
def test_what_is_no_preset_is_refused_in_one_line(synth: Synth, tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.vital"
    path.write_text(text)
    with pytest.raises(PresetError, match=r"bad\.vital is no preset of Vital") as raised:
        synth.load_preset(path)
    assert "\n" not in str(raised.value)
    with pytest.raises(PresetError, match="absent"):
        synth.load_preset(tmp_path / "absent.vital")


def test_texts_are_vitals(synth: Synth) -> None:
    import vita

    from synthgym.synths.vital_knobs import CONTROLS

    engine = vita.Synth()
    for knob, control in zip(synth.space.parameters, CONTROLS, strict=True):
        details = engine.get_control_details(control)
        assert knob.low == details.min
        for value in (knob.low, knob.default, knob.high):
            engine.get_controls()[control].set(value)
            shown = engine.get_control_text(control).strip()
            assert knob.text(value).removesuffix(f" ({value:g})") == shown, control


def test_most_patches_of_the_prior_are_audible() -> None:
    synth = make_synth("vital")
    assert np.mean([audible(sound) for sound in synth.render(human(synth, 60, seed=4))]) > 0.9


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_an_octave_higher_is_twice_the_frequency_at_every_rate(rate: int) -> None:
    synth = make_synth("vital", sample_rate=rate, hold=0.5)
    notes = np.array([[60, 100, 0.5], [72, 100, 0.5]])
    sounds = synth.render(np.stack([synth.space.row({"Oscillator 1 Wave Frame": 0})] * 2), notes)
    assert sounds.shape == (2, rate)
    peaks = np.abs(np.fft.rfft(sounds * np.hanning(rate), 8 * rate)).argmax(axis=1) / 8
    assert peaks == pytest.approx([261.63, 523.25], abs=1)


def test_without_vita_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vital, "find_spec", lambda name: None)
    with pytest.raises(SynthError, match=r'pip install "synthgym\[vital\]"'):
        gym.make("Vital-v0")
    with pytest.raises(SynthgymError):
        make_synth("vital")


def changed(synth: Synth, path: Path, *joined: tuple[str, str], **settings: float) -> Path:
    """Write the default patch with other values, and with modulations from slot 21 on."""
    synth.save_preset(synth.space.row({}), path)
    preset = json.loads(path.read_text())
    for slot, (source, destination) in enumerate(joined, 20):
        preset["settings"]["modulations"][slot] = {"source": source, "destination": destination}
    preset["settings"] |= settings
    path.write_text(json.dumps(preset))
    return path


def test_modulations_that_are_bypassed_are_none_and_equal_ones_are_summed(
    synth: Synth, tmp_path: Path
) -> None:
    path = changed(
        synth,
        tmp_path / "x.vital",
        ("env_2", "filter_1_cutoff"),
        ("lfo_5", "osc_1_pan"),
        modulation_1_amount=0.25,
        modulation_21_amount=0.5,
        modulation_22_amount=0.5,
        modulation_22_bypass=1.0,
        modulation_7_amount=0.5,
        modulation_7_bypass=1.0,
        filter_1_on=1.0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = synth.load_preset(path)
    named = {p.name: value for p, value in zip(synth.space.parameters, row, strict=True)}
    assert named["Envelope 2 to Filter 1 Cutoff"] == pytest.approx(0.75)
    assert named["LFO 1 to Voice Tune"] == 0
    itself = played_by_vita(path, synth.samples)
    np.testing.assert_allclose(synth.render(row[None])[0], itself, atol=1e-4)
    assert np.abs(synth.render(synth.space.row({"Filter 1 Switch": 1})[None])[0] - itself).max() > 0.01


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"modulation_7_bipolar": 0.0}, r"is lfo_1 to voice_tune \(bipolar\); they"),
        ({"modulation_7_stereo": 1.0}, r"is lfo_1 to voice_tune \(stereo\); they"),
        ({"modulation_7_power": 2.0}, r"is lfo_1 to voice_tune \(power\); they"),
        ({"modulation_7_amount": 1.5}, "has for LFO 1 to Voice Tune is no value of the knob; the nearest"),
        ({"filter_1_style": 9.0}, "has for Filter 1 Style is no value of the knob; the nearest is taken"),
        ({"filter_1_style": 9.0, "phaser_on": 1.0}, "is phaser_on; they .*; what it has for Filter 1 Style"),
    ],
)
def test_what_a_row_cannot_hold_is_named_in_one_line(
    settings: dict[str, float], says: str, synth: Synth, tmp_path: Path
) -> None:
    path = changed(synth, tmp_path / "x.vital", **{"modulation_7_amount": 0.5, **settings})
    with pytest.warns(UserWarning, match=says) as warned:
        synth.load_preset(path)
    assert len(warned) == 1
    assert "\n" not in str(warned[0].message)


def test_a_curve_of_a_modulation_is_named(synth: Synth, tmp_path: Path) -> None:
    path = changed(synth, tmp_path / "x.vital", modulation_7_amount=0.5)
    preset = json.loads(path.read_text())
    curve = {"num_points": 3, "points": [0, 1, 0.5, 0.2, 1, 0], "powers": [0, 0, 0], "name": "x"}
    preset["settings"]["modulations"][6]["line_mapping"] = {**curve, "smooth": False}
    path.write_text(json.dumps(preset))
    with pytest.warns(UserWarning, match=r"is lfo_1 to voice_tune \(curve\); they stand"):
        synth.load_preset(path)
