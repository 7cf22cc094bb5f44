"""Pages: one file each, that a real browser shows, sorts and plays."""

import base64
import io
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import ROOT
from forking import run_python
from in_browser import chromium, new_page

from agents.catalogue import prepare
from agents.evaluation.pooled import together
from agents.evaluation.results import Results
from agents.evaluation.targets import read_targets
from agents.evaluation.trials import evaluate
from agents.reports.envelopes import envelopes
from agents.reports.media import ogg
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.recordings import playback_gain
from synthgym.synths.dx7_voice import read_voices

AGENTS = ("random", "silence", "hill_climber")
RECORDING = '<i>A&B "it\'s".wav'


def evaluated(path: Path, env: str, source: str, agents: Sequence[str] = AGENTS, **env_kwargs: Any) -> Path:
    settings = {"env": env, "env_kwargs": env_kwargs, "targets": source, "budgets": [1, 5]}
    task = make_task(env, env_kwargs)
    targets, _ = read_targets(task, source)
    with closing(task), closing(Results(path, settings)) as results:
        made = {name: prepare(name, task) for name in agents}
        evaluate(task, made, targets, 2, [1, 5], results, progress=False)
    return path


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small evaluation, one target of which has a name that HTML would take for its own."""
    path = tmp_path_factory.mktemp("results") / "fm"
    sounds = path.parent / "sounds"
    sounds.mkdir()
    shutil.copy(ROOT / "examples" / "targets" / "marimba.wav", sounds / RECORDING)
    return evaluated(path, "FM-v0", f"test:3,{sounds}")


@pytest.fixture(scope="module")
def report(evaluation: Any) -> Any:
    said = run_python([str(ROOT / "scripts/report.py"), str(evaluation)], evaluation.parent).stdout
    assert f"{evaluation / 'report.html'}: 12 matches" in said, "four targets, three agents, the first seed"
    return evaluation / "report.html"


def test_a_report_is_one_file_that_needs_no_other(report: Any) -> None:
    page = report.read_text(encoding="utf-8")
    assert "Offline renders were made before the target was known" in page
    assert not re.search(r"""(src|href)=["']?(?!data:)[\w/]""", re.sub(r"xlink:href=\"#\w+\"", "", page))
    assert "http" not in page.replace("http://www.w3.org/", ""), "names of SVG's namespaces"
    assert RECORDING not in page
    assert "&lt;i&gt;A&amp;B" in page
    assert "95 % bootstrap intervals over targets and seeds" in page
    assert ">in_tune</button>" in page
    assert "Measured on clips of 1 s, padding included." in page
    assert len(page) < 2_000_000


def test_a_report_of_fewer_renders(evaluation: Any, script: Any, tmp_path: Path) -> None:
    out = tmp_path / "early.html"
    script("report.py", evaluation, "--budget", 1, "--out", out)
    assert "Matches after 1 renders" in out.read_text(encoding="utf-8")
    result = script("report.py", evaluation, "--budget", 3, check=False)
    assert (result.returncode, result.stderr) == (2, "error: --budget is one of 1, 5; got 3\n")


def test_evaluations_of_two_notes_are_one_page(evaluation: Path, script: Any, tmp_path: Path) -> None:
    other = evaluated(tmp_path / "72", "FM-v0", "test:2", ["random", "silence"], note=72)
    out = tmp_path / "both.html"
    said = script("report.py", evaluation, other, "--out", out, "--against", "silence").stdout
    assert f"{out}: 12 matches" in said, "four targets and two, two agents, the first seed"
    assert "left out: hill_climber, which not all of them have" in said
    page, text = out.read_text(encoding="utf-8"), out.with_suffix(".md").read_text(encoding="utf-8")
    assert "<td>fm/test:1</td>" in page
    assert "<td>72/test:1</td>" in page
    assert "FM-v0</h1>" in page, "a note is no matter of both"
    assert "## 5 held-out random patches, 2 seeds" in text
    read, _ = together([evaluation, other])
    rows = pd.concat([one.rows for one in read]).query("agent == 'random' and kind == 'random'")
    assert rows["target"].nunique() == 5
    means = " | ".join(f"{mean:.3f}" for mean in rows.groupby("budget")["distance"].mean())
    assert f"| random | {means} |" in text
    assert "| p, silence |" in text
    assert "p, random" not in text


