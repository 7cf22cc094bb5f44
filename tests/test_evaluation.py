"""Comparing agents: other measures, statistics, evaluations that are interrupted, replayed, added to."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import soundfile
from conftest import AMSYNTH, ROOT, needs, present

from agents.catalogue import prepare
from agents.evaluation.metrics import METRICS, compare_parameters, compare_sounds
from agents.evaluation.pitch import pitch_of
from agents.evaluation.replay import replay
from agents.evaluation.results import Results, read_rows
from agents.evaluation.statistics import compare, curve, holm, per_target
from agents.evaluation.targets import Target, find_targets, read_targets
from agents.evaluation.trials import evaluate
from agents.reports.pictures import draw_matches
from agents.reports.summary import in_short, summary
from agents.training.models import Trained
from agents.trials.agent import Agent, Refined
from agents.trials.trial import Trial
from synthgym.errors import SynthgymError
from synthgym.parameters import Parameter, ParameterSpace
from synthgym.patches import PatchStream
from synthgym.synths import dx7_voice
from synthgym.task import SoundMatchingTask

RATE = 44100


@pytest.fixture(scope="module")
def fm() -> Iterator[Any]:
    task = SoundMatchingTask("fm")
    yield task
    task.close()


def tone(note: Any, level: Any = 0.1, seconds: Any = 1.0) -> Any:
    """A sound of six partials."""
    time = np.arange(round(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((note - 69) / 12)
    return (level * sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 7))).astype(np.float32)


def test_equal_sounds_differ_by_no_measure() -> None:
    found = compare_sounds(tone(60), tone(60), RATE, 60)
    assert list(found) == list(METRICS)
    shares = {name: found.pop(name) for name in ("voicing", "rms", "in_tune")}
    assert shares == pytest.approx(dict.fromkeys(shares, 1), abs=1e-3)
    assert found == dict.fromkeys(found, 0)


@pytest.mark.parametrize("note", [36, 48, 60, 72, 84])
def test_pitch(note: Any) -> None:
    assert np.nanmedian(pitch_of(tone(note), RATE)) == pytest.approx(note, abs=0.25)
    found = compare_sounds(tone(note), tone(note + 7), RATE, note)
    assert found["pitch"] == pytest.approx(7, abs=0.5)
    assert found["cents"] == 100 * found["pitch"]
    assert found["in_tune"] < 0.3


def test_half_as_loud_is_six_decibels() -> None:
    found = compare_sounds(tone(60), tone(60, 0.05), RATE, 60)
    assert found["loudness"] == pytest.approx(6.02, abs=0.1)
    assert 1 < found["log_spectral"] < 6.1, "bins at the floor stay there"
    assert found["convergence"] == pytest.approx(0.5, abs=1e-3)
    assert found["pitch"] == 0


def test_silence_has_no_pitch_and_differs_by_all_other_measures() -> None:
    found = compare_sounds(tone(60), np.zeros(RATE, np.float32), RATE, 60)
    assert np.isnan(found.pop("pitch"))
    assert np.isnan(found.pop("cents"))
    assert found.pop("voicing") < 0.1
    assert (found.pop("rms"), found.pop("in_tune")) == (0, 0)
    assert found["convergence"] == 1
    assert min(found.values()) > 0.9


def test_parameters_are_compared_by_kind() -> None:
    space = ParameterSpace(
        [
            Parameter("a", "continuous", 0, 1, 0),
            Parameter("b", "integer", 0, 4, 0),
            Parameter("c", "categorical", 0, 2, 0),
            Parameter("d", "categorical", 0, 2, 0),
        ]
    )
    rendered = np.array([True, False, True, False])
    target, match = np.array([[0, 0.5, 1, 0], [0.2, 1, 1, 0.4]], np.float32)
    found = compare_parameters(space, target, match, rendered)
    expected = {
        "parameter_error": 0.35,
        "parameter_error_heard": 0.2,
        "category_accuracy": 0.5,
        "category_accuracy_heard": 1,
    }
    assert found == pytest.approx(expected)
    assert np.isnan(
        compare_parameters(space.only(["a"]), target[:1], match[:1], rendered[:1])["category_accuracy"]
    )


class _Modelled(Trained):
    """Renders a start, whatever its models are."""

    def search(self, trial: Trial) -> None:
        trial(trial.starts(1))


def test_trials_of_a_model_that_was_trained_on_are_not_taken_for_its_own(fm: Any, tmp_path: Path) -> None:
    targets, _ = read_targets(fm, "test:2")
    settings = {"env": "FM-v0", "env_kwargs": {}, "targets": "test:2"}
    files = [tmp_path / name for name in ("a.zip", "b.zip")]
    for file in files:
        file.write_bytes(file.name.encode())

    def evaluated(models: list[Path], seeds: int, first: Agent | None = None) -> int:
        agent: Agent = _Modelled("ppo", models)
        agents = {"ppo": agent if first is None else Refined(first, agent), "random": prepare("random", fm)}
        with closing(Results(tmp_path / "out", settings)) as results:
            evaluate(fm, agents, targets, seeds, (1,), results, progress=False)
            return len(results.trials)

    assert evaluated(files[:1], 1) == 4
    assert evaluated(files[:1], 1) == 4
    assert evaluated(files, 2) == 8, "a training more"
    assert evaluated(files, 1) == 8
    with pytest.raises(SynthgymError, match="trials of ppo are of another model than now"):
        evaluated(files, 2, first=_Modelled("ppo", files))
    files[1].write_bytes(b"trained on")
    assert evaluated(files, 1) == 8, "the first is as it was"
    with pytest.raises(SynthgymError, match="trials of ppo are of another model than now"):
        evaluated(files, 2)


def test_an_interrupted_evaluation_ends_with_the_same_rows(fm: Any, tmp_path: Path) -> None:
    targets, silent = read_targets(fm, "test:3")
    assert silent == 0
    agents = {name: prepare(name, fm) for name in ("random", "hill_climber", "silence", "cma_es")}
    run = partial(evaluate, fm, agents, targets, 2, (1, 10, 30), progress=False)
    settings = {"env": "FM-v0", "env_kwargs": {}, "targets": "test:3"}
    whole = Results(tmp_path / "whole", settings)
    run(whole)
    assert len(whole.rows()) == 4 * 3 * 2 * 3
    half = tmp_path / "half"
    half.mkdir()
    (half / "evaluation.json").write_bytes((tmp_path / "whole" / "evaluation.json").read_bytes())
    lines = (tmp_path / "whole" / "trials.jsonl").read_bytes().splitlines(keepends=True)
    (half / "trials.jsonl").write_bytes(b"".join(lines[:8]) + lines[8][:40])
    resumed = Results(half, settings)
    assert len(resumed.trials) == 8
    # An agent is compared once it has met all three targets.
    unfinished = {(agent, seed) for agent in ("hill_climber", "silence", "cma_es") for seed in (0, 1)}
    assert resumed.unfinished() == unfinished
    assert set(resumed.rows()["agent"]) == set(resumed.curves()["agent"]) == {"random"}
    run(resumed)
    pd.testing.assert_frame_equal(resumed.rows(), whole.rows())
    read = read_rows(whole.write())
    pd.testing.assert_frame_equal(per_target(read), per_target(whole.rows()))
    rows = read.to_dict("records")
    replayed = replay(fm, targets, rows)
    assert replayed.wrong == []
    assert replayed.tolerances == [0] * len(rows)
    rows[0]["distance"] += 2e-7  # as another kind of processor rounds
    assert replay(fm, targets, rows).wrong == []
    rows[0]["distance"] += 1e-5
    assert len(replay(fm, targets, rows).wrong) == 1
    # Nor is anything else a success: no number, no parameters, silence at a distance it is not at.
    rows[1]["distance"] = float("nan")
    rows[2]["parameters"] = [0.5]
    silence = next(row for row in rows if row["agent"] == "silence")
    silence["distance"] = 0.0
    wrong = replay(fm, targets, rows).wrong
    assert len(wrong) == 4
    assert "distance nan, rendered again" in wrong[1]
    assert "a parameter vector has 6 unit values" in wrong[2]
    assert wrong[3].startswith("silence, test:0, seed 0, budget 1: distance 0.0, rendered again 1.0")
    with pytest.raises(SynthgymError, match="evaluation with env 'FM-v0', not 'Dexed1Op-v0'"):
        Results(half, {**settings, "env": "Dexed1Op-v0"})
    # What is known of a target's parameters is known of a match's too.
    found = whole.rows()
    at_target = found[found["distance"] == 0]
    assert (at_target["parameter_error_heard"] < 0.01).all()
    assert found.loc[found["agent"] != "silence", "parameter_error"].notna().all()
    said = summary(found, silent=2, left_out=["mlp with seed 1 (2 trials missing)"], seconds=1)
    assert "95 % bootstrap intervals over targets and seeds" in said
    assert "Measured on clips of 1 s" in said
    assert "in_tune: share of" in said
    # Rows that were made before a measure was there are reported without it.
    before = summary(found.drop(columns=["mss", "wmfcc", "sot", "rms", "cents", "in_tune"]), silent=0)
    assert "convergence" in before
    assert "mss" not in before
    assert "Not finished, and left out: mlp with seed 1 (2 trials missing).\n" in said
    assert "## 3 held-out random patches, 2 seeds" in said
    assert "| agent | 1 | 10 | 30 |" in said
    assert "### 10 renders" in said
    assert "2 silent targets were left out" in said
    title, heads, *means = in_short(found).splitlines()
    assert title == "mean distance from held-out random patches:"
    assert heads.split() == ["renders", "1", "10", "30"]
    nearest = found[found["budget"] == 30].groupby("agent")["distance"].mean().sort_values().index
    assert [line.split()[0] for line in means] == [*nearest]


def test_statistics() -> None:
    # Holm's own procedure: the least p is multiplied by their number, the next by one less.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    rng = np.random.default_rng(0)
    base = rng.random(30)
    rows = [
        {
            "agent": agent,
            "target": f"t{i}",
            "seed": seed,
            "budget": 10,
            "distance": value + shift,
            "renders": 10,
            "offline_renders": 5,
        }
        for agent, shift in (("random", 0.2), ("good", 0.0))
        for i, value in enumerate(base)
        for seed in range(2)
    ]
    table = compare(pd.DataFrame(rows))
    assert table["agent"].tolist() == ["good", "random"]
    good = table.iloc[0]
    assert good["mean"] == pytest.approx(base.mean())
    assert good["low"] < base.mean() < good["high"]
    assert good["p, random"] == pytest.approx(scipy.stats.wilcoxon(base, base + 0.2).pvalue)


def test_curves_are_of_the_best_so_far() -> None:
    curves = pd.DataFrame(
        [
            ("a", "t", 0, 1, 0.9),
            ("a", "t", 0, 3, 0.5),
            ("a", "t", 1, 1, 0.7),
            ("a", "u", 0, 1, 0.2),
            ("b", "u", 0, 1, 0.1),
        ],
        columns=["agent", "target", "seed", "render", "distance"],
    )
    expected = [[[0.9, 0.9, 0.5, 0.5], [0.2] * 4], [[0.7] * 4, [0.2] * 4]]
    np.testing.assert_allclose(curve(curves, "a", np.array([1, 2, 3, 9])), expected)


def test_targets_are_named_or_in_a_folder(fm: Any, tmp_path: Path) -> None:
    (marimba,), _ = read_targets(fm, "examples/targets/marimba.wav")
    assert (marimba.kind, marimba.name) == ("recording", "marimba.wav")
    for text in (
        "README.md",
        "test",
        "test:x",
        "test:0",
        "test:1001",
        "test:²",
        "test:٣",
        "test:" + "9" * 5000,
        tmp_path / "none",
        tmp_path,
        "test:2,test:3",
        "test:2,",
    ):
        with pytest.raises(SynthgymError):
            read_targets(fm, str(text))
    with pytest.raises(SynthgymError, match="of presets their folder"):
        read_targets(fm, "README.md")
    sound, rate = soundfile.read("examples/targets/marimba.wav")
    soundfile.write(tmp_path / "marimba.mp3", sound, rate)
    assert read_targets(fm, str(tmp_path))[0][0].name == "marimba.mp3"
    found, silent = read_targets(fm, "examples/targets,test:2")
    assert silent == 0
    assert [target.kind for target in found] == ["recording"] * 8 + ["random"] * 2
    assert isinstance(found[0], Target)
    assert found[0].unit is None
    (audio,) = present(fm.render(present(found[-1].unit)[None], audio=True).audio)
    np.testing.assert_array_equal(found[-1].audio[0], audio)


def test_files_have_any_names(fm: Any, tmp_path: Path) -> None:
    sound = Path("examples/targets/marimba.wav").read_bytes()
    (tmp_path / "kick.wav").write_bytes(sound)
    (tmp_path / "._kick.wav").write_bytes(bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(60))
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/fl\xf6te.wav")).write_bytes(sound)
    found, _ = read_targets(fm, str(tmp_path))
    assert [target.name for target in found] == ["fl\\udcf6te.wav", "kick.wav"]
    assert all(target.name.encode() for target in find_targets(fm, str(tmp_path), ["fl\\udcf6te.wav"]))


def test_presets_are_targets_once_each_and_silent_ones_are_counted(tmp_path: Path) -> None:
    task = SoundMatchingTask("dexed", operators=6)
    units = task.make_patches(PatchStream("pool", 0).ids(range(2))).unit
    rows = task.space.to_native(units)
    silent = task.space.row({f"OP{n} OUTPUT LEVEL": 0 for n in range(1, 7)})
    for name, row in (("a", rows[0]), ("b", rows[1]), ("again", rows[0]), ("silent", silent)):
        dx7_voice.write_syx(tmp_path / f"{name}.syx", row)
    (tmp_path / "damaged.syx").write_bytes(b"no voice")
    found, left_out = read_targets(task, str(tmp_path))
    assert [target.name for target in found] == ["a.syx:0", "b.syx:0"]
    assert left_out == 1
    np.testing.assert_array_equal(found[0].unit, units[0])
    # One operator cannot make a voice of six: what was looked for is not known.
    one = SoundMatchingTask("dexed", operators=1)
    assert [target.unit for target in read_targets(one, str(tmp_path))[0]] == [None, None]


def test_numbers_that_are_not_finite_are_never_the_best_and_said(fm: Any) -> None:
    targets, _ = read_targets(fm, "test:3")
    nan, inf = float("nan"), float("inf")
    rows = [
        {"agent": agent, "kind": "random", "target": f"test:{i}", "seed": seed, "budget": 10, "renders": 10}
        | {"offline_renders": 0, "distance": 0.5 - 0.1 * i, "last_distance": 0.5, "parameters": []}
        | {"mfcc": 2.0, "pitch": nan}
        for agent in ("bad", "good", "random")
        for i in range(3)
        for seed in range(2)
    ]
    for row, value in zip(rows, (nan, inf, -inf, nan, nan, nan), strict=False):
        row["distance"] = value
    rows[-1]["mfcc"], rows[-2]["mfcc"], rows[-3]["pitch"] = inf, 8.0, 3.0
    frame = pd.DataFrame(rows)
    found = compare(frame)
    assert found["agent"].tolist() == ["good", "random", "bad"]
    assert found["mean"].tolist() == pytest.approx([0.4, 0.4, 1])
    assert np.isfinite(found[["mean", "low", "high", "median", "p, random"]].iloc[[0, 2]]).all(axis=None)
    said = summary(frame, silent=0)
    assert "| bad | 1.000 |" in said
    assert "| good | 0.400 | 2.000 |  |" in said
    assert f"| random | 0.400 | {(2 * 4 + 8) / 5:.3f} | 3.000 |" in said
    assert "Of 6 rows the distance is not finite: it counts as 1, the worst there is." in said
    assert "Of 18 matches, means leave out those without a finite value: mfcc of 1, pitch of 17." in said
    assert "nan" not in said
    assert "inf" not in said.replace("finite", "")
    figure = draw_matches(fm, targets, frame)
    assert "bad" not in figure.get_suptitle()
    curves = frame.assign(render=1)
    assert curve(curves, "bad", np.array([1, 5])).tolist() == [[[1, 1]] * 3] * 2


@needs.amsynth
@pytest.mark.slow
def test_rows_of_a_plugin_are_compared_within_its_noise(script: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["--env", "Plugin-v0", "--env-kwargs", f"plugin={AMSYNTH}", "isolation=process"]
    command += ["--agents", "random,silence", "--targets", "test:1", "--seeds", "1", "--budgets", "1,3"]
    script("evaluate.py", *command, "--out", out)
    said = script("evaluate.py", "--validate", out).stdout
    assert "4 rows, 0 differ" in said
    assert "does not render the same sound each time: rows may be off by" in said
    # The parameters of another agent are not at the distance, whatever the noise.
    rows = pd.read_parquet(out / "results.parquet")
    rows.loc[rows["agent"] == "silence", "distance"] = 0.0
    rows.to_parquet(out / "results.parquet")
    result = script("evaluate.py", "--validate", out, check=False)
    assert result.returncode == 1


@pytest.mark.slow
def test_a_target_that_is_gone_is_named(script: Any, tmp_path: Path) -> None:
    sounds, out = tmp_path / "sounds", tmp_path / "out"
    sounds.mkdir()
    for name in ("a.wav", "b.wav"):
        shutil.copy(ROOT / "examples" / "targets" / "marimba.wav", sounds / name)
    command = ["--env", "FM-v0", "--agents", "silence", "--targets", sounds, "--seeds", 1, "--budgets", 1]
    script("evaluate.py", *command, "--out", out)
    (sounds / "b.wav").unlink()
    gone = f"error: {sounds} no longer holds the target 'b.wav'; put it back\n"
    for arguments in (("evaluate.py", "--validate", out), ("report.py", out)):
        result = script(*arguments, check=False)
        assert (result.returncode, result.stderr) == (2, gone)
    result = script("evaluate.py", *command, "--out", out, check=False)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "target 'b.wav' is gone" in result.stderr


@pytest.mark.slow
def test_an_evaluation_goes_on_in_the_same_game_only(script: Any, tmp_path: Path) -> None:
    """A prior that changed, as a folder whose presets did, is refused by name: to go on, and to validate."""
    task = SoundMatchingTask("fm")
    for i in range(3):
        row = task.space.to_native(np.full(6, 0.3 + 0.1 * i, np.float32))
        task.synth.save_preset(row, tmp_path / "presets" / f"{i}.json")
    command = (
        *("evaluate.py", "--env", "FM-v0", "--agents", "random", "--targets", "test:2", "--budgets", 2),
        *("--seeds", 1, "--out", "results", "--env-kwargs", "patches=presets", "--backend", "inline"),
    )
    script(*command)
    assert "0 differ" in script("evaluate.py", "--validate", "results").stdout
    (tmp_path / "presets" / "1.json").unlink()
    for again in (command, ("evaluate.py", "--validate", "results")):
        refused = script(*again, check=False)
        assert refused.returncode == 2
        assert "with prior presets 3, not presets 2" in refused.stderr


@pytest.mark.slow
def test_evaluate_script(script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNDEFAULTENCODING", "1")
    out = tmp_path / "out"
    command = ["--env", "FM-v0", "--agents", "random,hill_climber", "--targets", "test:2", "--seeds", 1]
    command += ["--budgets", "1,5", "--out", out]
    result = script("evaluate.py", *command)
    assert "summary: " + str(out / "summary.md") in result.stdout
    assert "### 5 renders" in (out / "summary.md").read_text(encoding="utf-8")
    ours = [line for line in result.stderr.splitlines() if "EncodingWarning" in line and str(ROOT) in line]
    assert [line for line in ours if "/agents/" in line and "/.venv/" not in line] == []
    assert {path.name for path in out.glob("*.png")} == {"curves-random.png", "matches-random.png"}
    rows = pd.read_parquet(out / "results.parquet")
    assert len(rows) == 8
    assert json.loads((out / "evaluation.json").read_text())["versions"]["cma"]
    assert "8 rows, 0 differ" in script("evaluate.py", "--validate", out / "results.parquet").stdout
    more = script("evaluate.py", *command, "--agents", "random,silence")
    assert "| silence | 1.000 |" in (out / "summary.md").read_text(encoding="utf-8")
    assert ["silence", "1.000", "1.000"] in [line.split() for line in more.stdout.splitlines()]
    assert "12 rows, 0 differ" in script("evaluate.py", "--validate", out).stdout
    rows = pd.read_parquet(out / "results.parquet")
    monkeypatch.delenv("PYTHONWARNDEFAULTENCODING")
    for wrong in (["--budgets", "0"], ["--targets", "none"], ["--agents", "rando"], ["--workers", 0]):
        result = script("evaluate.py", *command, *wrong, check=False)
        assert result.returncode == 2, result.stdout
        assert result.stderr.count("\n") == 1, result.stderr
    with closing(Results(out, json.loads((out / "evaluation.json").read_text()))):
        result = script("evaluate.py", *command, check=False)
    assert result.returncode == 2
    assert "is being written by another evaluation" in result.stderr
    rows.loc[0, "distance"] += 0.001
    rows.to_parquet(out / "results.parquet")
    assert script("evaluate.py", "--validate", out, check=False).returncode == 1
