"""One network for all synthesisers."""

import re
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from conftest import Script
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.supervised.described import parts_of
from agents.supervised.fresh import FreshExamples
from agents.supervised.others import open_others
from agents.supervised.trainer import Trainer
from agents.supervised.transformer import Transformer
from agents.training.learners import learner, make_config, prepare_run
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.parameters import Parameter, ParameterSpace

SHORT = {"duration": 0.2, "hold": 0.1}
TINY = {"width": 16, "layers": 1, "sound_layers": 1, "heads": 2, "batch_size": 8, "validate_on": 4}
SHAPE = 5, 12
KINDS: tuple[Literal["continuous", "integer", "categorical"], ...] = ("continuous", "integer", "categorical")
NAMES = st.lists(st.text(max_size=20), min_size=1, max_size=6, unique=True)


@st.composite
def spaces(draw: st.DrawFn) -> ParameterSpace:
    """Any parameters: of few and of many values, labelled, logarithmic, with any names."""
    parameters = []
    for name in draw(NAMES):
        kind = draw(st.sampled_from(KINDS))
        low, span = float(draw(st.integers(1, 50))), float(draw(st.integers(1, 100)))
        labels = draw(st.booleans()) and kind == "categorical"
        parameters.append(
            Parameter(
                name,
                kind,
                low,
                low + span,
                low,
                labels=tuple(f"wave {i}" for i in range(int(span) + 1)) if labels else (),
                log=kind == "continuous" and draw(st.booleans()),
            )
        )
    return ParameterSpace(parameters)


@pytest.fixture(scope="module")
def network() -> Transformer:
    torch.manual_seed(0)
    one = ParameterSpace([Parameter("level", "continuous", 0, 1, 0)])
    return Transformer(SHAPE, one, width=16, layers=1, sound_layers=1, heads=2).eval()


@settings(max_examples=30, deadline=None)
@given(space=spaces(), seed=st.integers(0, 1000))
def test_a_network_plays_any_parameters(network: Transformer, space: ParameterSpace, seed: int) -> None:
    other, rng = network.beside(space), np.random.default_rng(seed)
    unit = torch.from_numpy(space.sample(rng, 3))
    known = torch.from_numpy(rng.random(unit.shape) < 0.5)
    sounds = other.encoder(torch.rand(3, *SHAPE))
    with torch.no_grad():
        log = other(sounds, unit, known)
    assert torch.allclose(log.exp().sum(2), torch.ones(3, len(space)), atol=1e-4)
    full = other.complete(sounds, unit, known, 0.5, rng)
    assert torch.equal(full[known], unit[known]), "what was known is kept"
    space.check(full.numpy())
    assert all(ours is theirs for ours, theirs in zip(network.parameters(), other.parameters(), strict=True))


def test_what_is_not_known_is_not_seen(network: Transformer) -> None:
    space = ParameterSpace([Parameter(name, "continuous", 0, 1, 0) for name in ("attack", "decay")])
    other, sounds = network.beside(space), network.encoder(torch.rand(1, *SHAPE))
    known = torch.tensor([[True, False]])
    here, there, elsewhere = (torch.tensor([values]) for values in ((0.2, 0.1), (0.2, 0.9), (0.7, 0.1)))
    with torch.no_grad():
        assert torch.equal(other(sounds, here, known), other(sounds, there, known))
        assert not torch.allclose(other(sounds, here, known), other(sounds, elsewhere, known))


def test_names_share_the_parts_that_they_have_in_common() -> None:
    attack = set(parts_of("attack"))
    for name in ("Attack", "amp_attack", "OP1 ATTACK", "ampAttack"):
        assert attack <= set(parts_of(name)), name
    assert len(attack & set(parts_of("release"))) <= 1


@pytest.mark.slow
def test_several_synths_are_learned_in_turn_and_another_from_what_was_learned(
    script: Script, tmp_path: Path
) -> None:
    """The weights are of no synth: they search any, and training on one that is new goes on from them."""
    tiny = [f"{name}={value}" for name, value in TINY.items()]
    train = ("train.py", "--agent", "transformer", "--env-kwargs", "duration=0.2", "hold=0.1")
    others = ("others={FM-v0: {}, Dexed1Op-v0: {}}", "validate_every=3")
    script(
        *train,
        "--env",
        "Granulator-v0",
        "--steps",
        6,
        "--log-dir",
        "three",
        "--hyperparameters",
        *tiny,
        *others,
    )
    of_a_range = make_config(
        "FM-v0",
        "transformer",
        0,
        steps=2,
        env_kwargs={**SHORT, "note": [40, 50]},
        hyperparameters={**TINY, "weights": str(tmp_path / "three")},
    )
    with pytest.raises(SynthgymError, match=r"three is of note 60, .*, not of note 40 to 50, .*same ranges"):
        learner("transformer").check(of_a_range)
    weights = ("weights=three", "validate_every=2")
    script(
        *train, "--env", "Dexed2Op-v0", "--steps", 2, "--log-dir", "new", "--hyperparameters", *tiny, *weights
    )
    with closing(make_task("Dexed2Op-v0", SHORT)) as task:
        for run in ("three", "new"):
            assert prepare_run("transformer", tmp_path / run, task)
    evaluate = ("evaluate.py", "--env", "Dexed2Op-v0", "--env-kwargs", "duration=0.2", "hold=0.1")
    agents = ("--agents", "transformer@three,transformer@new", "--targets", "test:2", "--seeds", 1)
    table = script(*evaluate, *agents, "--budgets", "1,12", "--out", "results", "--workers", 1)
    assert "transformer@new" in table.stdout


