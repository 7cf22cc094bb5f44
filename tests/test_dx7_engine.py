"""The batched DX7 engine: dexed-py is the referee, and its bytes are the measure."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import PROCESSORS, printed

from synthgym.errors import SynthgymError
from synthgym.notes import Notes
from synthgym.parameters import Native
from synthgym.synths import Audio, dexed, dx7_engine, make_synth
from synthgym.synths.dx7_engine import sine
from synthgym.synths.dx7_engine.render import render as kernel

SPACE = make_synth("dexed", operators=6).space
AT = {name: i for i, name in enumerate(SPACE.names)}


def voices(kind: str, count: int, seed: int) -> Native:
    if kind == "human":
        synth = make_synth("dexed", operators=6)
        return synth.human_like([np.random.default_rng([seed, i]) for i in range(count)])
    rng = np.random.default_rng(seed)
    return SPACE.to_native(np.stack([SPACE.sample(rng) for _ in range(count)]))


def played(count: int, seed: int, longest: float = 1.0) -> Notes:
    rng = np.random.default_rng(seed)
    held = rng.uniform(0.01, longest, count)
    return np.stack([rng.integers(0, 128, count), rng.integers(1, 128, count), held], axis=1).astype(float)


def assert_like_dexed(native: Native, notes: Notes, **options: object) -> None:
    own, referee = (make_synth("dexed", operators=6, engine=e, **options) for e in ("batched", "dexed-py"))
    ours, theirs = own.render(native, notes), referee.render(native, notes)
    differ = np.flatnonzero((ours != theirs).any(axis=1))
    assert not len(differ), f"voices {differ[:9].tolist()} differ, by up to {np.abs(ours - theirs).max():g}"
    assert np.abs(theirs).max() > 0.01


@pytest.mark.parametrize("kind", ["human", "uniform"])
@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000, 96000])
def test_the_bytes_are_those_of_dexed_at_every_rate(rate: int, kind: str) -> None:
    assert_like_dexed(voices(kind, 90, rate), played(90, rate), sample_rate=rate)


def test_every_algorithm_with_every_feedback() -> None:
    native = voices("human", 256, 1)
    native[:, AT["ALGORITHM"]] = np.arange(256) // 8
    native[:, AT["FEEDBACK"]] = np.arange(256) % 8
    for number in range(1, 7):  # loud enough that feedback is heard
        native[:, AT[f"OP{number} OUTPUT LEVEL"]] = 80 + number
    assert_like_dexed(native, played(256, 1))


def test_every_wave_of_the_lfo() -> None:
    native = voices("human", 144, 2)
    number = np.arange(144)
    native[:, AT["LFO WAVE"]], native[:, AT["LFO KEY SYNC"]] = number % 6, number // 6 % 2
    native[:, AT["LFO DELAY"]] = np.array([0, 1, 30, 60, 80, 99])[number // 12 % 6]
    native[:, AT["LFO SPEED"]] = number * 99 // 143
    native[:, AT["LFO PM DEPTH"]], native[:, AT["LFO AM DEPTH"]] = 60, 70
    native[:, AT["P MODE SENS."]], native[:, AT["OP1 A MOD SENS."]] = 5, 3
    assert_like_dexed(native, played(144, 2))


@pytest.mark.parametrize(
    "options", [{"high_pass": False}, {"duration": 0.05, "hold": 0.01}, {"duration": 2.3}]
)
def test_without_the_filter_and_of_other_lengths(options: dict[str, object]) -> None:
    longest = float(str(options.get("duration", 1.0)))
    assert_like_dexed(voices("uniform", 20, 3), played(20, 3, longest), **options)


def test_extreme_voices() -> None:
    low, high = (np.array([getattr(p, end) for p in SPACE.parameters]) for end in ("low", "high"))
    rng = np.random.default_rng(4)
    native = np.where(rng.random((60, len(low))) < 0.5, low, high)
    native[0], native[1] = low, high
    native[2:, AT["OP1 OUTPUT LEVEL"]] = 99
    assert_like_dexed(native, played(60, 4))


def test_what_is_out_of_range_is_clamped() -> None:
    native = voices("human", 30, 7)
    native[:, AT["ALGORITHM"]], native[:, AT["FEEDBACK"]] = np.resize([32, 64, 255, -1, 100], 30), 9
    native[:, AT["PITCH EG LEVEL 1"]], native[:, AT["OP1 EG RATE 1"]] = 255, 300
    assert_like_dexed(native, played(30, 7))


def test_it_is_compiled_once_whatever_the_arrays_are() -> None:
    synth = make_synth("dexed", operators=6, engine="batched")
    native, notes = voices("human", 70, 8), played(70, 8)
    audio = synth.render(native, notes)
    np.testing.assert_array_equal(synth.render(np.asfortranarray(native), np.asfortranarray(notes)), audio)
    assert synth.render(native[::2], np.array([60.0, 100.0, 0.5])).shape == (35, 44100)
    assert len(kernel.signatures) == 1
    with pytest.raises(SynthgymError, match=r"\(B, 145\)"):
        synth.render(native[0])


def render(native: Native, notes: Notes) -> Audio:
    return make_synth("dexed", operators=6, engine="batched").render(native, notes)


def test_the_bytes_do_not_depend_on_batch_order_or_thread() -> None:
    native, notes = voices("human", 70, 5), played(70, 5)
    together = render(native, notes)
    np.testing.assert_array_equal(render(native[::-1], notes[::-1])[::-1], together)
    for size in (1, 3, 5, 17):
        parts = [render(native[i : i + size], notes[i : i + size]) for i in range(0, 70, size)]
        np.testing.assert_array_equal(np.concatenate(parts), together)
    with ThreadPoolExecutor(4) as threads:
        for audio in threads.map(render, [native] * 4, [notes] * 4):
            np.testing.assert_array_equal(audio, together)


def test_what_is_computed_is_what_the_tables_hold() -> None:
    computed = np.zeros((2, 1024), np.int32)
    sine.computed_tables(*computed)
    np.testing.assert_array_equal(computed, sine.tables())


def test_a_batch_is_as_large_as_its_memory_may_be() -> None:
    sizes = [make_synth("dexed", operators=1, duration=seconds).batch for seconds in (1.0, 4.0, 60.0)]
    assert sizes == [64, 23, 1]


def test_a_process_begins_with_dexed_py(monkeypatch: pytest.MonkeyPatch) -> None:
    synth, row = make_synth("dexed", operators=1), voices("human", 1, 6)
    monkeypatch.setattr(dexed.DexedSynth, "_rendered", 0)
    monkeypatch.setattr(dx7_engine, "render", None)  # would fail
    for _ in range(3):
        synth.render(row)
    monkeypatch.setattr(dexed.DexedSynth, "_rendered", dexed.SOON)
    with pytest.raises(TypeError):
        synth.render(row)


# Prints a digest of some sounds, which a process renders with the engine's code compiled anew.
DIGEST = """
import hashlib, numpy as np
from synthgym.synths import make_synth
synth = make_synth("dexed", operators=6, engine="batched")
native = synth.human_like([np.random.default_rng(i) for i in range(70)])
print(hashlib.sha256(synth.render(native).tobytes()).hexdigest())
"""


def digest(**environment: str) -> str:
    return printed(DIGEST, "-W", "error::RuntimeWarning", **environment)


def known() -> str:
    synth = make_synth("dexed", operators=6, engine="dexed-py")
    native = synth.human_like([np.random.default_rng(i) for i in range(70)])
    return hashlib.sha256(synth.render(native).tobytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSORS)
def test_the_bytes_do_not_depend_on_the_processor(name: str, tmp_path: Path) -> None:
    made = digest(NUMBA_CPU_NAME=name, NUMBA_CPU_FEATURES=PROCESSORS[name], NUMBA_CACHE_DIR=str(tmp_path))
    assert made == known()


@pytest.mark.slow
def test_processes_that_compile_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        jobs = [threads.submit(digest, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(3)]
        assert {job.result() for job in jobs} == {known()}
    (folder,) = (tmp_path / "compiled").glob(
        "synthgym.synths.dx7_engine*"
    )  # one, of this version and processor
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert digest(NUMBA_CACHE_DIR=str(tmp_path)) == known()
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before  # it was found


@pytest.mark.slow
def test_without_a_place_for_compiled_code_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = digest(NUMBA_CACHE_DIR=str(tmp_path / "file"))
    assert said.startswith(known())
    assert "cannot keep compiled code" in said
    assert "NUMBA_CACHE_DIR" in said
