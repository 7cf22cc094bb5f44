"""The program ``synthgym`` and what all commands share: manuals, what is shown, JSON, completion."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT
from forking import run_python

from agents.commands import match
from agents.commands.table import COMMANDS
from synthgym.errors import SynthgymError

Program = Callable[..., subprocess.CompletedProcess[str]]
CALL = "from synthgym_agents.commands.program import main; main()"


@pytest.fixture
def program(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Run the program in an empty folder."""
    path = tmp_path_factory.mktemp("program") / "program.py"

    def run(*arguments: object, before: str = "pass") -> subprocess.CompletedProcess[str]:
        path.write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r}); {before}; {CALL}", encoding="utf-8")
        return run_python([str(path), *map(str, arguments)], tmp_path)

    return run


def test_without_a_command_it_says_what_it_does(program: Program) -> None:
    shown = program()
    assert shown.returncode == 0
    for name, command in COMMANDS.items():
        assert f"  {name} " in shown.stdout
        assert command.does in shown.stdout
    assert shown.stdout == program("--help").stdout
    assert program("--version").stdout.startswith("synthgym 0")


def test_every_script_of_a_command_is_in_the_table_or_for_developers() -> None:
    modules = {path.stem for path in (ROOT / "agents/commands").glob("*.py")}
    scripts = modules & {path.stem for path in (ROOT / "scripts").glob("*.py")}
    developers = {"compare_matches", "plugin_table", "ship"}
    assert scripts - developers == {command.module for command in COMMANDS.values()}


def test_an_unknown_command_is_one_line_with_the_nearest(program: Program) -> None:
    done = program("evalute")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: no command 'evalute'; did you mean 'evaluate'? See synthgym --help\n"


def test_without_the_extra_a_command_says_what_to_install(program: Program) -> None:
    done = program("match", "x.wav", before="sys.modules['yaml'] = None")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'error: yaml is missing; pip install "synthgym[agents]" (in a clone: ".[agents]")\n'
    assert program("--help", before="sys.modules['yaml'] = None").returncode == 0


def test_a_manual_names_the_program_by_which_it_was_called(program: Program) -> None:
    installed = program("dataset", "--help").stdout
    assert installed.startswith("usage: synthgym dataset ")
    assert "\n  synthgym dataset --env FM-v0 --out data/fm --grid 11\n" in installed
    script = subprocess.run(
        [sys.executable, ROOT / "scripts/make_dataset.py", "--help"], capture_output=True, text=True
    ).stdout
    assert script.startswith("usage: make_dataset.py ")
    assert "\n  python scripts/make_dataset.py --env FM-v0 --out data/fm --grid 11\n" in script


def test_json_is_all_that_is_printed_and_quiet_shows_no_bar(program: Program) -> None:
    asked = ("dataset", "--env", "FM-v0", "--size", 20, "--workers", 1)
    loud = program(*asked, "--out", "loud")
    assert "making: 100%" in loud.stderr
    quiet = program(*asked, "--out", "quiet", "--quiet")
    assert (quiet.stderr, quiet.stdout) == ("", "quiet: 20 items, 20 of them made now\n")
    done = program(*asked, "--out", "set", "--json")
    assert json.loads(done.stdout) == {"folder": "set", "items": 20, "made": 20}
    assert "set: 20 items, 20 of them made now" in done.stderr
    wrong = program(*asked, "--out", "set", "--json", "--features", "mel")
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_many_commands_in_one_process_show_each_what_it_was_asked_for() -> None:
    code = """
import sys
from tqdm import tqdm
from agents.commands.cli import new_parser

def bar(*words):
    sys.argv = ["x", *words]
    new_parser("A command.", "nothing").parse_args()
    list(tqdm(range(1), desc=" ".join(words)))
    print(*words, "said")

for _ in range(2000):
    bar("--quiet")
bar("--json")
bar("--log-level", "debug")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["--quiet said"] * 2000 + ["--log-level debug said"]
    assert "--quiet" not in done.stderr
    assert "--json: 100%" in done.stderr
    assert "--json said" in done.stderr
    assert "--log-level debug: 100%" in done.stderr


@pytest.mark.parametrize(("level", "logged"), [("info", True), ("warning", False)], ids=["info", "warning"])
def test_a_log_level_is_that_of_both_packages(level: str, logged: bool) -> None:
    code = f"""
import logging, sys
sys.argv = ["x", "--log-level", "{level}"]
from agents.commands.cli import new_parser, run

def main():
    new_parser("A command.").parse_args()
    logging.getLogger("synthgym.task").info("a word")
    logging.getLogger("agents.api").warning("a warning")
    return 0

run(main)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.splitlines() == ["a word"] * logged + ["a warning"]


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("ma", "match"),
        ("train --env Dexed6OpG", "Dexed6OpGoal-v0"),
        ("match --agent hill", "hill_climber"),
        ("evaluate --val", "--validate"),
    ],
)
def test_bash_completes_commands_options_ids_and_agents(completion: Path, words: str, completed: str) -> None:
    last = len(words.split())
    code = f"source {completion}; COMP_WORDS=(synthgym {words}); COMP_CWORD={last}; "
    code += '_shtab_synthgym; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [completed], done.stderr


@pytest.fixture(scope="module")
def completion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script that bash reads."""
    path = tmp_path_factory.mktemp("completion") / "synthgym.bash"
    command = [sys.executable, "-c", CALL, "--print-completion", "bash"]
    path.write_text(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    return path


@pytest.mark.parametrize("arguments", [["x.wav", "--env", ""], ["x.wav", "--out="], [""]])
def test_an_empty_argument_is_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["match.py", *arguments])
    with pytest.raises(SynthgymError, match="an argument is empty"):
        match.main()