def test_evaluations_that_make_no_table_are_refused(evaluation: Path, script: Any, tmp_path: Path) -> None:
    result = script("report.py", evaluation, evaluation, check=False)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "--out" in result.stderr
    for more, says in (
        (["--against", "ppo"], "unknown agent to test --against 'ppo'"),
        (["--out", "page.md"], "end it by .html"),
    ):
        result = script("report.py", evaluation, *more, check=False)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1)
        assert says in result.stderr
    grains = evaluated(tmp_path / "grains", "Granulator-v0", "test:1")
    silence = evaluated(tmp_path / "silence", "FM-v0", "test:1", ["silence"])
    random = evaluated(tmp_path / "random", "FM-v0", "test:1", ["random"])
    short = evaluated(tmp_path / "short", "FM-v0", "test:1", ["random"], duration=2.0)
    for folders, says in (
        ([evaluation, evaluation], "given twice"),
        (
            [evaluation, grains],
            "fm is an evaluation with env 'FM-v0', not 'Granulator-v0'; report .*grains apart",
        ),
        ([random, short], "random is an evaluation with duration False, not 2.0; report .*short apart"),
        ([silence, random], "no agent"),
        ([evaluation, tmp_path], "is no folder of an evaluation"),
    ):
        with pytest.raises(SynthgymError, match=says):
            together(folders)


def test_what_is_no_evaluation_has_no_report(script: Any, tmp_path: Path) -> None:
    result = script("report.py", tmp_path, check=False)
    assert result.returncode == 2
    assert result.stderr == f"error: {tmp_path} is no folder of an evaluation; synthgym evaluate makes one\n"


def test_sounds_that_are_compared_share_a_gain() -> None:
    quiet, loud = np.full(4, 0.1, np.float32), np.full(4, -0.35, np.float32)
    assert playback_gain(quiet, loud) == pytest.approx(2)
    assert playback_gain(np.zeros(4, np.float32)) == 1


@pytest.mark.parametrize(("seconds", "rate"), [(60, 44100), (0.1, 192_000), (0.1, 384_000)])
def test_any_sound_is_inlined(seconds: Any, rate: Any) -> None:
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, round(seconds * rate)).astype(np.float32)
    audio, found = soundfile.read(io.BytesIO(base64.b64decode(ogg(sound, rate))))
    assert len(audio) / found == pytest.approx(seconds, abs=0.01)


@pytest.fixture
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1280, 900), (390, 844)], ids=["desktop", "phone"])
def test_a_browser_shows_sorts_and_plays_a_report(report: Any, browser: Any, size: Any) -> None:
    page, errors = new_page(browser, *size)
    page.goto(report.as_uri())
    rows = page.locator("#matches tbody tr:visible")

    def column(number: Any) -> Any:
        return [row.locator("td").nth(number).text_content() for row in rows.all()]

    assert column(2) == sorted(column(2)), "the nearest first"
    page.get_by_role("button", name="distance").click()
    assert column(2) == sorted(column(2), reverse=True)
    page.get_by_role("button", name="agent", exact=True).click()
    assert column(1) == sorted(column(1))
    page.get_by_role("combobox").select_option("silence")
    assert {*column(1)} == {"silence"}
    assert page.locator("#count").text_content() == "4"
    page.get_by_role("combobox").select_option("")
    page.get_by_role("searchbox").fill("a&b")
    assert {*column(0)} == {RECORDING}

    def playing() -> Any:
        page.wait_for_function("document.getElementById('audio').currentTime > 0")
        assert page.evaluate("document.getElementById('audio').duration") == pytest.approx(1, abs=0.1)
        return page.evaluate("document.getElementById('audio').src")

    rows.nth(0).get_by_role("button", name="play the target").click()
    target = playing()
    page.keyboard.press("b")
    assert playing() != target
    page.keyboard.press(" ")
    assert playing() == target
    assert page.locator(".player .on").text_content() == "A target"
    page.keyboard.press("ArrowDown")
    assert playing() == target, "the same target, the next agent"
    assert page.locator("tr.chosen").count() == 1
    assert RECORDING in page.locator("#chosen").text_content()
    page.wait_for_function("document.querySelector('#matches tr:not([hidden]) img').naturalWidth == 44")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0, "no more than the table scrolls sideways"
    assert errors == []


