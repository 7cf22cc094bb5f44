"""Rendering on a GPU, without one: the kernel in Numba's simulator, and all compiled for the processor."""

import sys
import types
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import torch
from conftest import printed
from numba import njit
from numpy.typing import NDArray
from test_dx7_engine import AT, played, voices

from synthgym.errors import SynthgymError
from synthgym.features import distance, make_features
from synthgym.features.on_torch import TorchMultiResolution
from synthgym.notes import Notes
from synthgym.parameters import Native
from synthgym.synths import Audio, dx7_parameters, make_synth
from synthgym.synths.dx7_engine import pressed, sine, tables
from synthgym.synths.dx7_engine.clock import clock
from synthgym.synths.dx7_engine.high_pass import step
from synthgym.synths.dx7_engine.one_voice import COMMON, OPERATORS, State, one_voice_through
from synthgym.task import SoundMatchingTask

SHORT: dict[str, Any] = {"duration": 0.03, "hold": 0.02}
simulator = pytest.mark.skipif(
    find_spec("numba.cuda") is None, reason="this Numba has no CUDA, nor a simulator"
)


def varied() -> tuple[Native, Notes]:
    """Voices with all that is special, and their notes."""
    native, notes = voices("human", 12, 9), played(12, 9, 0.025)
    native[:, AT["ALGORITHM"]] = [3, 5, 31, 0, 15, 3, 21, 5, 17, 24, 31, 7]
    native[:, AT["FEEDBACK"]] = [7, 6, 5, 0, 7, 3, 7, 0, 2, 7, 1, 4]
    native[:, AT["LFO WAVE"]], native[:, AT["LFO SPEED"]] = np.arange(12) % 6, 99
    native[:, AT["LFO PM DEPTH"]], native[:, AT["LFO AM DEPTH"]], native[:, AT["LFO DELAY"]] = 60, 70, 0
    native[:, AT["P MODE SENS."]], native[:, AT["OP1 A MOD SENS."]] = 5, 3
    native[4:8, AT["PITCH EG LEVEL 1"]], native[4:8, AT["PITCH EG RATE 2"]] = 90, 80
    native[8:, AT["OP2 MODE"]] = 1
    for number in range(1, 7):
        native[:, AT[f"OP{number} OUTPUT LEVEL"]] = 80 + number
    return native, notes


# Saves what the simulator renders. Python runs the rules that are shared with the processor's engine, too.
SIMULATED = """
import os, sys, numpy as np, torch
sys.path.insert(0, "tests")
from test_cuda import SHORT, varied
from synthgym.patches import PatchStream
from synthgym.synths import make_synth
from synthgym.task import SoundMatchingTask
saved, cpu = {}, torch.device("cpu")
for high_pass, step in ((True, 1), (False, 4)):
    synth = make_synth("dexed", operators=6, high_pass=high_pass, **SHORT)
    native, notes = varied()
    saved[f"audio {high_pass}"] = synth.render_on(cpu, native[::step], notes[::step])
task = SoundMatchingTask(
    "dexed", operators=1, rendering="cuda", more_features=["pooled-multiresolution"], **SHORT
)
task.renderer._worker.rows = 2  # several launches
unit = task.space.sample(np.random.default_rng(0), 5)
saved["feature"], saved["pooled"] = task.render(unit).features
saved["with audio"], saved["again"] = (found := task.render(unit, audio=True)).audio, found.features[0]
patches = task.make_patches(PatchStream("train", 3).ids(range(3)))
saved["unit"], saved["patches"] = patches.unit, patches.rendered.features[0]
saved["renders"], saved["cost"] = task.meter.renders, patches.renders.sum()
np.savez(os.environ["OUT"], **saved)
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[Any]]:
    path = tmp_path_factory.mktemp("cuda") / "simulated.npz"
    printed(SIMULATED, OUT=str(path), NUMBA_ENABLE_CUDASIM="1", NUMBA_DISABLE_JIT="1")
    return dict(np.load(path))


@simulator
@pytest.mark.parametrize("high_pass", [True, False])
def test_the_kernel_has_the_bytes_of_the_processor(simulated: dict[str, Any], high_pass: bool) -> None:
    synth = make_synth("dexed", operators=6, engine="dexed-py", high_pass=high_pass, **SHORT)
    native, notes = varied()
    step = 1 if high_pass else 4
    expected = synth.render(native[::step], notes[::step])
    assert (np.abs(expected).max(axis=1) > 0.001).all()
    np.testing.assert_array_equal(simulated[f"audio {high_pass}"], expected)


@simulator
def test_a_task_renders_on_it(simulated: dict[str, Any]) -> None:
    options: dict[str, Any] = {"operators": 1, "more_features": ["pooled-multiresolution"], **SHORT}
    task = SoundMatchingTask("dexed", **options)
    unit = task.space.sample(np.random.default_rng(0), 5)
    expected = task.render(unit, audio=True)
    np.testing.assert_array_equal(simulated["with audio"], expected.audio)
    assert distance(simulated["feature"], expected.features[0]).max() < 1e-4
    assert distance(simulated["pooled"], expected.features[1]).max() < 1e-4
    assert distance(simulated["again"], simulated["feature"]).max() < 1e-5, "of another batch"
    patches = task.render(simulated["unit"]).features[0]
    assert distance(simulated["patches"], patches).max() < 1e-4
    assert simulated["renders"] == 10 + simulated["cost"]


MORE = """
import os, sys, gymnasium as gym, numpy as np, synthgym
sys.path.insert(0, "tests")
from synthgym import datasets
from synthgym.task import SoundMatchingTask
from test_cuda import SHORT
def native(rendering):
    return gym.make_vec("Dexed1Op-v0", 2, rendering=rendering, **SHORT)
