"""The campaign of scripts/torture.py on its short form, and what it found."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from conftest import ROOT, Script
from torch.utils.tensorboard import SummaryWriter

from agents.commands.manual import new_parser
from agents.evaluation.results import Results
from agents.training.learners import learner, make_config
from agents.training.run_config import RunConfig
from agents.training.run_folder import RunFolder
from agents.trials.signals import Signals
from synthgym import datasets
from synthgym.checks import floats, number, whole
from synthgym.errors import SoundError, SynthgymError, one_line
from synthgym.files import remove_strays, replaced
from synthgym.making import TASK
from synthgym.recordings import read_channels
from synthgym.rules import RULES

sys.path.append(str(ROOT / "scripts"))

from torture.log import Log, Numbers, Trial
from torture.mutation import generator, mutated_bytes, mutated_value, mutated_words
from torture.plugins import TROUBLES, miscounted, training
from torture.report import report
from torture.soak import PARTS, judged
from torture.trying import outcome_of

KEYWORDS = "note", "velocity", "hold", "duration", "sample_rate", "parameters", "frozen"
STRAY = ".{}-0123456789abcdef{}"


def test_what_is_tried_is_a_function_of_seed_and_number() -> None:
    value = {"a": [1, 2.5, {"b": "text"}], "c": None}

    def rng(index: int) -> np.random.Generator:
        return generator(3, index)

    def words(index: int) -> list[str]:
        return mutated_words(rng(index), ["--steps", "10"])

    for index in range(200):
        first, second = (
            (mutated_bytes(rng(index), bytes(range(100))), mutated_value(rng(index), value), words(index))
            for _ in range(2)
        )
        assert repr(first) == repr(second)
    assert len({mutated_bytes(generator(3, index), bytes(100)) for index in range(200)}) > 150
    assert value == {"a": [1, 2.5, {"b": "text"}], "c": None}


def test_an_attempt_works_is_refused_or_is_a_fault() -> None:
    def attempt(error: Exception | None) -> str:
        def tried(rng: np.random.Generator) -> None:
            if error is not None:
                raise error

        return outcome_of(tried, generator(0, 0))[0]

    outcomes = [
        attempt(e) for e in (None, SynthgymError("one line"), gym.error.Error("a\nb"), ValueError("x"))
    ]
    assert outcomes == ["result", "refused", "fault", "fault"]


def test_a_log_goes_on_and_is_reported(tmp_path: Path) -> None:
    log = Log(tmp_path / "out" / "t.jsonl")
    log.add(Trial("kills", "match", 0, 1, "result", numbers={"kills": 3}))
    log.add(Trial("inputs", "voices", 0, 0, "fault", "KeyError: 1\nx"))
    with (tmp_path / "out" / "t.jsonl").open("a") as file:
        file.write('{"section": "ki')
    again = Log(tmp_path / "out" / "t.jsonl")
    assert again.trials == log.trials
    assert again.missing("kills", "match", 0, 3) == [0, 2]
    text = report(again.trials)
    assert "| kills | match | 1 (3 kills) | 1 | 0 | 0 |" in text
    assert "- inputs, voices, seed 0, 0: KeyError: 1 x" in text


def test_what_grows_or_slows_down_is_a_fault() -> None:
    flat = [(1.0, 100.0, 10)] * PARTS
    assert judged(flat)[0] == ""
    assert judged([(9.0, 10.0, 3), *flat[1:]])[0] == "", "the first part warms up"
    for last, says in (
        ((1.0, 200.0, 10), "memory grew by 100 MB"),
        ((1.0, 100.0, 13), "3 more files"),
        ((2.5, 100.0, 10), "2.5 times as long"),
    ):
        assert says in judged([*flat[:-1], last])[0]
    assert "part 4 of 10" in judged(flat[:3])[0]


@pytest.mark.skipif(sys.platform != "linux", reason="another linker")
def test_the_wall_clock_is_moved_and_no_other(tmp_path: Path) -> None:
    library = tmp_path / "clock.so"
    source = ROOT / "scripts/torture/clock.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-Werror", "-o", library, source, "-ldl"], check=True)
    (tmp_path / "moved").write_text("-50000")
    code = """