@pytest.mark.slow
def test_a_browser_plays_a_match_and_has_its_preset(script: Any, browser: Any, tmp_path: Path) -> None:
    target = ROOT / "examples" / "targets" / "marimba.wav"
    script("match.py", target, "--agent", "halving", "--budget", 400, "--top", 3, "--out", tmp_path)
    page, errors = new_page(browser, 390, 844)
    page.goto((tmp_path / "match.html").as_uri())

    def playing() -> Any:
        page.wait_for_function(
            "[...document.querySelectorAll('audio')].some(a => !a.paused && a.currentTime)"
        )
        return page.evaluate("[...document.querySelectorAll('audio')].map(a => !a.paused)")

    def only(number: Any) -> Any:
        return [i == number for i in range(4)]

    page.keyboard.press("a")
    assert playing() == only(0)
    page.keyboard.press(" ")
    assert playing() == only(1)
    page.keyboard.press("3")
    assert playing() == only(3)
    page.keyboard.press(" ")
    assert playing() == only(0)
    page.keyboard.press(" ")
    assert playing() == only(3)
    page.get_by_role("button", name="A target").click()
    assert playing() == only(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="match.syx").first.click()
    assert Path(download.value.path()).read_bytes() == (tmp_path / "match.syx").read_bytes()
    operators = [f"OP{i}" for i in range(1, 7)]
    (voice,) = read_voices(tmp_path / "match.syx")
    algorithm = int(voice.native[-1]) + 1
    assert page.get_by_role("img", name=f"Algorithm {algorithm}", exact=True).is_visible()
    boxes = page.locator(".diagram text:not(.level)").all_text_contents()
    assert boxes == [str(i) for i in range(1, 7)]
    groups = [caption.text_content() for caption in page.locator("caption").all()]
    assert groups == [*operators, "LFO", "PITCH"]
    outlines = page.locator("figcaption", has_text="EG")
    names = [caption.text_content() for caption in outlines.all()]
    assert names == [f"{name} EG" for name in (*operators, "PITCH")]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    table = page.locator(".measures")
    assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth"), "nothing is cut"
    solid = "boxes => boxes.every(box => getComputedStyle(box).opacity === '1')"
    assert page.locator(".diagram g").evaluate_all(solid), "no line is seen through a box"
    assert errors == []


def test_envelopes_go_through_their_levels() -> None:
    adsr, four = envelopes(
        {"amp_attack": 0.2, "amp_decay": 0.4, "amp_sustain": 0.5, "amp_release": 0.1, "cutoff": 0.3}
        | {f"OP1 EG RATE {i}": 0.5 for i in range(1, 5)}
        | {f"OP1 EG LEVEL {i}": level for i, level in enumerate((1, 0.8, 0.6, 0.1), 1)}
        | {"OP2 EG RATE 1": 0.5}
    )
    assert (adsr.name, [y for _, y in adsr.points][:3]) == ("amp", [0, 1, 0.5])
    assert (four.name, [y for _, y in four.points]) == ("OP1 EG", [0.1, 1, 0.8, 0.6, 0.6, 0.1])
    for envelope in (adsr, four):
        x = [x for x, _ in envelope.points]
        assert x == sorted(x)
        assert x[0] == 0
        assert x[-1] == pytest.approx(1)
    assert adsr.path(100, 10).startswith("0.0,10.0 ")