ours, theirs = native("cuda"), native("inline")
a, b = ours.reset(seed=1)[0], theirs.reset(seed=1)[0]
assert np.abs(a - b).max() < 1e-4
ours.action_space.seed(0)
action = ours.action_space.sample()
a, b = ours.step(action), theirs.step(action)
assert np.abs(a[0] - b[0]).max() < 1e-4 and np.abs(a[1] - b[1]).max() < 1e-4
assert ours.unwrapped.task.meter == theirs.unwrapped.task.meter
for rendering in ("cuda", "inline"):
    recipe = datasets.Recipe(
        "Dexed1Op-v0", ["logmel", "multiresolution"], env_kwargs=SHORT, rendering=rendering, dtype="float32"
    )
    datasets.make(f"{os.environ['OUT']}/{rendering}", recipe.random(2), progress=False)
ours, theirs = (datasets.load(f"{os.environ['OUT']}/{rendering}") for rendering in ("cuda", "inline"))
assert ours.cost() == theirs.cost()
np.testing.assert_array_equal(ours.native(), theirs.native())
for name in ("logmel", "multiresolution"):
    a, b = (each._open(f"features/{name}")[:] for each in (ours, theirs))
    np.testing.assert_allclose(a, b, atol=1e-4)
print("made")
"""


@simulator
@pytest.mark.slow
def test_environments_and_data_sets_render_on_it(tmp_path: Path) -> None:
    assert "made" in printed(MORE, OUT=str(tmp_path), NUMBA_ENABLE_CUDASIM="1")


class Compiled:
    """The kernel's voice, compiled for the processor."""

    def __init__(self) -> None:
        one_voice = njit(one_voice_through(step))

        @njit
        def render(voices, keys, held, at_rate, pole, sines, powers, state, audio):  # type: ignore[no-untyped-def]
            for i in range(len(voices)):
                one_voice(
                    voices[i],
                    keys[i, 0],
                    keys[i, 1],
                    at_rate,
                    held[i],
                    pole,
                    sines,
                    powers,
                    state,
                    audio[:, i],
                )

        self._render = render

    def __call__(self, native: Native, notes: Notes, rate: int, high_pass: float) -> Audio:
        rows = np.frombuffer(dx7_parameters.voice_bytes(native), np.uint8).reshape(-1, 155).astype(np.int64)
        keys, held, pole = pressed(notes, rate, high_pass)
        whole: list[Any] = [np.full(s, 77, np.int64) for s in (OPERATORS, COMMON, (6, 2), (6, 1), (3, 1))]
        state = State(*whole, *(np.full(6, 77, np.int32) for _ in range(5)))
        audio = np.empty((rate, len(rows)), np.float32)
        self._render(rows, keys, held, clock(rate), pole, *sine.tables(), state, audio)
        return audio.T


@pytest.mark.slow
def test_compiled_for_the_processor_it_has_the_same_bytes_for_every_algorithm_and_feedback() -> None:
    render = Compiled()
    for kind in ("human", "uniform"):
        for rate in (16000, 44100, 96000):
            native, notes = voices(kind, 256, rate + 1), played(256, rate + 1)
            native[:, AT["ALGORITHM"]], native[:, AT["FEEDBACK"]] = np.arange(256) // 8, np.arange(256) % 8
            high_pass = rate != 16000
            synth = make_synth("dexed", operators=6, engine="batched", sample_rate=rate, high_pass=high_pass)
            found = render(native, notes, rate, 126.0 if high_pass else 0.0)
            np.testing.assert_array_equal(found, synth.render(native, notes))


@pytest.mark.slow
def test_it_compiles_to_ptx(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthgym.synths.dx7_engine import on_cuda

    cuda = on_cuda.cuda
    if cuda.implementation != "NVIDIA" or not cuda.cudadrv.nvvm.is_available():
        pytest.skip("numba-cuda, or its libNVVM, is not installed")
    card = types.SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: card)
    whole, small = numba.int64, numba.int32
    signature = numba.void(
        *(numba.uint8[:, ::1], whole[:, ::1], whole[::1], whole[::1], whole[::1], small[::1], small[::1]),
        *(numba.float64, numba.float32[:, ::1]),
    )
    ptx, _ = cuda.compile_ptx(on_cuda.kernel.py_func, signature, cc=(9, 0))
    assert "mul.rn.f64" in ptx, "the high-pass's product is rounded before it is subtracted"
    assert "call" not in ptx


