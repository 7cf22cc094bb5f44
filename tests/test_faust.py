"""FM, the granulator, and Faust programs of one's own."""

import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import soundfile
import torch
from conftest import PLUGIN_ID, ROOT, source_of, synth_env

from agents.training.models import Origin
from synthgym import datasets
from synthgym.effects import measure_effects
from synthgym.errors import PluginCrashed, SynthError, SynthgymError, UnknownNameError
from synthgym.parameters import Native
from synthgym.patches import AUDIBLE_PEAK
from synthgym.synths import Audio, Synth, make_synth
from synthgym.synths.faust import FaustSynth
from synthgym.synths.faust_program import read_program
from synthgym.task import SoundMatchingTask

OURS = ["fm", "granulator"]


def patches(synth: Synth, count: int, seed: int = 0) -> Native:
    rng = np.random.default_rng(seed)
    return synth.space.to_native(np.stack([synth.space.sample(rng) for _ in range(count)]))


def test_parameters_ranges_and_curves() -> None:
    shared = {
        "attack": (0.001, 0.5, True),
        "decay": (0.005, 1, True),
        "sustain": (0, 1, False),
        "release": (0.005, 1, True),
    }
    expected = {
        "fm": {"modulation index": (0, 10, False), "modulation ratio": (0.25, 8, True), **shared},
        "granulator": {"frequency": (65.4064, 1046.502, True), "rate": (2, 100, True), **shared},
    }
    for name, knobs in expected.items():
        free = make_synth(name).space.free
        assert {p.name: (p.low, p.high, p.log) for p in free} == knobs
        assert [p.name for p in free] == list(knobs), "in the order a person would turn them"


@pytest.mark.parametrize("name", OURS)
def test_no_random_patch_is_silent_and_all_peak_alike(name: str) -> None:
    synth = make_synth(name)
    peaks = np.abs(synth.render(patches(synth, 300))).max(axis=1)
    assert peaks.min() >= AUDIBLE_PEAK
    assert peaks.max() <= 1 / 8 + 1e-3
    assert np.median(peaks) >= 1 / 32


@pytest.mark.parametrize("name", OURS)
def test_every_parameter_changes_the_sound(name: str) -> None:
    for effect in measure_effects(SoundMatchingTask(name), 12, settings=5):
        assert effect.audible == 1, effect
        assert effect.distance > 0.1, effect


def _render(name: str, rows: Native, pipe: "Connection[Audio, Audio]") -> None:
    pipe.send(make_synth(name).render(rows))


@pytest.mark.parametrize("name", OURS)
def test_the_same_parameters_render_the_same_bytes(name: str) -> None:
    synth = make_synth(name)
    rows = patches(synth, 30)
    first = synth.render(rows)
    np.testing.assert_array_equal(synth.render(rows[::-1])[::-1], first)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_render, args=(name, rows, theirs))
    process.start()
    np.testing.assert_array_equal(ours.recv(), first)
    process.join()


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_fm_is_in_tune_and_as_long_as_asked(rate: int) -> None:
    synth = make_synth("fm", note=69, sample_rate=rate, duration=1.1, hold=1.0)
    pure = synth.space.row({"modulation index": 0, "attack": 0.001, "sustain": 1})
    (audio,) = synth.render(pure[None])
    assert audio.shape == (round(1.1 * rate),)
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 8 * rate))
    assert spectrum.argmax() / 8 == pytest.approx(440, abs=0.5)
    assert np.abs(audio).max() == pytest.approx(1 / 8, rel=0.01)
    held = make_synth("fm", sample_rate=rate, hold=0.2, duration=1.0)
    row = held.space.row({"release": 0.005, "sustain": 1})
    assert np.abs(held.render(row[None])[0, round(0.25 * rate) :]).max() < 1e-4, "the gate closes"


def test_the_granulators_keywords_are_heard(tmp_path: Path) -> None:
    source = tmp_path / "noise.wav"
    rng = np.random.default_rng(0)
    soundfile.write(source, 0.1 * rng.standard_normal((48000, 2)), 48000)
    plain = make_synth("granulator")
    row = plain.space.row({})[None]
    for keywords in (
        {"source": str(source)},
        {"grain_length": 0.02},
        {"position_modulation": 1.0},
        {"overlaps": 2},
        {"seed": 7},
        {"note": 48},
    ):
        synth = make_synth("granulator", **keywords)
        assert not np.array_equal(synth.render(row), plain.render(row)), keywords
        np.testing.assert_array_equal(synth.render(row), make_synth("granulator", **keywords).render(row))


