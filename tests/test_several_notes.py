"""Evaluations and data sets of several notes a target: a patch is rendered at each, and all of them count."""

import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import present
from small_sets import recipe, small_blocks  # noqa: F401

from agents.baselines.lookup import neighbours
from agents.evaluation.metrics import METRICS, compare_sounds, mean_of
from agents.evaluation.replay import replay
from agents.evaluation.results import Results, read_rows
from agents.evaluation.targets import find_targets, read_targets
from agents.reports.pictures import draw_curves
from agents.rl.guesses import Guesses
from agents.supervised.agent import FIRST_RENDERS
from agents.trials.trial import middle_of
from synthgym import datasets
from synthgym.errors import SynthgymError
from synthgym.features import distance
from synthgym.making import make_task
from synthgym.notes import lowest_first
from synthgym.patches import notes_of
from synthgym.recordings import PEAK
from synthgym.streams import PatchStream
from synthgym.task import SoundMatchingTask

SHORT: dict[str, Any] = {"duration": 0.3, "hold": 0.2}
SEVERAL: dict[str, Any] = {"note": (36, 84), "velocity": (30, 127), "notes_per_target": 3}
FEATURE = "multiresolution"
RATE = 44100
FRAME = [f"{name}_{i}" for i in (1, 2, 3) for name in ("note", "velocity", "hold")]
KEYWORDS = (
    "--env-kwargs",
    "note=[36,84]",
    "velocity=[30,127]",
    "notes_per_target=3",
    "duration=0.3",
    "hold=0.2",
)


def task_of(**keywords: Any) -> SoundMatchingTask:
    return make_task("FM-v0", {**SHORT, **SEVERAL, **keywords})


@pytest.fixture(name="voices", scope="module")
def set_of_three_notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 150 patches, each at three notes."""
    folder = tmp_path_factory.mktemp("several") / "set"
    made = recipe(env_kwargs={**SHORT, **SEVERAL}, features=[FEATURE], dtype="float32", audio=True)
    datasets.make(folder, made.random(150, seed=1), progress=False)
    return folder


def test_a_data_set_keeps_each_patch_at_its_notes(voices: Path) -> None:
    kept, task = datasets.load_for(task_of(), voices), task_of()
    ids = PatchStream("dataset", 1).ids(range(150))
    np.testing.assert_array_equal(kept.notes, notes_of(ids, task.note, 3))
    rendered = task.render(kept.parameters[:20], present(kept.notes)[:20], audio=True)
    np.testing.assert_array_equal(kept.features[FEATURE][:20], rendered.features[0])
    np.testing.assert_array_equal(present(kept.audio)[:20], rendered.audio)
    assert np.abs(present(kept.audio)[:]).max(axis=2).min() > 0.006, "audible at each note"
    assert kept.cost() == kept.renders[:].sum() >= 3 * 150
    assert (kept.renders[:] % 3 == 0).all()
    assert [name for name in kept.frame(5, 9).columns if name[-2] == "_"] == FRAME
    assert kept.frame(5, 9)["velocity_2"].tolist() == present(kept.notes)[5:9, 1, 1].tolist()
    shapes = [tuple(part.shape) for part in kept.torch()[0]]
    assert shapes == [(3, *task.feature.shape), (6,), (3, 3)]


def test_a_grid_of_several_notes_costs_as_many_renders(tmp_path: Path) -> None:
    made = recipe(
        env_kwargs={**SHORT, **SEVERAL, "parameters": ["modulation index", "modulation ratio"]},
        features=["mfcc-13"],
    )
    datasets.make(tmp_path / "set", made.grid(3), progress=False)
    kept = datasets.load(tmp_path / "set")
    assert kept.features["mfcc-13"].shape[:2] == (9, 3)
    assert kept.renders[:].tolist() == [3] * 9
    assert len({tuple(notes.ravel()) for notes in present(kept.notes)[:]}) == 9


def test_sets_of_other_counts_of_notes_are_refused(voices: Path) -> None:
    for other, says in ((2, "with notes_per_target 3, not 2; make one"), (1, "with notes_per_target 3, not")):
        with pytest.raises(SynthgymError, match=says) as error:
            datasets.load_for(task_of(notes_per_target=other), voices)
        assert "\n" not in str(error.value)


def test_a_lookup_is_by_the_mean_over_the_notes_in_the_order_of_their_pitch(
    voices: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(voices, tmp_path / "set"))
    kept = datasets.load(folder)
    rows = kept.items("train").numbers()
    all_features = lowest_first(kept.features[FEATURE][:][rows], present(kept.notes)[:][rows])
    for i in (0, 7, 33):
        notes = present(kept.notes)[:][rows[i]][[2, 0, 1]][None]
        features = kept.features[FEATURE][:][rows[i]][[2, 0, 1]][None]
        aim = lowest_first(features, notes)
        far = distance(all_features, np.repeat(aim, len(rows), axis=0))
        found = neighbours(folder, FEATURE, aim, 10)
        np.testing.assert_array_equal(found[0], kept.parameters[:][rows[i]], "itself, in whatever order")
        at = [int(np.flatnonzero((kept.parameters[:][rows] == unit).all(axis=1))[0]) for unit in found]
        np.testing.assert_allclose(far[at], np.sort(far)[:10], atol=0.004)


def tone(path: Path, note: float, level: float) -> Path:
    """Write a sound of six partials, of a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time, hz = np.arange(RATE) / RATE, 440 * 2 ** ((note - 69) / 12)
    sound = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 7)) * np.exp(-2 * time)
    soundfile.write(path, level * sound / np.abs(sound).max(), RATE, subtype="FLOAT")
    return path