def exponents() -> Iterator[tuple[NDArray[np.floating], NDArray[np.floating]]]:
    """All that can be cut to an integer after an exponential, in 64 bits of mantissa and in 53."""
    exact = np.longdouble
    for first in range(-64, tables.ONE + 64, 1 << 21):  # of ``_damping``
        depth = np.arange(first, min(first + (1 << 21), tables.ONE + 64)).astype(np.float32)
        argument = (depth / np.float32(262144)).astype(np.float64)
        value = np.exp(argument.astype(exact) * exact(0.07) + exact(12.2))
        yield value, np.exp(argument * 0.07 + 12.2)
    pitch = tables.NOTE_0 + tables.ONE // 12 * np.arange(128)[:, None]  # of ``_pitch``
    octaves = (pitch.astype(np.float32) / np.float32(tables.ONE)).astype(np.float64)
    detune = np.arange(-7, 8)[None, :]
    wide = exact(0.0209) * np.exp(exact(-0.396) * octaves) / 7 * pitch * detune + pitch
    near = pitch + 0.0209 * np.exp(-0.396 * octaves) / 7 * pitch * detune
    moved = np.broadcast_to(detune != 0, near.shape)  # without detune it is exact
    yield wide[moved], near[moved]
    fine = np.arange(1, 100)
    cents = exact(24204406.323123) * np.log1p(exact(0.01) * fine) + exact(0.5)
    yield cents, 24204406.323123 * np.log(1 + 0.01 * fine) + 0.5


@pytest.mark.slow
@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="long double is no longer than double")
def test_no_integer_depends_on_how_an_exponential_is_rounded() -> None:
    """A GPU's exponential and logarithm err by a unit in the last place, and it may round a * b + c once."""
    for wide, near in exponents():
        units = np.abs(wide - np.rint(wide)) / np.spacing(near)
        assert units.min() > 10
        np.testing.assert_array_equal(np.trunc(wide), np.trunc(near))


@pytest.mark.parametrize(
    ("rate", "samples"),
    [(44100, 44100), (16000, 16000), (48000, 30001), (96000, 50000), (22050, 900), (44100, 2048)],
)
def test_the_feature_by_torch(rate: int, samples: int) -> None:
    seconds = samples / rate
    synth = make_synth("dexed", operators=6, sample_rate=rate, duration=seconds, hold=seconds)
    audio = synth.render(voices("human", 12, 4))
    audio[0] = 0
    audio[1] = np.random.default_rng(0).uniform(-1, 1, samples)
    (feature,) = make_features(["multiresolution"], rate, samples)
    compute = TorchMultiResolution(feature, torch.device("cpu"))  # type: ignore[arg-type]
    found, expected = compute(torch.from_numpy(audio)).numpy(), feature(audio)
    assert found.shape == expected.shape
    assert not found[0].any()
    assert distance(found, expected).max() < 1e-4
    others = np.abs(distance(found, found[::-1]) - distance(expected, expected[::-1]))
    assert others.max() < 1e-4
    transposed = compute(torch.from_numpy(audio.T.copy()).T).numpy()
    np.testing.assert_allclose(transposed, found, atol=1e-5)


def test_the_precision_that_somebody_set_is_left_as_it_was() -> None:
    backends: Any = torch.backends
    operations = backends.cuda.matmul, backends.cudnn.conv
    before = [each.fp32_precision for each in operations]
    (feature,) = make_features(["multiresolution"], 44100, 2048)
    compute = TorchMultiResolution(feature, torch.device("cpu"))  # type: ignore[arg-type]
    try:
        operations[0].fp32_precision = "tf32"
        compute(torch.zeros((1, 2048)))
        assert [each.fp32_precision for each in operations] == ["tf32", before[1]]
    finally:
        operations[0].fp32_precision = before[0]


def test_nothing_else_imports_it() -> None:
    code = "import sys, synthgym; from synthgym.task import SoundMatchingTask as T; T('dexed', operators=1); "
    assert printed(code + "print([m for m in ('numba.cuda', 'torch') if m in sys.modules])") == "[]"


def test_what_cannot_be_rendered_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SynthgymError, match="renders the Dexed ids, by their own engine, not FMSynth; give"):
        SoundMatchingTask("fm", rendering="cuda")
    fm = SoundMatchingTask("fm").synth
    with pytest.raises(SynthgymError, match="does not render on a GPU"):
        fm.render_on(torch.device("cpu"), np.zeros((1, 6)), fm.note.rows(1))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SynthgymError, match=r'pip install "synthgym\[cuda\]"'):
        SoundMatchingTask("dexed", operators=1, rendering="cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_without_a_device_it_says_so() -> None:
    with pytest.raises(SynthgymError, match="numba-cuda"):
        SoundMatchingTask("dexed", operators=1, rendering="cuda")