GRAINS: list[dict[str, Any]] = [
    {"grain_length": 0.02},
    {"position_modulation": 1.0},
    {"overlaps": 2},
    {"seed": 7},
]


@pytest.mark.parametrize("keywords", GRAINS)
def test_data_sets_and_models_of_other_grains_are_refused_by_name(
    keywords: dict[str, Any], tmp_path: Path
) -> None:
    ((name, value),) = keywords.items()
    plain, other = SoundMatchingTask("granulator"), SoundMatchingTask("granulator", **keywords)
    for task, own, says in (
        (other, {}, f"with grains {name} None, not {name} {value}; "),
        (plain, keywords, f"with grains {name} {value}, not {name} None; "),
    ):
        path, mine = tmp_path / str(len(own)), plain if task is other else other
        recipe = datasets.Recipe("Granulator-v0", ["multiresolution"], env_kwargs=own).random(2)
        datasets.make(path, recipe, progress=False)
        datasets.load_for(mine, path)
        with pytest.raises(SynthgymError, match=says):
            datasets.load_for(task, path)
        model = Origin.of(mine, "Granulator-v0", own)
        model.check(mine, Path("model.zip"))
        with pytest.raises(SynthgymError, match=says):
            model.check(task, Path("model.zip"))


def test_grains_that_are_the_defaults_go_unsaid() -> None:
    """As in data sets and models of before, which say nothing of grains."""
    by_default = make_synth("granulator")
    assert by_default.settings == make_synth("granulator", grain_length=0.1, overlaps=4).settings == {}
    assert make_synth("granulator", seed=7).settings == {"grains": {"seed": 7}}


PLAYED = 'hslider("freq", 1, 0, 2, 1) * button("gate")'
PROGRAM = """
import("stdfaust.lib");
freq = hslider("freq", 440, 20, 20000, 0.01);
gate = button("gate");
a = hslider("h:one/level[scale:log]", 0.5, 0.01, 1, 0.01);
b = hslider("h:two/level", 0.5, 0, 1, 0.01);
w = nentry("wave[style:menu{'sine':0;'saw':1}]", 1, 0, 1, 1);
o = vslider("octave", 0, -2, 2, 1);
s = checkbox("loud");
wide = os.osc(freq * 2 ^ o) + w * os.sawtooth(freq);
process = wide * gate * (a + b) * (1 + s) / 8 <: _, _;
"""


def write(folder: Path, code: str, name: str = "my.dsp") -> str:
    path = folder / name
    path.write_text(code)
    return str(path)


def test_a_program_of_ones_own(tmp_path: Path) -> None:
    env = gym.make("Faust-v0", dsp=write(tmp_path, PROGRAM))
    free = {p.name: p for p in synth_env(env).task.space.free}
    assert set(free) == {"one/level", "two/level", "wave", "octave", "loud"}
    assert free["one/level"].log
    assert not free["two/level"].log
    assert free["two/level"].step == 0.01
    assert (free["wave"].labels, free["wave"].default) == (("sine", "saw"), 1)
    assert (free["octave"].kind, free["octave"].low, free["octave"].high) == ("integer", -2, 2)
    assert free["loud"].labels == ("off", "on")
    _, info = env.reset(seed=0)
    assert info["start_distance"] > 0
    frozen = gym.make("Faust-v0", dsp=write(tmp_path, PROGRAM), frozen={"wave": "sine"})
    assert frozen.action_space.shape == (4,)


