"""The one grammar in which agents are named: a, a@RUN, a@RUN+b."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.catalogue import AGENTS, parse
from agents.spec import RENAMED, AgentPart, AgentSpec
from agents.training.learners import LEARNERS
from synthgym.errors import SynthgymError, UnknownNameError

# A path in its normal form: no empty parts, and no dots alone.
CHARACTERS = st.characters(exclude_characters="/\0", exclude_categories=["Cs"])
STEPS = st.text(CHARACTERS, min_size=1, max_size=8)
PATHS = st.lists(STEPS.filter(lambda step: step not in (".", "..")), min_size=1, max_size=4).map("/".join)


def unambiguous(path: str) -> bool:
    """Whether no end of a path reads as another agent: ``runs/a+mlp`` does."""
    return not any(f"+{name}{end}" in f"{path}\n" for name in (*AGENTS, *RENAMED) for end in "@+\n")


PLAIN = st.sampled_from(sorted(AGENTS)).map(lambda name: AgentPart(name))
TRAINED = st.builds(AgentPart, st.sampled_from(sorted(LEARNERS)), PATHS.filter(unambiguous).map(Path))
SPECS = st.lists(PLAIN | TRAINED, min_size=1, max_size=4).map(lambda parts: AgentSpec(tuple(parts)))


@given(SPECS)
@example(AgentSpec((AgentPart("mlp", Path("runs/a+b")), AgentPart("cma_es"))))
@example(AgentSpec((AgentPart("mlp", Path("me@home/run")), AgentPart("ppo", Path("C:\\runs\\x.zip")))))
@example(AgentSpec((AgentPart("mlp", Path("runs/mlp+mlpx")),)))
@example(AgentSpec((AgentPart("mlp", Path("a\n")),)))
def test_what_is_written_is_read_again(spec: AgentSpec) -> None:
    assert parse(str(spec)) == spec
    assert str(parse(str(spec))) == str(spec)


@given(st.lists(st.sampled_from([*"+@/ .x\n", *sorted(AGENTS), *RENAMED]), max_size=8).map("".join))
def test_any_text_is_a_spec_or_one_clear_line(text: str) -> None:
    said, spec = "", None
    try:
        spec = parse(text)
    except SynthgymError as error:
        said = str(error)
    assert len(said.splitlines()) == (spec is None)
    for part in spec.parts if spec else ():
        assert part.name in AGENTS
    if spec and all(part.run is None or unambiguous(str(part.run)) for part in spec.parts):
        assert parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nearest+mlp", [("nearest", None), ("mlp", None)]),
        ("mlp@runs/a+b+cma_es", [("mlp", "runs/a+b"), ("cma_es", None)]),
        ("mlp@me@home/x", [("mlp", "me@home/x")]),
        ("ppo@C:\\runs\\x.zip", [("ppo", "C:\\runs\\x.zip")]),
        ("mlp@mlp@x+mlp@y", [("mlp", "mlp@x"), ("mlp", "y")]),
        ("mlp@nearest+mlp/run", [("mlp", "nearest+mlp/run")]),
    ],
)
def test_a_path_begins_at_the_first_at_sign_and_ends_where_an_agent_is_named(
    text: str, parts: list[tuple[str, str | None]]
) -> None:
    spec = parse(text)
    assert [(part.name, part.run) for part in spec.parts] == [(n, p and Path(p)) for n, p in parts]
    assert str(spec) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' leaves out the name of an agent"),
        ("+mlp", r"'\+mlp' leaves out the name of an agent"),
        ("mlp+", r"'mlp\+' leaves out the name of an agent"),
        ("nearest++mlp", r"'nearest\+\+mlp' leaves out the name"),
        ("@runs/x", "'@runs/x' leaves out the name"),
        ("mlp@", "'mlp@' names no run behind mlp@; write mlp@RUN, or mlp"),
        ("nearest+mlp@+cma_es", "names no run behind mlp@"),
        ("misled", "the agent 'misled' is called 'shuffled_target' now"),
        ("misled+mlp@runs/x", "the agent 'misled' is called 'shuffled_target' now"),
        ("mlp@runs/x+misled", "the agent 'misled' is called 'shuffled_target' now"),
    ],
)
def test_what_is_left_out_or_renamed_is_said(text: str, says: str) -> None:
    with pytest.raises(SynthgymError, match=says):
        parse(text)


def test_only_what_is_trained_has_a_run() -> None:
    with pytest.raises(UnknownNameError, match="unknown agent that is trained 'random'"):
        parse("random@runs/x")
    assert str(parse("ppo+random").with_model(Path("m.zip"))) == "ppo@m.zip+random"