@pytest.fixture(name="instruments", scope="module")
def recorded_instruments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of three recordings, of the second of which two are of one note."""
    folder = tmp_path_factory.mktemp("instruments") / "all"
    for name, notes in (("horn", (40, 57, 76)), ("lute", (48, 48, 72))):
        for i, note in enumerate(notes):
            tone(folder / name / f"{i}.wav", note, (0.8, 0.2, 0.4)[i])
    (folder / ".cache").mkdir()
    return folder


def test_a_folder_of_recordings_is_one_target(instruments: Path) -> None:
    targets, silent = read_targets(task_of(), str(instruments))
    assert ([target.name for target in targets], silent) == (["horn", "lute"], 0)
    horn, lute = targets
    assert horn.played.tolist() == [[40, 100, 0.2], [57, 100, 0.2], [76, 100, 0.2]]
    assert lute.played.tolist() == [[48, 100, 0.2], [48, 50, 0.2], [72, 100, 0.2]], "a quarter as loud"
    peaks = np.abs(lute.audio[0]).max(axis=1)
    np.testing.assert_allclose(peaks, np.array([1, 0.25, 0.5]) * PEAK, rtol=1e-3)
    assert horn.rendered.features[0].shape[:2] == (1, 3)
    (alone,) = find_targets(task_of(), str(instruments / "lute"), ["lute"])
    np.testing.assert_array_equal(alone.audio, lute.audio)


@pytest.mark.parametrize(
    ("keywords", "what", "says"),
    [
        ({}, "lute/0.wav", "0.wav is one recording, and a target has several notes .*; give a folder of as"),
        ({"notes_per_target": 2}, ".", "horn holds 3 recordings, and a target has 2 notes"),
        ({"velocity": 100}, "lute", "0.wav and .*1.wav are both of note 48 at velocity 100; give another"),
        ({"note": (36, 60)}, "horn", "2.wav is of note 76, and the environment plays note 36 to 60"),
    ],
)
def test_recordings_that_are_no_target_are_refused(
    keywords: dict[str, Any], what: str, says: str, instruments: Path
) -> None:
    with pytest.raises(SynthgymError, match=says) as error:
        read_targets(task_of(**keywords), str(instruments / what))
    assert "\n" not in str(error.value)


@pytest.fixture(name="command")
def run_command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a command in this process."""

    def call(name: str, *args: object) -> int:
        monkeypatch.setattr(sys, "argv", [name, *map(str, args)])
        code: int = import_module(f"agents.commands.{name}").main()
        return code

    return call


@pytest.mark.slow
def test_an_evaluation_of_several_notes(
    command: Callable[..., int], voices: Path, instruments: Path, tmp_path: Path
) -> None:
    """Rows, measures, what is rendered again, the pictures and the page."""
    out, names = tmp_path / "out", "random,levelled,silence"
    asked = ("--env", "FM-v0", *KEYWORDS, "--dataset", voices, "--seeds", 1, "--backend", "inline")
    targets = f"test:1,{instruments / 'lute'}"
    command("evaluate", *asked, "--targets", targets, "--agents", names, "--budgets", "3,11", "--out", out)
    rows = read_rows(out)
    searched = rows[rows["agent"] != "silence"]
    assert {*searched["renders"]} == {3, 9}
    assert {*rows[rows["agent"] == "silence"]["renders"]} == {3}
    assert (searched[searched["agent"] == "levelled"]["offline_renders"] >= 450).all()
    assert rows["renders"].max() == 9, "four renders would be of a patch and a third"
    task = task_of()
    with closing(task):
        found = find_targets(task, targets, {*rows["target"]})
        assert replay(task, found, rows.to_dict("records")).wrong == []
        by_name = {target.name: target for target in found}
        row = rows[
            (rows["agent"] == "levelled") & (rows["target"] == "test:0") & (rows["budget"] == 11)
        ].iloc[0]
        target = by_name["test:0"]
        assert row["note"].tolist() == target.played[:, 0].tolist()
        sounds = present(
            task.render(row["parameters"][None].astype(np.float32), target.played, audio=True).audio
        )
        apart = [
            compare_sounds(aim, sound, RATE, note)
            for aim, sound, note in zip(target.audio[0], sounds[0], target.played[:, 0], strict=True)
        ]
        assert row["mss"] == pytest.approx(np.mean([one["mss"] for one in apart]))
        assert {name: row[name] for name in METRICS} == pytest.approx(mean_of(apart), nan_ok=True)
    assert "the mean over the 3 notes of a target" in (out / "summary.md").read_text()
    assert (out / "matches-recording.png").exists()
    with closing(Results.opened(out)) as results:
        figure = draw_curves(results.curves(), 9, "")
    assert {np.asarray(line.get_xdata())[0] for line in figure.axes[0].get_lines()} == {3}, (
        "no patch is cheaper"
    )
    assert command("evaluate", "--validate", out) == 0
    command("report", out)
    page = (out / "report.html").read_text()
    assert "the mean over the 3 notes of a target" in page
    assert "lute" in page