def test_imports_beside_the_program_and_sounds_are_found(tmp_path: Path) -> None:
    write(tmp_path, "level = 0.1;", "mine.lib")
    soundfile.write(tmp_path / "tone.wav", np.sin(np.arange(44100) * 0.05), 44100)
    dsp = write(
        tmp_path,
        'import("stdfaust.lib"); import("mine.lib"); freq = hslider("freq", 440, 20, 20000, 1);'
        'gate = button("gate"); x = hslider("speed", 1, 0.5, 2, 0.01);'
        'process = 0, int(ba.time * x * freq / 440) : soundfile("tone", 1) : !, !, _ : *(gate * level);',
    )
    synth = make_synth("faust", dsp=dsp, soundfiles={"tone": str(tmp_path / "tone.wav")})
    assert np.abs(synth.render(synth.space.row({})[None])).max() == pytest.approx(0.1, rel=0.05)
    with pytest.raises(SynthError, match="reads a sound 'tone'; give soundfiles"):
        make_synth("faust", dsp=dsp)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("process = foo;", r"my\.dsp does not compile: .*my\.dsp:1 : ERROR : undefined symbol : foo"),
        ("process = 1 :;", "does not compile: .*syntax error"),
        ("x = 1;", "does not compile"),
        ('process = hslider("gate", 0, 0, 1, 1) * hslider("x", 0, 0, 1, 0.1);', "has no freq"),
        ('process = hslider("freq", 1, 0, 2, 1) * hslider("x", 0, 0, 1, 0.1);', "has no gate"),
        ('process = hslider("x", 0, 0, 1, 0.1);', "has no freq and no gate"),
        ('process = hslider("freq", 1, 0, 2, 1) * button("gate");', "nothing to turn"),
        (
            'process = _ * hslider("freq", 1, 0, 2, 1) * button("gate") * hslider("x", 0, 0, 1, 0.1);',
            "1 inputs",
        ),
    ],
)
def test_programs_that_are_no_instruments_are_named(code: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SynthError, match=says):
        gym.make("Faust-v0", dsp=write(tmp_path, code))


def test_a_remainder_by_zero_costs_a_render_and_not_the_process(tmp_path: Path) -> None:
    """Faust's own remainder of whole numbers ends the process that divides by zero (SIGFPE)."""
    code = 'import("stdfaust.lib"); process = os.osc(hslider("freq", 440, 20, 20000, 1)) * button("gate")'
    by = 'int(hslider("by", 0, 0, 4, 1))'
    short = {"hold": 0.1, "duration": 0.1}
    synth = make_synth("faust", dsp=write(tmp_path, f"{code} * (1 + ba.time % {by});"), **short)
    three = write(tmp_path, f"{code} * (1 + ba.time % 3) + 1e-9 * {by};", "three.dsp")
    safe = make_synth("faust", dsp=three, **short)
    with pytest.raises(PluginCrashed, match="SIGFPE, twice"):
        synth.render(np.zeros((1, 1)))
    row = np.full((1, 1), 3.0)
    np.testing.assert_allclose(synth.render(row), safe.render(row), atol=1e-6)
    synth.close()


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"dsp": "nope.dsp"}, "no such Faust program"),
        ({"dsp": str(ROOT)}, "no such Faust program"),
        ({"dsp": "x" * 5000}, "no such Faust program"),
        ({"dsp": 5}, "dsp is the path of a Faust program; got 5"),
        ({"dsp": "nope.dsp", "soundfiles": 5}, "soundfiles is a dict of paths by label; got 5"),
    ],
)
def test_missing_programs_are_named(keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(SynthError, match=says):
        gym.make("Faust-v0", **keywords)


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"source": "nope.wav"}, "no such file"),
        ({"source": __file__}, "is not audio"),
        ({"grain_length": 0}, "grain_length must be a number from 0.005 to 10; got 0"),
        ({"overlaps": 2.5}, "overlaps must be a whole number"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"position_modulation": float("nan")}, "position_modulation"),
    ],
)
def test_bad_grains_are_named(keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(SynthgymError, match=says):
        gym.make("Granulator-v0", **keywords)


def test_a_silent_source_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "zero.wav", np.zeros(1000), 44100)
    with pytest.raises(SynthgymError, match="silent"):
        gym.make("Granulator-v0", source=str(tmp_path / "zero.wav"))


def test_controls_are_read_as_written() -> None:
    controls = read_program(PROGRAM, str(ROOT), "it").controls
    assert {"one/level", "two/level"} < {control.label for control in controls}
    assert [control.place for control in controls] == list(range(len(controls)))


VOICE = 'os.osc(hslider("freq", 440, 20, 2000, 1)) * button("gate") * {}'
LEVELS = (
    '(hslider("{}", .5, .1, 1, .01) + .01 * hslider("{}", .5, .1, 1, .01)) <: attach(_, vbargraph("m", 0, 1))'
)


