import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dexed import DexedSynth as PublicEngine
from dexed import Patch

from synthgym.errors import PresetError, SynthgymError
from synthgym.parameters import Native
from synthgym.synths import make_synth
from synthgym.synths.dx7_parameters import PARAMETERS, voice_bytes
from synthgym.synths.dx7_voice import read_voices


def random_rows(count: int, seed: int = 0, operators: int = 6) -> Native:
    space = make_synth("dexed", operators=operators).space
    rng = np.random.default_rng(seed)
    return space.to_native(np.stack([space.sample(rng) for _ in range(count)]))


@pytest.mark.parametrize(("operators", "count"), [(1, 23), (2, 46), (3, 69), (4, 92), (5, 115), (6, 145)])
def test_number_of_parameters(operators: int, count: int) -> None:
    synth = make_synth("dexed", operators=operators)
    assert len(synth.space) == count
    assert len(set(synth.space.names)) == count
    assert len(synth.space.parameters) == 145


def test_the_rest_of_the_voice_is_init() -> None:
    frozen = make_synth("dexed", operators=1).space.frozen
    assert frozen["ALGORITHM"] == 17
    assert [frozen[f"OP{n} OUTPUT LEVEL"] for n in range(2, 7)] == [0] * 5
    assert frozen["PITCH EG LEVEL 1"] == 50
    assert make_synth("dexed", operators=1, algorithm=32).space.frozen["ALGORITHM"] == 31


def test_without_the_high_pass_a_render_is_an_eighth_of_the_engines_own() -> None:
    rows = random_rows(5)
    audio = make_synth("dexed", operators=6, high_pass=False).render(rows)
    engine = PublicEngine(44100)
    for row, sound in zip(rows, audio, strict=True):
        engine.load_patch(Patch.from_sysex(voice_bytes(row)))
        np.testing.assert_array_equal(sound, engine.render(60, 100, 0.7, 1.0) / 8)


def test_one_carrier_at_full_level_peaks_at_minus_18_dbfs() -> None:
    for high_pass, tolerance in ((False, 1e-3), (True, 0.03)):  # the filter overshoots where a note begins
        synth = make_synth("dexed", operators=1, high_pass=high_pass)
        audio = synth.render(synth.space.row({})[None])
        assert np.abs(audio).max() == pytest.approx(1 / 8, rel=tolerance)


def test_renders_do_not_depend_on_order_batch_or_copies() -> None:
    rows = random_rows(12)
    synth = make_synth("dexed", operators=6)
    together = synth.render(rows)
    for other in (synth, make_synth("dexed", operators=6), pickle.loads(pickle.dumps(synth))):
        backwards = np.concatenate([other.render(row[None]) for row in rows[::-1]])[::-1]
        np.testing.assert_array_equal(backwards, together)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
@pytest.mark.parametrize("duration", [0.5, 0.7, 1.1])
def test_length_and_pitch_at_every_rate(rate: int, duration: float) -> None:
    synth = make_synth("dexed", operators=1, note=69, sample_rate=rate, hold=0.5, duration=duration)
    (audio,) = synth.render(synth.space.row({})[None])
    assert audio.shape == (synth.samples,) == (round(rate * duration),)
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 8 * rate))
    assert spectrum.argmax() / 8 == pytest.approx(440, abs=1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sample_rate": 12000}, "sample_rate must be a whole number from 16000"),
        ({"operators": 7}, "operators must be a whole number from 1 to 6"),
        ({"algorithm": 0}, "from 1 to 32"),
        ({"algorithm": 33}, "from 1 to 32"),
        ({"operators": 6, "algorithm": 5}, "frozen="),
        ({"note": 128}, "0 to 127"),
        ({"velocity": 0}, "1 to 127"),
        ({"hold": 2.0}, "hold must be a number from 0.001 to 1; got 2.0"),
        ({"note": 60.0}, "note must be a whole number"),
        ({"high_pass": 1}, "high_pass must be True or False; got 1"),
        ({"duration": "1"}, "duration must be a number"),
        ({"operators": True}, "operators must be a whole number"),
        ({"sample_rate": float("inf")}, "sample_rate must be a whole number"),
        ({"duration": float("nan")}, "duration"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(SynthgymError, match=says):
        make_synth("dexed", **{"operators": 1, **options})


def test_a_written_voice_renders_the_same_bytes(tmp_path: Path) -> None:
    rows = random_rows(20, seed=3)
    synth = make_synth("dexed", operators=6)
    for i, row in enumerate(rows):
        path = tmp_path / f"{i}.syx"
        synth.save_preset(row, path)
        data = path.read_bytes()
        assert len(data) == 163
        assert data[:6] == bytes.fromhex("f0430000011b")
        assert data[-1] == 0xF7
        assert (sum(data[6:-1]) & 0x7F) == 0
        assert max(data[6:-1]) < 128
        (voice,) = read_voices(path)
        np.testing.assert_array_equal(voice.native, row)
        np.testing.assert_array_equal(synth.render(voice.native[None]), synth.render(row[None]))
        # The engine's own reader makes the same voice of it.
        engine = PublicEngine(44100)
        engine.load_patch(Patch.from_sysex(data[6:161]))
        plain = make_synth("dexed", operators=6, high_pass=False)
        np.testing.assert_array_equal(engine.render(60, 100, 0.7, 1.0) / 8, plain.render(row[None])[0])


@pytest.fixture
def bank(tmp_path: Path) -> tuple[Path, Native]:
    rows = random_rows(32, seed=4)
    path = tmp_path / "bank.syx"
    patches = [Patch.from_sysex(voice_bytes(row, f"VOICE {i}")) for i, row in enumerate(rows)]
    Patch.save_to_bank(str(path), patches)
    return path, rows


def test_a_bank_is_read(bank: tuple[Path, Native]) -> None:
    path, rows = bank
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        voices = read_voices(path)
    assert [v.name for v in voices] == [f"VOICE {i}" for i in range(32)]
    np.testing.assert_array_equal([v.native for v in voices], rows)
    path.write_bytes(path.read_bytes()[6:-2])
    assert len(read_voices(path)) == 32, "a bank without its frame"


def test_missing_files_and_wrong_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match=r"cannot read .*nope\.syx"):
        read_voices(tmp_path / "nope.syx")
    with pytest.raises(PresetError, match=r"are \.syx or \.json files"):
        make_synth("dexed", operators=6).save_preset(random_rows(1)[0], tmp_path / "x.fxp")
    assert list(tmp_path.iterdir()) == []


def test_names_and_ranges_are_the_plugins() -> None:
    """The names under which issue 3 finds them in the plugin; ranges from the DX7's manual."""
    by_name = {p.name: p for p in PARAMETERS}
    assert len(by_name) == 145
    for name, high in {"OP6 F COARSE": 31, "ALGORITHM": 31, "TRANSPOSE": 48, "LFO WAVE": 5}.items():
        assert by_name[name].high == high