def test_a_run_of_several_synths_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    others = {"FM-v0": None, "Granulator-v0": [{"grain_length": 0.2}, {"overlaps": 2}]}
    ends = []
    for stopped in (False, True):
        options = {**TINY, "others": others, "validate_every": 2}
        run = make_config(
            "Granulator-v0", "transformer", 0, steps=4, env_kwargs=SHORT, hyperparameters=options
        )
        with ExitStack() as stack:
            task = stack.enter_context(closing(make_task(run.env, run.env_kwargs)))
            examples = stack.enter_context(FreshExamples(run, task.meter))
            trainer = Trainer(run, task)
            trainer.others = stack.enter_context(open_others(run, trainer.model, task.meter))
            for step in range(4):
                if stopped and step == 2:
                    trainer.save(tmp_path / "checkpoint.zip")
                    trainer = Trainer(run, task, tmp_path / "checkpoint.zip")
                    trainer.others = stack.enter_context(open_others(run, trainer.model, task.meter))
                trainer.step(examples)
            errors = trainer.validate(trainer.others[0].held_out)
            granulators = {f"distance/Granulator-v0{each}" for each in ("", "-2", "-3")}
            assert {"distance", "distance/FM-v0", *granulators} <= set(errors)
            ends.append(trainer.model.network.state_dict())
    for name, weights in ends[0].items():
        np.testing.assert_array_equal(weights, ends[1][name])


@pytest.mark.parametrize(
    ("agent", "changes", "says"),
    [
        ("mlp", {"others": {"FM-v0": {}}}, "mlp learns one synthesiser alone"),
        ("transformer", {"others": ["FM-v0"]}, "others takes keywords by ids"),
        ("transformer", {"others": {"FM": {}}}, "FM"),
        ("transformer", {"others": {"FM-v0": {"note": 30}}}, "give it the same notes"),
        ("transformer", {"others": {"FM-v0": {"feature": "mfcc"}}}, "FM-v0 has mfcc of 44100 Hz"),
        ("transformer", {"others": {1: {}}}, "others takes keywords by ids"),
        ("transformer", {"others": {"FM-v0": [None]}}, "others takes keywords by ids"),
        ("transformer", {"others": {"FM-v0": "fm"}}, "others takes keywords by ids"),
        ("transformer", {"others": {"FM-v0": []}}, "others takes keywords by ids"),
        ("transformer", {"others": {"FM-v0": 0}}, "others takes keywords by ids"),
        ("transformer", {"others": {"FM-v0": [{}, {}]}}, "FM-v0, which is learned anyway"),
        ("transformer", {"others": {"Granulator-v0": {}}}, "Granulator-v0, which is learned anyway"),
        (
            "transformer",
            {"others": {"FM-v0": {"note": [40, 50], "notes_per_target": 2}}},
            "FM-v0 of others: training transformer is of one note a target",
        ),
        ("transformer", {"weights": "nowhere"}, "nowhere"),
        ("transformer", {"weights": 3}, "weights is the run folder or model of a training; got 3"),
        ("transformer", {"layers": 0}, "layers must be a whole number from 1"),
        ("transformer", {"sound_layers": 0}, "sound_layers must be a whole number from 1"),
        ("transformer", {"heads": 3}, "no transformer can be made"),
    ],
)
def test_what_cannot_be_learned_together_is_said(agent: str, changes: dict[str, Any], says: str) -> None:
    tiny = TINY if agent == "transformer" else {"loss": "parameter"}
    run = make_config(
        "Granulator-v0", agent, 0, steps=2, env_kwargs=SHORT, hyperparameters={**tiny, **changes}
    )
    with pytest.raises(SynthgymError, match=re.escape(says)):
        learner(agent).check(run)


def test_too_many_parameters_are_told_with_a_remedy(network: Transformer) -> None:
    space = ParameterSpace([Parameter(f"p{i}", "continuous", 0, 1, 0) for i in range(401)])
    with pytest.raises(SynthgymError, match=r"400 free parameters at most, and these are 401; choose some"):
        network.beside(space)