@pytest.mark.parametrize("group", ["{}", 'vgroup("synth", {})', 'hgroup("Gruppe ä", vgroup("音", {}))'])
@pytest.mark.parametrize(
    "labels", [("loud", "soft"), ("Größe µ", "Große µ"), ("音量", "音色"), ("a b", "c-d.e")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_knob_is_what_it_is_called(
    group: str, labels: tuple[str, str], encoding: str, tmp_path: Path
) -> None:
    code = f'import("stdfaust.lib"); // ä "\nprocess = {group.format(VOICE.format(LEVELS.format(*labels)))};'
    if encoding == "latin-1" and "音" in code:
        pytest.skip("Latin-1 has no such letters")
    (tmp_path / "x.dsp").write_text(code, encoding=encoding)
    synth = FaustSynth(dsp=str(tmp_path / "x.dsp"), duration=0.1, hold=0.1)
    assert {p.name for p in synth.space.parameters} == set(labels)
    peaks = [np.abs(synth.render(synth.space.row({label: 1.0})[None])).max() for label in labels]
    assert peaks == pytest.approx([1.005, 0.51], abs=0.002)


def test_a_slider_of_one_value_stays_there(tmp_path: Path) -> None:
    level = 'hslider("fixed", .25, .25, .25, .01) * hslider("v", 1, .1, 1, .01)'
    (tmp_path / "x.dsp").write_text(f'import("stdfaust.lib"); process = {VOICE.format(level)};')
    synth = FaustSynth(dsp=str(tmp_path / "x.dsp"), duration=0.1, hold=0.1)
    assert synth.space.names == ("v",)
    assert np.abs(synth.render(synth.space.row({})[None])).max() == pytest.approx(0.25, abs=0.002)


@pytest.mark.parametrize("start", [2, -1])
def test_a_start_out_of_range_is_said_in_fausts_words(start: float, tmp_path: Path) -> None:
    level = f'hslider("v", {start}, .1, 1, .01)'
    (tmp_path / "x.dsp").write_text(f'import("stdfaust.lib"); process = {VOICE.format(level)};')
    with pytest.raises(SynthError, match=rf"x.dsp does not compile: .*init = {start} outside of \[0.1 1\]"):
        FaustSynth(dsp=str(tmp_path / "x.dsp"))


@pytest.mark.parametrize("instrument", ["pm.clarinet_ui_MIDI", "pm.djembe_ui_MIDI", "pm.guitar_ui_MIDI"])
def test_fausts_own_instruments_are_played(instrument: str, tmp_path: Path) -> None:
    (tmp_path / "x.dsp").write_text(f'import("stdfaust.lib"); process = {instrument};')
    synth = FaustSynth(dsp=str(tmp_path / "x.dsp"), duration=0.5, hold=0.3)
    audio = synth.render(np.repeat(synth.space.row({})[None], 2, axis=0))
    assert np.abs(audio[0]).max() > 0.01
    np.testing.assert_array_equal(*audio)


def test_where_small_numbers_are_zero_no_program_is_compiled() -> None:
    """Faust's compiler would abort the process."""

    def refused() -> str:
        torch.set_flush_denormal(True)
        with pytest.raises(SynthError) as raised:
            make_synth("fm")
        return str(raised.value)

    with ThreadPoolExecutor(1) as thread:
        assert "denormal numbers are zero in this thread" in thread.submit(refused).result()
    make_synth("fm").close()


STEPS = """
import resource, gymnasium as gym
env = {}
env.reset(seed=0)
def steps(count):
    for _ in range(count):
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()
steps(500)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
steps(5000)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("env_id", ["FM-v0", "Granulator-v0", "Faust-v0", PLUGIN_ID])
def test_memory_stays_flat(env_id: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", STEPS.format(source_of(env_id))], capture_output=True, text=True, check=True
    )
    assert float(result.stdout) < 20, "megabytes"


@pytest.mark.parametrize("env_id", ["FM-v0", "Granulator-v0"])
def test_what_a_program_of_ours_does_not_take_is_no_keyword(env_id: str) -> None:
    keywords: dict[str, Any]
    for keywords in ({"dsp": "x.dsp"}, {"soundfiles": {}}):
        (name,) = keywords
        with pytest.raises(UnknownNameError, match=f"unexpected keyword argument '{name}'") as raised:
            gym.make(env_id, **keywords)
        assert "dsp" not in str(raised.value).partition("known:")[2].split(", ")
