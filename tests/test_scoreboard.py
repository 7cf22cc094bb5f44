"""Submissions: written, rendered again, and found out if tampered with; and the page of them."""

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Script, present

from agents.commands import evaluate
from agents.evaluation.submission import read_file, read_submission
from synthgym.errors import SynthgymError

FOLDER = ROOT / "docs/scoreboard"
OURS = sorted(FOLDER.glob("*.json"))


def scoreboard() -> ModuleType:
    """The script as a module."""
    spec = present(importlib.util.spec_from_file_location("scoreboard", ROOT / "scripts/scoreboard.py"))
    module = importlib.util.module_from_spec(spec)
    present(spec.loader).exec_module(module)
    return module


@pytest.fixture(scope="module")
def submission(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small one of two games, written by the command."""
    folder = tmp_path_factory.mktemp("submission")
    command(folder / "mine.json", folder / "fm", "--by", "A <b>|c")
    command(folder / "mine.json", folder / "low", "--by", "A <b>|c", "--env-kwargs", "note=48")
    return folder / "mine.json"


def command(path: Path, out: Path, *more: str, agents: str = "random", targets: str = "test:2") -> int:
    """Run evaluate.py here."""
    arguments = [
        "--env",
        "FM-v0",
        "--agents",
        agents,
        "--targets",
        targets,
        "--budgets",
        "1,3",
        "--seeds",
        "2",
    ]
    arguments += ["--backend", "inline", "--out", str(out), "--submit", str(path), *more]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["evaluate.py", *arguments])
        return evaluate.main()


def test_a_submission_is_rendered_again(submission: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = read_file(submission)
    assert (content["agent"], content["by"]) == ("random", "A <b>|c")
    assert [one["env_kwargs"] for one in content["evaluations"]] == [{"note": 48}, {}]
    assert all(one["versions"]["numpy"] for one in content["evaluations"])
    assert len(read_submission(submission)) == 2 * 2 * 2 * 2
    assert evaluate.validate(submission) == 0
    assert "16 rows, 0 differ" in capsys.readouterr().out


def test_the_same_environment_again_replaces_its_rows(submission: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(submission.read_bytes())
    command(path, tmp_path / "fm", "--by", "A <b>|c")
    assert path.read_bytes() == submission.read_bytes()


def test_a_row_that_was_tampered_with_is_found(
    submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads(submission.read_text(encoding="utf-8"))
    better, other = content["evaluations"][1]["rows"][:2]
    better["distance"] /= 2
    other["parameters"][0] = 1 - other["parameters"][0]
    content["evaluations"][1]["versions"] |= {"numpy": "0.1", "nothing": "7"}
    path = tmp_path / "tampered.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert evaluate.validate(path) == 1
    said = capsys.readouterr().out
    for row in (better, other):
        assert f"random, {row['target']}, seed {row['seed']}, budget {row['budget']}: distance" in said
    assert f"other versions: nothing 7, here none; numpy 0.1, here {np.__version__}\n" in said
    assert "16 rows, 2 differ" in said


Change = Callable[[dict[str, Any]], object]
BAD: dict[str, tuple[Change, str]] = {
    "a row left out": (
        lambda c: c["evaluations"][0]["rows"].pop(),
        "7 rows are not one for each of 2 targets",
    ),
    "a row twice": (lambda c: c["evaluations"][0]["rows"].append(c["evaluations"][0]["rows"][0]), "9 rows"),
    "no agent": (lambda c: c.pop("agent"), "has no 'agent'"),
    "another format": (lambda c: c.update(format=2), "has format 2, not 1"),
    "no evaluation": (lambda c: c.update(evaluations=[]), "holds no evaluation"),
    "a text for a number": (lambda c: c["evaluations"][0]["rows"][0].update(distance="near"), "'distance'"),
    "words for parameters": (lambda c: c["evaluations"][0]["rows"][0].update(parameters=["a"]), "no numbers"),
    "more renders than allowed": (
        lambda c: c["evaluations"][0]["rows"][0].update(renders=9),
        "9 renders of 1",
    ),
    "numbers for versions": (lambda c: c["evaluations"][0].update(versions={"numpy": 2}), "no texts"),
    "targets of its own": (lambda c: c["evaluations"][0].update(targets="/tmp"), "held-out patches, test:N"),
    "endless targets": (
        lambda c: c["evaluations"][0].update(targets="test:9999"),
        "held-out patches, test:N",
    ),
    "endless seeds": (lambda c: c["evaluations"][0].update(seeds=10**9), "seeds or budgets"),
    "a distance below nothing": (
        lambda c: c["evaluations"][0]["rows"][0].update(distance=-5),
        "has distance -5",
    ),
    "a module of its own": (lambda c: c["evaluations"][0].update(env="os:FM-v0"), "none of synthgym's"),
    "an unknown environment": (lambda c: c["evaluations"][0].update(env="Nord-v0"), "Nord-v0"),
    "another game": (lambda c: c["evaluations"][0]["task"].update(feature="mfcc"), "mfcc"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_submission_gets_one_line(name: str, submission: Path, tmp_path: Path) -> None:
    change, said = BAD[name]
    content = json.loads(submission.read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(SynthgymError) as error:
        evaluate.validate(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON", '{"format": NaN}', "\x00" * 9, "[" * 100_000])
def test_what_is_no_submission_gets_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(SynthgymError, match=r"bad\.json") as error:
        read_file(path)
    assert "\n" not in str(error.value)


def test_the_command_ends_with_its_code(script: Script, tmp_path: Path) -> None:
    result = script("evaluate.py", "--validate", tmp_path / "none.json", check=False)
    assert result.returncode == 2
    assert result.stderr == (
        f"error: no such file: {tmp_path}/none.json; synthgym evaluate --submit writes such files\n"
    )


def test_what_can_be_no_submission_is_refused_before_it_is_searched_for(
    submission: Path, tmp_path: Path
) -> None:
    wanted = [
        ({"agents": "random,cma_es"}, "submission is of one agent"),
        ({"agents": "cma_es"}, "is of the agent random, not of cma_es"),
        ({"targets": str(ROOT / "examples/targets")}, "held-out patches, test:N"),
    ]
    for asked, said in wanted:
        with pytest.raises(SynthgymError, match=said):
            command(submission, tmp_path / "out", **asked)
    with pytest.raises(SynthgymError, match=r"a submission is a \.json"):
        command(tmp_path / "mine.txt", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_page_is_that_which_the_script_writes() -> None:
    script = scoreboard()
    assert len(OURS) >= 5
    assert script.page(OURS) == script.PAGE.read_text(encoding="utf-8"), "run `python scripts/scoreboard.py`"
    assert max(path.stat().st_size for path in OURS) < 300_000


def test_the_submissions_of_strangers_come_after_ours_as_text(submission: Path) -> None:
    script, other = scoreboard(), submission.parent / "other.json"
    with pytest.raises(SynthgymError, match="two submissions are of the agent random"):
        script.page([submission, *OURS])
    content = json.loads(submission.read_text(encoding="utf-8")) | {"agent": "mine"}
    other.write_text(json.dumps(content), encoding="utf-8")
    page = script.page([other, *OURS])
    assert page.index("[halving.json]") < page.index("[other.json]")
    assert "A &#60;b&#62;&#124;c" in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    "by",
    [
        'me {: onmouseover="alert(1)" style="position:fixed" }',
        "[x](javascript:alert(1))",
        "![](https://evil.example/t.png)",
        "\r\r# Big",
        "a\\|b",
        "`</code><script>alert(1)</script>",
    ],
)
def test_no_markup_of_a_stranger_is_markup_on_the_site(submission: Path, by: str) -> None:
    import markdown

    content = json.loads(submission.read_text(encoding="utf-8")) | {"agent": f"mine{by}", "by": by}
    other = submission.parent / "marked.json"
    other.write_text(json.dumps(content), encoding="utf-8")
    html = markdown.markdown(
        scoreboard().page([other, *OURS]), extensions=["tables", "attr_list", "md_in_html", "toc"]
    )
    other.unlink()
    (line,) = [line for line in html.split("<tr") if "marked.json" in line]
    assert line.count("<td") == 5
    assert html.count("<h1") == 1
    assert not re.search(r"<(script|img|b)\b|<[^>]*(\son\w+=|javascript:|position:fixed)", html)


@pytest.mark.slow
@pytest.mark.parametrize("path", OURS, ids=[path.stem for path in OURS])
def test_our_submissions_are_as_near_as_they_say(path: Path) -> None:
    assert evaluate.validate(path) == 0