import multiprocessing, time
start = time.monotonic()
time.sleep(0.1)
multiprocessing.Semaphore(0).acquire(timeout=0.1)
print(time.time(), time.monotonic() - start)
"""
    moved = {**os.environ, "LD_PRELOAD": str(library), "SYNTHGYM_CLOCK": str(tmp_path / "moved")}
    result = subprocess.run(
        [sys.executable, "-c", code], env=moved, capture_output=True, text=True, timeout=60
    )
    now, waited = map(float, result.stdout.split())
    assert -50010 < now - time.time() < -49900
    assert 0.2 <= waited < 30


def test_counts_that_are_wrong_are_told() -> None:
    fails, chatters = TROUBLES["exit"], TROUBLES["megabytes of text"]
    assert miscounted(fails, b"..!!.", renders=4, failures=1) == []
    assert miscounted(chatters, b"..!!.", renders=5, failures=0) == []
    for trouble, renders, failures in ((fails, 5, 1), (fails, 4, 2), (chatters, 4, 0), (chatters, 5, 1)):
        assert len(miscounted(trouble, b"..!!.", renders, failures)) == 1


# A plugin that hangs, prints or segfaults is alike, and takes longer.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*taken for silence")
@pytest.mark.parametrize("name", ["exit", "not a number", "memory"])
def test_a_training_goes_on_while_its_plugin_is_in_trouble(name: str, tmp_path: Path) -> None:
    numbers = training(name, tmp_path)(generator(0, 0))
    assert isinstance(numbers, Numbers)
    assert numbers["times"] > 3


@pytest.mark.slow
def test_the_short_form_finds_nothing(script: Script, tmp_path: Path) -> None:
    sizes = ("--inputs", 60, "--commands", 2, "--out", tmp_path / "out")
    assert "| inputs | voices | 6 |" in script("torture.py", *sizes).stdout
    trials = [json.loads(line) for line in (tmp_path / "out/trials.jsonl").read_text().splitlines()]
    assert len({(trial["section"], trial["kind"]) for trial in trials}) == 12


@pytest.mark.parametrize("digits", [400, 6000])
def test_numbers_beyond_all_floats_are_refused(digits: int) -> None:
    value = 10**digits
    for check in (
        lambda: number("x", value, 0, 1),
        lambda: whole("x", value, 0, 1),
        lambda: floats("x", [0.5, value]),
    ):
        with pytest.raises(SynthgymError, match="x must be"):
            check()


@pytest.mark.parametrize("digits", [400, 6000])
def test_numbers_beyond_all_floats_are_refused_wherever_they_are_given(digits: int, tmp_path: Path) -> None:
    value = 10**digits
    env = gym.make("FM-v0", disable_env_checker=True, note=(50, 70), duration=0.1, hold=0.05)
    env.reset(seed=0)
    base: Any = env.unwrapped
    space = base.task.space
    ratio = space.names[0]
    preset = tmp_path / "p.json"
    base.task.synth.save_preset(np.array([p.default for p in space.parameters]), preset)
    preset.write_text(preset.read_text().replace("2.0,", f"1{digits * '0'},", 1))
    doors: tuple[Callable[[], object], ...] = (
        lambda: base.task.synth.load_preset(preset),
        lambda: space.freeze({ratio: value}),
        lambda: space.freeze(value),
        lambda: env.step(np.full(6, value, object)),
        lambda: env.reset(options={"note": value}),
        lambda: env.reset(options=value),
        lambda: env.reset(options={value: 1}),
        lambda: env.reset(options={"start": [value] * 6}),
        lambda: read_channels(value),
        lambda: gym.make("FM-v0", feature="mfcc-1" + digits * "0"),
        *(partial(gym.make, "FM-v0", **{name: value}) for name in (*RULES, *TASK, *KEYWORDS)),
    )
    for door in doors:
        with pytest.raises(SynthgymError) as raised:
            door()
        assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("agent", "asked", "says"),
    [
        ("ppo", {"n_steps": "x"}, "n_steps must be a whole number"),
        ("ppo", {"batch_size": -1}, "batch_size must be a whole number"),
        ("ppo", {"gamma": "x"}, "gamma must be a number"),
        ("sac", {"gradient_steps": 0.5}, "gradient_steps must be a whole number"),
        ("es", {"n_delta": [8, 9]}, "n_delta must be a whole number"),
        ("es", {"zero_policy": 1}, "zero_policy must be True or False"),
        ("ppo", {"policy_kwargs": {"net_arch": "x"}}, "ppo cannot be made with these hyperparameters"),
    ],
)
def test_hyperparameters_of_another_kind_are_named_before_a_folder_is_made(
    agent: str, asked: dict[str, object], says: str
) -> None:
    with pytest.raises(SynthgymError, match=says) as raised:
        learner(agent).check(make_config("FM-v0", agent, 0, hyperparameters=asked))
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("steps", [0.5, "x", 0, True])
def test_a_number_of_steps_that_is_none_is_named(steps: object) -> None:
    with pytest.raises(SynthgymError, match="max_episode_steps must be a whole number"):
        learner("ppo").check(make_config("FM-v0", "ppo", 0, env_kwargs={"max_episode_steps": steps}))


def test_a_message_is_one_line_and_no_order_to_a_terminal() -> None:
    assert one_line("no such file: a\nb\x1b[2Jc\u2028\u00e4") == "no such file: a\\nb\\x1b[2Jc\\u2028\u00e4"
    with pytest.raises(SoundError) as raised:
        read_channels("a\nb.wav")
    assert str(raised.value).startswith("no such file: a\\nb.wav;")


def test_a_command_names_a_file_with_a_line_end(script: Script) -> None:
    result = script("match.py", "a\nb.wav", "--env", "FM-v0", check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: no such file: a\\nb.wav")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--a\nb"], "unrecognized arguments: --a\\nb; see --help"),
        (["--secnds", "5"], "unrecognized arguments: --secnds 5; did you mean --seconds?"),
        (["--seconds", "ten"], "--seconds: invalid float value: 'ten'; see --help"),
        (["--seconds"], "--seconds: expected one argument; see --help"),
    ],
)
def test_an_option_that_is_wrong_is_told_in_a_line(arguments: list[str], says: str) -> None:
    parser = new_parser("A command.")
    parser.add_argument("--seconds", type=float)
    with pytest.raises(SynthgymError) as raised:
        parser.parse_args(arguments)
    assert str(raised.value) == says


def test_a_file_that_is_taken_for_an_option_is_told_how_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-lead.wav").touch()
    with pytest.raises(SynthgymError, match=r"^-lead.wav is taken for options; say \./-lead.wav$"):
        new_parser("A command.").parse_args(["-lead.wav"])


def test_a_shard_that_is_damaged_is_named_when_it_is_read(tmp_path: Path) -> None:
    short = {"duration": 0.1, "hold": 0.05}
    recipe = datasets.Recipe("FM-v0", ["mfcc"], env_kwargs=short, rendering="inline").random(20, 0)
    datasets.make(tmp_path / "set", recipe, progress=False)
    for name in ("parameters", "features/mfcc", "renders"):
        (file,) = (path for path in (tmp_path / "set" / name / "c").rglob("*") if path.is_file())
        data = bytearray(file.read_bytes())
        data[len(data) // 3] ^= 1
        file.write_bytes(data)
    made = datasets.load(tmp_path / "set")
    for read in (lambda: made.native(), lambda: made.cost(), lambda: made.torch()[0]):
        with pytest.raises(SynthgymError, match=r"is damaged .*--verify"):
            read()
    with pytest.raises(IndexError):
        made.split[99]


def test_what_was_being_written_when_a_command_was_killed_is_removed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(make_config("FM-v0", "ppo", 0))
    strays = [
        folder.checkpoints / STRAY.format("000000200", ".zip"),
        folder.path / STRAY.format("config", ".yml"),
    ]
    others = [folder.checkpoints / ".mine.zip", folder.checkpoints / "x-0123456789abcdef.zip"]
    for path in strays + others:
        path.touch()
    folder.resume({"steps": None})
    assert [path.exists() for path in strays + others] == [False, False, True, True]


def test_an_evaluation_that_was_killed_as_it_began_goes_on(tmp_path: Path) -> None:
    (tmp_path / STRAY.format("evaluation", ".json")).touch()
    Results(tmp_path, {"env": "FM-v0", "env_kwargs": {}, "targets": "test:1"}).close()
    assert (tmp_path / "evaluation.json").exists()
    assert not (tmp_path / STRAY.format("evaluation", ".json")).exists()


def test_strays_have_the_names_that_are_written_to(tmp_path: Path) -> None:
    for name in ("a.json", "none", "two.dots.zip"):
        with replaced(tmp_path / name) as temporary:
            remove_strays(tmp_path)
            assert not temporary.exists()
            temporary.touch()


def test_a_checkpoint_that_finds_no_room_is_an_error_of_the_disk_and_leaves_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(make_config("FM-v0", "ppo", 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError, match=r"."):
            folder.save_checkpoint(1, lambda path: torch.save(torch.zeros(50_000), path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(folder.checkpoints.iterdir()) == []


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_of_the_thread_that_writes_the_log_is_told_once(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(make_config("FM-v0", "ppo", 0))
    with folder.held():
        writer = SummaryWriter(str(folder.tensorboard))
        shutil.rmtree(folder.tensorboard)  # no room cannot be had by every user
        writer.add_scalar("x", 1, 1)
        with pytest.raises(OSError, match="No such file"):
            writer.flush()


@pytest.mark.slow
def test_a_training_without_room_ends_in_one_line(tmp_path: Path) -> None:
    train = [
        sys.executable,
        str(ROOT / "scripts/train.py"),
        "--env",
        "FM-v0",
        "--log-dir",
        str(tmp_path / "run"),
    ]
    limited = [
        "bash",
        "-c",
        'ulimit -f 100; exec "$@"',
        "bash",
        *train,
        "--steps",
        "200",
        "--num-envs",
        "2",
        "-q",
    ]
    result = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: cannot write to {tmp_path / 'run'}: ")
    assert len(result.stderr.splitlines()) == 1
    assert list(RunFolder(tmp_path / "run").checkpoints.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_terminal_that_is_closed_ends_long_work_in_order() -> None:
    with Signals(patient=True) as signals:
        signal.raise_signal(signal.SIGHUP)
    assert signals.caught == signal.SIGHUP


@pytest.mark.parametrize(("asked", "steps"), [(30, 30), (10, 30), (31, 31), (40, 40)])
def test_a_last_batch_that_made_more_steps_does_not_change_how_many_were_asked_for(
    asked: int, steps: int, tmp_path: Path
) -> None:
    folder, config = RunFolder(tmp_path / "run"), make_config("FM-v0", "es", 0, steps=30)
    folder.begin(config)
    folder.save_checkpoint(32, lambda path: path.write_bytes(b"x"))
    folder.resume({"steps": asked})
    assert RunConfig.read(folder.config).steps == steps