def test_a_measure_that_a_note_does_not_have_is_left_out_of_the_mean() -> None:
    nan = float("nan")
    found = mean_of([{"mss": 1.0, "pitch": nan}, {"mss": 3.0, "pitch": 2.0}])
    assert found == {"mss": 2.0, "pitch": 2.0}
    assert np.isnan(mean_of([{"pitch": nan}, {"pitch": nan}])["pitch"])


def test_usual_budgets_are_of_so_many_patches_and_none_is_less_than_one(
    command: Callable[..., int], tmp_path: Path
) -> None:
    from agents.commands.evaluate import budgets_of

    assert budgets_of(task_of(), [1, 10], said=False) == [3, 30]
    asked = ("--env", "FM-v0", *KEYWORDS, "--agents", "random", "--out", tmp_path / "out")
    with pytest.raises(SynthgymError, match="a budget of 2 is too small: a patch costs 3 renders"):
        command("evaluate", *asked, "--budgets", "2,30")
    with pytest.raises(SynthgymError, match="a film is of one note a target; leave notes_per_target out"):
        command("watch", "--env", "FM-v0", *KEYWORDS, "--out", tmp_path / "film.mp4")


@pytest.mark.slow
def test_what_learned_one_note_is_evaluated_at_several(tmp_path: Path, command: Callable[..., int]) -> None:
    """A network hears the middle one of them, and so does a lookup in a set of one note an item."""
    run, one = tmp_path / "runs/mlp", tmp_path / "one"
    ranges = [word for word in KEYWORDS if word != "notes_per_target=3"]
    single = {name: value for name, value in SEVERAL.items() if name != "notes_per_target"}
    made = recipe(env_kwargs={**SHORT, **single}, features=[FEATURE], dtype="float32")
    datasets.make(one, made.random(60, seed=1), progress=False)
    trained = ("--agent", "mlp", "--dataset", one, "--steps", 5, "--hyperparameters", "loss=parameter")
    command("train", "--env", "FM-v0", *ranges, *trained, "--log-dir", run)
    agents = f"nearest,mlp@{run}"
    asked = ("--env", "FM-v0", *KEYWORDS, "--dataset", one, "--seeds", 1, "--backend", "inline")
    command(
        "evaluate", *asked, "--targets", "test:2", "--agents", agents, "--budgets", 3, "--out", tmp_path / "e"
    )
    rows, task = read_rows(tmp_path / "e"), task_of()
    (target, _), kept = read_targets(task, "test:2")[0], datasets.load(one)
    middle = middle_of(target.played)
    aim = target.rendered.features[0][:, middle]
    train = kept.items("train").numbers()
    far = distance(kept.features[FEATURE][:][train].astype(np.float32), np.repeat(aim, len(train), axis=0))
    found = rows[(rows["agent"] == "nearest") & (rows["target"] == "test:0")]["parameters"].iloc[0]
    chosen = int(np.flatnonzero((kept.parameters[:][train] == np.float32(found)).all(axis=1))[0])
    assert far[chosen] == pytest.approx(far.min(), abs=0.004)
    mlp = rows[rows["agent"].str.startswith("mlp")]
    assert (mlp["renders"] == 3).all()
    assert (mlp["distance"] < 1).all()
    # Episodes of several notes start at what it guesses, at as many renders a patch.
    units, renders = Guesses(f"mlp@{run}", task, 0)(target.rendered, target.played[None])
    assert (units.shape, renders.tolist()) == ((1, 6), [3 * FIRST_RENDERS])
