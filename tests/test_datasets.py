"""Data sets: the bytes do not depend on who makes them, when, or how often they are stopped."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, TABLE_IDS, example, make_task
from torch.utils.data import DataLoader

from synthgym import datasets
from synthgym.errors import PresetError, SynthgymError
from synthgym.patches import AUDIBLE_PEAK, HELD_OUT, HeldOutStream, PatchStream
from synthgym.synths import dx7_voice

# Short notes, so that a set of several blocks is made in seconds; 128 items of audio are a block.
SHORT = {"duration": 0.1, "hold": 0.05}
FEATURES = ["logmel", "mfcc-13"]


def recipe(env_id="FM-v0", **keywords):
    keywords.setdefault("rendering", "inline")
    env_kwargs = {**example(env_id), **SHORT, **keywords.pop("env_kwargs", {})}
    return datasets.Recipe(env_id, keywords.pop("features", FEATURES), env_kwargs=env_kwargs, **keywords)


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module", autouse=True)
def small():
    """Blocks of at most 256 items, and 60 test patches, so that sets are made in seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synthgym.datasets.recipe._MOST_ITEMS", 256)
        patch.setattr("synthgym.datasets.making.HELD_OUT", 60)
        yield


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A set of three blocks, made in one go."""
    folder = tmp_path_factory.mktemp("reference") / "set"
    assert datasets.make(folder, recipe().random(600, seed=1), progress=False) == 600
    return folder


@pytest.fixture
def copied(reference, tmp_path):
    return Path(shutil.copytree(reference, tmp_path / "set"))


@pytest.mark.parametrize("env_id", TABLE_IDS)
def test_every_environment_makes_audible_sets_free_of_test_patches(env_id, tmp_path):
    made = recipe(env_id, audio=True, dtype="float32", env_kwargs={"duration": 0.5, "hold": 0.3}).random(20)
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    assert len(kept) == 20
    task = made.task
    rendered = task.render(kept.parameters[:], audio=True)
    np.testing.assert_array_equal(kept.audio[:], rendered.audio)
    for name, features in zip(FEATURES, rendered.features, strict=True):
        np.testing.assert_array_equal(kept.features[name][:], features)
    assert (np.abs(kept.audio[:]).max(axis=1) >= AUDIBLE_PEAK).all()
    assert (kept.renders[:] >= 1).all()
    held_out = task.make_patches(HeldOutStream().ids(range(50))).unit
    held_out = {row.tobytes() for row in task.space.to_native(held_out)}
    assert held_out.isdisjoint(row.tobytes() for row in task.space.to_native(kept.parameters[:]))


@pytest.mark.parametrize(("rendering", "workers"), [("threads", 2), ("processes", 2), ("threads", 5)])
def test_any_number_of_workers_makes_the_same_bytes(reference, tmp_path, rendering, workers):
    datasets.make(
        tmp_path / "set", recipe(rendering=rendering, workers=workers).random(600, seed=1), progress=False
    )
    assert files(tmp_path / "set") == files(reference)


def test_items_depend_on_seed_and_number_only(reference, tmp_path):
    datasets.make(tmp_path / "set", recipe(features=["mfcc-13"]).random(300, seed=1), progress=False)
    datasets.make(tmp_path / "other", recipe(features=["mfcc-13"]).random(300, seed=2), progress=False)
    full, part, other = map(datasets.load, (reference, tmp_path / "set", tmp_path / "other"))
    np.testing.assert_array_equal(full.parameters[:300], part.parameters[:])
    np.testing.assert_array_equal(full.features["mfcc-13"][:300], part.features["mfcc-13"][:])
    assert not (full.parameters[:300] == other.parameters[:]).all(axis=1).any()


def test_a_set_grows_to_the_same_bytes(reference, tmp_path):
    folder = tmp_path / "set"
    # A block that was not whole is made again.
    for size, made in [(100, 100), (256, 256), (400, 144), (600, 344)]:
        assert datasets.make(folder, recipe().random(size, seed=1), progress=False) == made
        assert len(datasets.load(folder)) == size
    assert files(folder) == files(reference)
    assert datasets.make(folder, recipe().random(600, seed=1), progress=False) == 0


def test_the_split_is_stable_and_about_a_tenth(reference):
    split = datasets.load(reference).split[:]
    source = datasets.Random(100_000, seed=1)
    large = source.split(0, 100_000)
    np.testing.assert_array_equal(split, large[:600])
    np.testing.assert_array_equal(source.split(77, 1234), large[77:1234])
    assert 0.09 < (large == 1).mean() < 0.11
    assert set(large) == {0, 1}
    assert (datasets.Random(100_000, seed=2).split(0, 1000) != large[:1000]).any()


def test_human_like_items_are_a_function_of_seed_and_number(tmp_path):
    recipe = datasets.Recipe("Dexed2Op-v0", env_kwargs={"duration": 0.1, "hold": 0.1}, rendering="inline")
    source = recipe.human_like(600).source
    task = recipe.task
    some = source.job(task, 0, 600, frozenset()).near
    np.testing.assert_array_equal(source.job(task, 250, 270, frozenset()).near, some[250:270])
    assert (datasets.HumanLike(task, 600, seed=1).job(task, 0, 20, frozenset()).near != some[:20]).any()
    algorithm = task.space.to_native(some)[:, -1]
    assert (algorithm == 17).all(), "the environment's own"
    datasets.make(tmp_path / "whole", recipe.human_like(60), progress=False)
    datasets.make(tmp_path / "grown", recipe.human_like(40), progress=False)
    datasets.make(tmp_path / "grown", recipe.human_like(60), progress=False)
    whole, grown = (datasets.load(tmp_path / name) for name in ("whole", "grown"))
    np.testing.assert_array_equal(whole.parameters[:], grown.parameters[:])
    np.testing.assert_array_equal(whole.features["logmel"][:], grown.features["logmel"][:])
    itself = (whole.parameters[:] == some[:60]).all(axis=1)
    assert itself.mean() > 0.5, "most are heard as they were drawn"
    with pytest.raises(SynthgymError, match="not known what patches people make with FMSynth"):
        datasets.Recipe("FM-v0").human_like(10)


DAMAGES = {
    "a byte flipped": lambda p: p.write_bytes(
        bytes(b ^ (i == len(p.read_bytes()) // 2) for i, b in enumerate(p.read_bytes()))
    ),
    "half written": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
    "empty": lambda p: p.write_bytes(b""),
    "zeros": lambda p: p.write_bytes(bytes(p.stat().st_size)),
    "its index damaged": lambda p: p.write_bytes(p.read_bytes()[:-1] + b"?"),
    "missing": lambda p: p.unlink(),
    "left over": lambda p: p.with_suffix(".0.partial").write_bytes(b"x"),
}


@pytest.mark.parametrize("array", ["features/logmel", "split"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_chunks_are_found_and_made_again(copied, reference, array, damage):
    for block, size in ((1, 256), (2, 88)):
        shard = copied / array / "c" / str(block)
        shard = next(p for p in (shard, shard / "0", shard / "0" / "0") if p.is_file())
        DAMAGES[damage](shard)
        again = datasets.make(copied, recipe().random(600, seed=1), progress=False)
        assert again == (0 if damage == "left over" else size)
    assert files(copied) == files(reference)


SCRIPT = [sys.executable, str(ROOT / "scripts" / "make_dataset.py")]
COMMAND = ["--env", "Dexed1Op-v0", "--size", "6000", "--features", "pooled-logmel", "--env-kwargs"]
COMMAND += [f"{name}={value}" for name, value in SHORT.items()]


@pytest.mark.slow
@pytest.mark.parametrize("backend", [["--workers", "1"], ["--workers", "2"], ["--backend", "processes"]])
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path, backend):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    begun = time.monotonic()
    subprocess.run([*SCRIPT, *COMMAND, "--out", whole], check=True, capture_output=True)
    seconds = time.monotonic() - begun
    command = [*SCRIPT, *COMMAND, "--out", killed, *backend]
    kills = 0
    for share in (0.2, 0.4, 0.6, 0.8, None):
        making = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            assert making.wait(share and share * seconds) == 0
        except subprocess.TimeoutExpired:
            making.send_signal(signal.SIGKILL)
            making.wait()
            kills += 1
    assert kills >= 2
    assert files(killed) == files(whole)


@pytest.mark.parametrize("moment", ["before the manifest", "before an array", "before a group's json"])
def test_killed_while_it_opens(tmp_path, reference, moment):
    """What a kill between two files leaves behind."""
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "manifest.json.partial").write_text("{")
    if moment != "before the manifest":
        shutil.copy(reference / "manifest.json", folder)
        shutil.copy(reference / "zarr.json", folder)
    if moment == "before a group's json":
        shutil.copytree(reference / "features" / "logmel", folder / "features" / "logmel")
    datasets.make(folder, recipe().random(600, seed=1), progress=False)
    assert files(folder) == files(reference)


def test_an_unfinished_set_has_no_pairs(tmp_path, reference):
    folder = tmp_path / "set"
    shutil.copytree(reference, folder)
    for array in ("split", "parameters"):
        shard = folder / array / "c" / "1"
        (shard if shard.is_file() else shard / "0").unlink()
    kept = datasets.load(folder)
    assert (kept.split[256:512] == 2).all()
    assert len(kept.torch()) + len(kept.torch(split="validation")) == 600 - 256


def test_interrupted_it_says_so(tmp_path):
    log = tmp_path / "log"
    with log.open("w") as stderr:
        command = [*SCRIPT, "--env", "FM-v0", "--size", "1000000", "--out", tmp_path / "set"]
        making = subprocess.Popen(command, stderr=stderr)
        while "making" not in log.read_text():
            assert making.poll() is None
            time.sleep(0.2)
        making.send_signal(signal.SIGINT)
        assert making.wait(60) == 130
    assert log.read_text().splitlines()[-1].endswith("interrupted")
    assert "Traceback" not in log.read_text()


def test_a_full_disk_loses_nothing(tmp_path, reference):
    """A file-size limit stands for the full disk: the same call fails, with another number."""
    folder = tmp_path / "set"
    datasets.make(folder, recipe().random(256, seed=1), progress=False)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    usual = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))
    try:
        with pytest.raises(SynthgymError, match=r"cannot write to .*set: .*what was written is kept"):
            datasets.make(folder, recipe().random(600, seed=1), progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, usual)
    assert not list(folder.rglob("*.partial"))
    assert datasets.make(folder, recipe().random(600, seed=1), progress=False) <= 344
    assert files(folder) == files(reference)


def test_a_grid_is_every_combination_once_and_training_data(tmp_path):
    free = [p.name for p in make_task("FM-v0").space.free][:3]
    made = recipe(env_kwargs={"parameters": free}).grid(5)
    assert datasets.make(tmp_path / "set", made, progress=False) == 125
    kept = datasets.load(tmp_path / "set")
    levels = np.linspace(0, 1, 5)
    expected = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    np.testing.assert_allclose(kept.parameters[:], expected, atol=1e-3)
    assert not kept.split[:].any()
    assert len(kept.torch(split="validation")) == 0
    rendered = made.task.render(kept.parameters[100:110])
    np.testing.assert_array_equal(kept.features["logmel"][100:110], rendered.features[0].astype(np.float16))


def test_a_grid_of_few_values_has_no_more_than_there_are():
    made = recipe("Dexed6Op-v0", env_kwargs={"parameters": ["FEEDBACK", "ALGORITHM", "OP1 F FINE"]}).grid(11)
    assert made.source.size == 8 * 11 * 11
    assert recipe().grid(11).source.size == 1_771_561


# So few combinations that many are test patches.
TINY = {"parameters": ["TRANSPOSE", "FEEDBACK"], "frozen": {"OP1 OUTPUT LEVEL": 99}}


@pytest.fixture
def half_held_out(monkeypatch):
    """Test patches that are some of 392 combinations."""
    for module in ("synthgym.targets", "synthgym.datasets.making"):
        monkeypatch.setattr(f"{module}.HELD_OUT", 200)


def held_out_rows(task):
    units = task.make_patches(HeldOutStream().ids(range(200))).unit
    return {row.tobytes() for row in task.space.to_native(units)}


def test_no_test_patch_ever_enters_a_random_set(tmp_path, half_held_out):
    made = recipe("Dexed1Op-v0", env_kwargs=TINY).random(300)
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    rows = {row.tobytes() for row in made.task.space.to_native(kept.parameters[:])}
    held_out = held_out_rows(made.task)
    assert len(held_out) > 100
    assert held_out.isdisjoint(rows)
    patches = made.task.make_patches(datasets.Random(300).job(made.task, 0, 300, frozenset()).items).unit
    met = np.array([row.tobytes() in held_out for row in made.task.space.to_native(patches)])
    assert 50 < met.sum() < 250
    np.testing.assert_array_equal(kept.parameters[:][~met], patches[~met])
    rendered = made.task.render(kept.parameters[:]).features[0]
    np.testing.assert_array_equal(kept.features["logmel"][:], rendered.astype(np.float16))


def test_test_patches_are_left_out_of_a_grid(tmp_path, half_held_out):
    made = recipe("Dexed1Op-v0", env_kwargs=TINY).grid(49)
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    held_out = held_out_rows(made.task)
    left_out = kept.split[:] == 2
    assert left_out.sum() == len(held_out)
    assert not kept.features["logmel"][:][left_out].any()
    assert len(kept.torch()) == (~left_out).sum()
    rows = {row.tobytes() for row in made.task.space.to_native(kept.parameters[:][~left_out])}
    assert held_out.isdisjoint(rows)


@pytest.fixture(scope="module")
def banks(tmp_path_factory):
    """Eighty voices in a bank, single voices and a packed file, two of them the same, one silent."""
    folder = tmp_path_factory.mktemp("banks")
    task = recipe("Dexed6Op-v0").task

    units = task.make_patches(PatchStream("pool", 5).ids(range(70))).unit
    rows = task.space.to_native(units)
    from dexed import Patch

    packed = [Patch.from_sysex(dx7_voice.voice_bytes(row) + b"\x3f").to_packed() for row in rows]
    (folder / "bank.syx").write_bytes(b"".join(packed[:32]))
    (folder / "more").mkdir()
    (folder / "more" / "packed.dx7").write_bytes(b"".join(packed[32:69]))
    dx7_voice.write_syx(folder / "a single.syx", rows[69])
    dx7_voice.write_syx(folder / "again.SYX", rows[69])
    dx7_voice.write_syx(
        folder / "silent.syx", task.space.row({f"OP{i} OUTPUT LEVEL": 0 for i in range(1, 7)})
    )
    (folder / "broken.syx").write_bytes(b"no voice")
    (folder / "read me.txt").write_text("not a preset")
    return folder


def test_sets_of_presets(tmp_path, banks):
    made = recipe("Dexed6Op-v0").presets(banks, jitter=0.05, size=210, seed=3)
    assert made.source.describe()["presets"] == 70
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    units, split = kept.parameters[:], kept.split[:]
    first = made.task.space.to_native(units[0])
    np.testing.assert_array_equal(first, dx7_voice.read_syx(banks / "a single.syx")[0].native)
    # Variations are near their voice, other voices are not; and on its side of the split.
    distances = np.abs(units[70:140, None] - units[None, :70]).mean(axis=2)
    assert (distances.argmin(axis=1) == np.arange(70)).all()
    assert (distances.min(axis=1) > 0).all()
    assert np.median(distances.min(axis=1)) < 0.06
    np.testing.assert_array_equal(split[:70], split[70:140])
    assert 0 < split[:70].sum() < 20
    datasets.make(tmp_path / "other", recipe("Dexed6Op-v0").presets(banks), progress=False)
    np.testing.assert_array_equal(datasets.load(tmp_path / "other").parameters[:], units[:70])


def test_presets_of_any_synth(tmp_path):
    task = make_task("FM-v0")
    for i in range(3):
        row = task.space.to_native(np.full(6, 0.3 + 0.1 * i, np.float32))
        task.synth.save_preset(row, tmp_path / "presets" / f"{i}.json")
    made = recipe().presets(tmp_path / "presets")
    datasets.make(tmp_path / "set", made, progress=False)
    np.testing.assert_allclose(datasets.load(tmp_path / "set").parameters[:, 0], [0.3, 0.4, 0.5], atol=1e-6)


def test_reading(reference):
    kept = datasets.load(reference)
    frame = kept.frame(10, 20)
    assert list(frame.columns) == list(kept.space.names)
    assert list(frame.index) == list(range(10, 20))
    np.testing.assert_allclose(frame.to_numpy(), kept.native(10, 20))
    assert len(kept.frame()) == 600
    assert kept.audio is None
    train, validation = kept.torch("mfcc-13"), kept.torch("mfcc-13", "validation")
    assert len(train) + len(validation) == 600
    numbers = np.flatnonzero(kept.split[:] == 1)
    features, parameters = validation[3]
    np.testing.assert_array_equal(features.numpy(), kept.features["mfcc-13"][int(numbers[3])])
    np.testing.assert_array_equal(parameters.numpy(), kept.parameters[int(numbers[3])])
    with pytest.raises(IndexError):
        validation[len(validation)]
    loader = DataLoader(train, batch_size=100, shuffle=True, num_workers=2)
    seen = np.concatenate([batch[1].numpy() for batch in loader])
    everything = kept.parameters[:][kept.split[:] == 0]
    np.testing.assert_array_equal(np.sort(seen, axis=0), np.sort(everything, axis=0))


def test_a_frame_names_categories(tmp_path):
    names = ["ALGORITHM", "OP1 MODE", "OP1 F FINE", "OP1 F COARSE"]
    made = recipe("Dexed6Op-v0", env_kwargs={"parameters": names}).random(20)
    datasets.make(tmp_path / "set", made, progress=False)
    kept = datasets.load(tmp_path / "set")
    assert list(kept.frame().columns) == names
    for row, unit in zip(kept.frame().itertuples(index=False), kept.parameters[:], strict=True):
        described = made.task.space.describe(made.task.space.to_native(unit))
        texts = {p["name"]: p["text"] for p in described}
        assert [str(value) for value in row] == [texts[name] for name in names]


def test_the_manifest_says_it_all(reference):
    manifest = json.loads((reference / "manifest.json").read_text())
    assert manifest["env"] == "FM-v0"
    assert manifest["source"] == {"kind": "random", "seed": 1}
    assert manifest["size"] == 600
    assert {"synthgym", "dawdreamer", "numpy", "zarr"} <= set(manifest["versions"])
    assert [file["name"] for file in manifest["files"]] == ["fm.dsp"]
    assert manifest["repeatable"]
    assert [p["low"] for p in manifest["parameters"]][:1] == [0]
    assert manifest["features"]["mfcc-13"]["shape"][1] == 13


@pytest.mark.slow
def test_memory_does_not_grow_with_the_set(tmp_path):
    """Peak memory of the process that makes a set ten times the size of another."""
    peaks = []
    for size in (500, 5000):
        code = (
            "import resource, sys; from synthgym import datasets;"
            f"r = datasets.Recipe('FM-v0', rendering='inline', env_kwargs={SHORT}).random({size});"
            f"datasets.make({str(tmp_path / str(size))!r}, r, progress=False);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 60_000  # kB; a block of 4,096 items is 3 MB


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "say what to make"),
        (["--size", "0"], "size must be a whole number from 1"),
        (["--size", "10", "--workers", "0"], "workers must be a whole number from 1"),
        (["--size", "10", "--backend", "thread"], "did you mean 'threads'"),
        (["--size", "10", "--features", "logmell"], "did you mean 'logmel'"),
        (["--size", "10", "--features", ""], "name at least one feature"),
        (["--size", "10", "--dtype", "float8"], "unknown dtype"),
        (["--size", "10", "--env-kwargs", "algoritm=1"], "unknown keyword"),
        (["--grid", "1"], "grid must be a whole number from 2"),
        (["--grid", "10000000"], "grid must be"),
        (["--grid", "200"], "more than 2^40 items"),
        (["--grid", "3", "--size", "10"], "--size does not go with --grid"),
        (["--presets", "nowhere"], "no such folder: nowhere"),
        (["--size", "10", "--jitter", "0.1"], "--jitter goes with --presets"),
        (["--size", "10", "--address", "x:1"], "--address goes with --backend ray"),
        (["--size", "10", "--backend", "ray", "--address", "127.0.0.1:1"], "no Ray cluster is reached"),
        (["--size", "10", "--out", "/proc/nope"], "cannot write to /proc/nope"),
        (["--size", "10", "--out", str(ROOT)], "is not empty and no data set"),
        (["--size", "10", "--out", str(ROOT / "README.md")], "cannot write to"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(script, tmp_path, arguments, says):
    out = [] if "--out" in arguments else ["--out", "set"]
    done = script("make_dataset.py", "--env", "FM-v0", *out, *arguments, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert says in line
    assert not (tmp_path / "set").exists()


def test_without_ray(tmp_path):
    code = "import sys; sys.modules['ray'] = None; sys.argv = ['m', *sys.argv[1:]]; import runpy;"
    code += f"sys.path.insert(0, {str(ROOT / 'scripts')!r});"
    code += f"runpy.run_path({str(ROOT / 'scripts' / 'make_dataset.py')!r}, run_name='__main__')"
    arguments = ["--env", "FM-v0", "--out", tmp_path / "set", "--size", "10", "--backend", "ray"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.stderr == "error: Ray is not installed: pip install 'synthgym[ray]'\n"


def test_other_settings_are_refused_and_change_nothing(copied, reference):
    for other, says in [
        (recipe().random(600, seed=2), "source is seed 1, not seed 2"),
        (recipe(features=["logmel"]).random(600, seed=1), "features is mfcc-13"),
        (recipe(dtype="float32").random(600, seed=1), "dtype is 'float16', not 'float32'"),
        (recipe(env_kwargs={"note": 50}).random(600, seed=1), "not"),
        (recipe().random(500, seed=1), "is a set of 600 items"),
        (recipe().grid(3), "not"),
    ]:
        with pytest.raises(SynthgymError, match=says):
            datasets.make(copied, other, progress=False)
    assert files(copied) == files(reference)


def test_a_folder_of_somebody_elses_stays_as_it_is(tmp_path):
    (tmp_path / "downloads").mkdir()
    others = [tmp_path / "notes.partial", tmp_path / "downloads" / "film.partial"]
    for other in others:
        other.write_text("mine")
    with pytest.raises(SynthgymError, match="is not empty and no data set"):
        datasets.make(tmp_path, recipe().random(10), progress=False)
    assert [other.read_text() for other in others] == ["mine", "mine"]


def test_what_is_no_set_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "nope"):
        with pytest.raises(SynthgymError, match="is no data set"):
            datasets.load(path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(SynthgymError, match="is no data set"):
        datasets.load(tmp_path)
    with pytest.raises(PresetError, match="holds no audible preset"):
        recipe().presets(tmp_path)


def test_the_held_out_stream_is_all_there():
    assert HELD_OUT == 1000
    assert os.environ["OMP_NUM_THREADS"] == "1"
