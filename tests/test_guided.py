"""Steps that a network proposes: what they are, how they are drawn and learned, and climbs by them."""

from itertools import permutations
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import soundfile
import torch
from conftest import present
from hypothesis import given, settings
from hypothesis import strategies as st

import agents
from agents.guided import prepare
from agents.guided.climbs import Climbs
from agents.guided.config import TrainerConfig
from agents.guided.model import Model
from agents.guided.network import Seen, StepNetwork
from agents.guided.pooling import BesideNote, pooled, segments
from agents.guided.practice import Practice, Recordings, distances
from agents.guided.shipped import ship
from agents.guided.steps import COUNTS, StepLogits, Steps, StepSpace
from agents.guided.trainer import Trainer
from agents.matching.search import Known
from agents.supervised.fresh import FreshExamples
from agents.training.learners import make_config
from agents.trials.agent import Refined, run
from agents.trials.pool import Pool
from agents.trials.trial import Trial
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.parameters import Parameter, ParameterSpace
from synthgym.patches import PatchStream
from synthgym.recorded_notes import MANIFEST

KINDS = [
    Parameter("cutoff", "continuous", 20, 20000, 100, log=True),
    Parameter("level", "integer", 0, 99, 50),
    Parameter("wave", "categorical", 0, 3, 0, ("sine", "saw", "square", "noise")),
    Parameter("switch", "categorical", 0, 1, 0, ("off", "on")),
    Parameter("coarse", "integer", 0, 31, 1),
]
SPACE = ParameterSpace(KINDS)
NAMES = {
    "tries": 2,
    "batch_size": 16,
    "groups": 2,
    "climbs": 4,
    "bank": 16,
    "validate_on": 4,
    "width": 16,
    "frame": 8,
}


def learned(space: StepSpace, unit: np.ndarray[Any, np.dtype[np.float32]], seed: int) -> StepLogits:
    """Log-probabilities as of a network that has learned something."""
    noise = torch.Generator().manual_seed(seed)
    even = space.even(unit)
    return StepLogits(*(torch.log_softmax(e + torch.randn(e.shape, generator=noise), -1) for e in even))


@given(st.integers(0, 2**31), st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_a_step_changes_what_it_names_and_nothing_else(seed: int, count: int) -> None:
    rng, space = np.random.default_rng(seed), StepSpace(SPACE)
    unit = SPACE.sample(rng, 3)
    steps = learned(space, unit, seed).draw(count, rng)
    there = space.take(unit, steps, rng)
    assert there.shape == (3, count, len(SPACE))
    assert there.dtype == np.float32
    assert (there.min(), there.max()) >= (0, 0)
    assert there.max() <= 1
    for row in range(3):
        for step in range(count):
            named = steps.parameters[row, step]
            named = named[named >= 0]
            assert len(named) == min(COUNTS[steps.counts[row, step]], len(SPACE)) == len(set(named))
            (changed,) = np.nonzero(there[row, step] != unit[row])
            assert {*changed} <= {*named}
            discrete = {*named} - {0}
            native = SPACE.to_native(np.stack([unit[row], there[row, step]]))
            assert all(native[0, i] != native[1, i] for i in discrete), "a step is heard of"
            moves = space.moves(unit[row : row + 1], there[row, step][None])[0]
            few = [i for i in named if space.few[i]]
            drawn = dict(zip(steps.parameters[row, step], steps.moves[row, step], strict=True))
            assert [moves[i] for i in few] == [drawn[i] for i in few]


def test_the_moves_of_many_values_are_told_by_their_amount_and_direction() -> None:
    space, rng = StepSpace(SPACE), np.random.default_rng(0)
    unit = np.full((1, len(SPACE)), 0.5, np.float32)
    for move in range(24):
        for parameter in (0, 1):
            parameters, moves = np.full((1, 1, 2), -1), np.zeros((1, 1, 2), np.int64)
            parameters[0, 0, 0], moves[0, 0, 0] = parameter, move
            there = space.take(unit, Steps(parameters, moves, np.zeros((1, 1), np.int64)), rng)[0]
            assert np.sign(there[0, parameter] - 0.5) == (1 if move < 12 else -1)
            if 0 < there[0, parameter] < 1 and parameter == 0:
                assert space.moves(unit, there)[0, parameter] == move


def test_probabilities_of_all_steps_sum_to_one_and_are_those_of_what_is_drawn() -> None:
    space, rng = StepSpace(ParameterSpace(KINDS[2:4])), np.random.default_rng(0)
    unit = np.zeros((1, 2), np.float32)
    logits = learned(space, unit, 3)
    found: dict[tuple[Any, ...], float] = {}
    for width, counts in ((1, [0]), (2, range(1, len(COUNTS)))):
        for order in permutations(range(2), width):
            for moves in np.ndindex(*[space.size] * width):
                named = np.array([[[*order, *[-1] * (2 - width)]]])
                moved = np.array([[[*moves, *[0] * (2 - width)]]])
                chance = sum(float(logits.of(Steps(named, moved, np.array([[c]]))).exp()) for c in counts)
                if chance > 1e-9:
                    found[(*order, *moves)] = chance
    assert sum(found.values()) == pytest.approx(1, abs=1e-4)
    drawn = logits.draw(20_000, rng)
    share = np.mean(
        (drawn.parameters[0, :, 0] == 0) & (drawn.parameters[0, :, 1] < 0) & (drawn.moves[0, :, 0] == 2)
    )
    assert share == pytest.approx(found[0, 2], abs=0.02)


def test_before_it_learns_a_network_climbs_as_a_hill_climber_does() -> None:
    rng = np.random.default_rng(0)
    network = StepNetwork((44, 318), SPACE, 44100, width=16, frame=4)
    unit = torch.from_numpy(SPACE.sample(rng, 6))
    sounds = torch.from_numpy(rng.random((2, 6, segments(44), 318), np.float32))
    seen = Seen(sounds[0], sounds[1], unit, torch.tensor([[60.0, 100, 0.7]]).repeat(6, 1), torch.rand(6))
    with torch.no_grad():
        logits, even = network(seen), network.steps.even(unit.numpy())
    for now, first in zip(logits, even, strict=True):
        np.testing.assert_allclose(now.exp(), first.exp(), atol=1e-6)
    # A value that is there already, or beyond the range, is none to go to.
    current = SPACE.to_native(unit.numpy())[:, 2].astype(int)
    assert (logits.move[np.arange(6), 2, current].exp() == 0).all()


def test_notes_are_seen_alike_beside_their_pitch() -> None:
    task = make_task("Dexed6Op-v0", {"note": [36, 84], "feature": "multiresolution"})
    (voice,) = task.make_patches(PatchStream("train", 0).ids([3]), np.array([[60.0, 100, 0.7]])).unit
    notes = np.array([[note, 100, 0.7] for note in (48, 55, 62)], float)
    seen = torch.from_numpy(pooled(task.render(np.repeat(voice[None], 3, axis=0), notes).features[0]))
    beside = BesideNote(task.synth.sample_rate)
    rows = beside(seen, torch.from_numpy(notes[:, 0]).long())
    assert rows.shape == (3, segments(task.feature.shape[0]), beside.bins)
    alike = np.corrcoef(rows[:, :, 318 : 318 + 261].flatten(1))[0, 1:]
    apart = np.corrcoef(seen[:, :, 128:].flatten(1))[0, 1:]
    assert (alike > 0.7).all()
    assert (alike > apart + 0.3).all()
    task.close()


def test_climbs_go_where_it_is_no_farther() -> None:
    rng = np.random.default_rng(0)
    sound = rng.random((2, segments(8), 5)).astype(np.float32)
    climbs = Climbs(sound, np.zeros((2, 3)), np.zeros((2, 4), np.float32), sound.copy(), np.array([0.5, 0.5]))
    there = rng.random((2, 3, 4)).astype(np.float32)
    features = rng.random((6, 8, 5)).astype(np.float32)
    taken = climbs.go(there, features, np.array([[0.7, 0.4, 0.45], [0.6, 0.9, 0.51]]))
    assert taken.tolist() == [1, -1]
    np.testing.assert_array_equal(climbs.unit, [there[0, 1], np.zeros(4)])
    np.testing.assert_array_equal(climbs.sound, [pooled(features)[1], sound[1]])
    assert climbs.far.tolist() == [0.4, 0.5]


def config(env_id: str = "FM-v0", steps: int = 6, **changes: Any) -> Any:
    return make_config(env_id, "guided", 0, steps=steps, hyperparameters={**NAMES, "imitation": 3, **changes})


def test_a_checkpoint_is_the_trainer_that_it_was_saved_from(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.zip"
    task, wanted = make_task("FM-v0"), config(imitation=4)
    with FreshExamples(wanted, task.meter) as examples:
        trainer = Trainer(wanted, task)
        for _ in range(2):
            trainer.step(examples)
        trainer.save(path)
        again = Trainer(wanted, task, path)
        for _ in range(2):
            trainer.step(examples), again.step(examples)
    assert again.is_due()
    assert trainer.validate() == again.validate()
    for name, weights in trainer.model.network.state_dict().items():
        np.testing.assert_array_equal(weights, again.model.network.state_dict()[name])
    task.close()


def test_the_network_that_was_best_on_the_validation_targets_is_kept(tmp_path: Path) -> None:
    task, wanted = make_task("FM-v0"), config(steps=9, validate_every=2, climb_learning_rate=9)
    with FreshExamples(wanted, task.meter) as examples:
        trainer = Trainer(wanted, task)
        found: dict[float, dict[str, torch.Tensor]] = {}
        while not trainer.is_over():
            if trainer.is_due():
                far = trainer.validate()["distance"]
                found.setdefault(far, trainer.model.weights())
            else:
                trainer.step(examples)
    assert len(found) > 1
    trainer.save_best(tmp_path / "model.zip")
    model, training = Model.load(tmp_path / "model.zip")
    assert training is None
    for name, weights in found[min(found)].items():
        np.testing.assert_array_equal(weights, model.network.state_dict()[name])
    task.close()


def test_it_practises_on_recordings(tmp_path: Path) -> None:
    time = np.arange(44100) / 44100
    for note in (60, 72):
        tone = np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * time)
        soundfile.write(tmp_path / f"{note}.wav", tone * np.exp(-2 * time), 44100)
    sounds = {f"{note}.wav": {"note": note, "velocity": 90, "hold": 0.5} for note in (60, 72)}
    (tmp_path / MANIFEST).write_text(str({"sounds": sounds}).replace("'", '"'))
    task = make_task("Dexed1Op-v0", {"note": [48, 66]})
    recordings = Recordings(tmp_path, task)
    targets, played = recordings.some(3, np.random.default_rng(0))
    assert played[0] == 60
    assert len(targets) == 3
    how = TrainerConfig(groups=2, climbs=3, bank=8, sounds=str(tmp_path), longest=40)
    practice = Practice(task, how, 0, 0)
    np.testing.assert_allclose(practice.targets[3:], targets, atol=1e-3)
    assert (practice.climbs.notes[3:, 0] == 60).all()
    before = practice.targets[:3].copy()
    practice.spend(41)
    assert not np.array_equal(practice.targets[:3], before), "other targets, when renders are spent"
    task.close()
    with pytest.raises(SynthgymError, match="has no recordings at"):
        Recordings(tmp_path, make_task("Dexed1Op-v0", {"note": 30}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tries": 1}, "tries must be a whole number from 2"),
        ({"imitation": -1}, "imitation must be a whole number from 0"),
        ({"entropy": "much"}, "entropy must be a number"),
        ({"sounds": "nowhere"}, "nowhere has no recordings"),
        ({"wide": 3}, "unknown hyperparameter of guided 'wide'"),
        ({"width": -1}, "no guided can be made of"),
    ],
)
def test_bad_hyperparameters_are_named(changes: dict[str, Any], says: str) -> None:
    from agents.guided import check

    with pytest.raises(SynthgymError, match=says):
        check(config(**changes))


@pytest.mark.slow
def test_it_learns_which_parameter_is_wrong() -> None:
    """Of held-out patches of which one parameter was changed, it names that one: of six, by what it hears."""
    task = make_task("FM-v0", rendering="threads")
    wanted = config(steps=300, imitation=300, batch_size=128, width=128, frame=32, learning_rate=2e-3)
    with FreshExamples(wanted, task.meter) as examples:
        trainer = Trainer(wanted, task)
        while trainer.model.steps < 300:
            trainer.step(examples)
    patches = task.make_patches(PatchStream("validation", 0).ids(range(200)))
    rng, network = np.random.default_rng(0), trainer.model.network.eval()
    drawn = network.steps.even(patches.unit).draw(1, rng, np.ones(200, np.int64))
    away = task.space.quantise(network.steps.take(patches.unit, drawn, rng)[:, 0])
    sound = task.render(away, patches.notes).features[0]
    targets = patches.rendered.features[0]
    far = distances(sound, targets)[:, 0]
    climbs = Climbs(pooled(targets), patches.notes, away, pooled(sound), far)
    audible = np.flatnonzero(far > 0.02)
    assert len(audible) > 80
    with torch.no_grad():
        named = network(climbs.seen(audible)).parameter.argmax(1).numpy()
    right = named == drawn.parameters[audible, 0, 0]
    assert right.mean() > 0.5, "by chance it is .17"
    task.close()


def test_a_trial_is_spent_to_the_last_render(tmp_path: Path) -> None:
    """Of longer and of shorter sounds than those that were learned, too."""
    task = make_task("FM-v0")
    Trainer(config(), task).save_best(tmp_path / "model.zip")
    task.close()
    for duration in (1.0, 0.8, 2.5):
        task = make_task("FM-v0", {"duration": duration})
        agent = prepare("guided", task, [tmp_path / "model.zip"])
        target = task.render(task.space.sample(np.random.default_rng(0), 1))
        for budget in (1, 2, 9, 200):
            trial = Trial(task, target, budget, Pool.make(task, 0, 30), np.random.default_rng(3))
            assert len(run(agent, trial).distances) == budget
        task.close()


def test_a_climb_begins_at_what_is_known(tmp_path: Path) -> None:
    task = make_task("FM-v0")
    Trainer(config(), task).save_best(tmp_path / "model.zip")
    known, aim = task.space.sample(np.random.default_rng(1), 2)
    pool = Pool.make(task, 0, 30)
    trial = Trial(task, task.render(aim[None]), 40, pool, np.random.default_rng(3))
    asked: list[np.ndarray[Any, np.dtype[np.float32]]] = []
    trial.after_render = lambda unit, rendered: asked.extend(unit)  # type: ignore[method-assign]
    run(Refined(Known(known), prepare("guided", task, [tmp_path / "model.zip"])), trial)
    assert not any((unit == start).all() for unit in asked for start in pool.unit), "no start is drawn"
    assert len(asked) == 40
    np.testing.assert_array_equal(asked[0], known)
    task.close()


def test_what_is_shipped_is_the_model_in_sixteen_bits_and_tells_damage(tmp_path: Path) -> None:
    task, path = make_task("FM-v0"), tmp_path / "FM-v0.safetensors"
    trainer = Trainer(config(), task)
    trainer.model.renders = 7
    ship(trainer.model.kept(), path)
    model, training = Model.load(path)
    assert (training, model.renders, model.origin) == (None, 7, trainer.model.origin)
    for name, weights in trainer.model.network.state_dict().items():
        np.testing.assert_allclose(model.network.state_dict()[name], weights, rtol=1e-3, atol=1e-6)
    model.origin.check(task, path)
    whole = path.read_bytes()
    for number, damaged in enumerate((whole[:-9] + b"x" + whole[-8:], whole[:100], b"", b"{}" * 50)):
        other = tmp_path / f"{number}.safetensors"
        other.write_bytes(damaged)
        with pytest.raises(SynthgymError, match=r"is damaged \(.*; install synthgym again"):
            Model.load(other)
    with pytest.raises(SynthgymError, match="is damaged"):
        Model.load(tmp_path / "missing.safetensors")
    task.close()


@pytest.mark.parametrize(
    "keywords", [{"note": 40}, {"note": 12, "velocity": 20, "hold": 2.0, "duration": 2.5}]
)
def test_the_pretrained_agent_plays_any_note(keywords: dict[str, Any]) -> None:
    agent = agents.load("pretrained", "Dexed6Op-v0", **keywords)
    env = gym.make("Dexed6Op-v0", **keywords)
    env.reset(seed=0)
    found = agents.match(agent, env, renders=100)
    again = agents.match(agents.load("random", "Dexed6Op-v0"), env, renders=100)
    assert present(found.best).distance < present(again.best).distance
    assert found.offline[0] > 100_000, "what it has practised on counts"
    env.close()


def test_the_pretrained_agent_is_of_its_game() -> None:
    with pytest.raises(SynthgymError, match="trained on the feature multiresolution"):
        agents.load("pretrained", "Dexed6Op-v0", feature="mfcc")
    with pytest.raises(SynthgymError, match="no model of Dexed2Op-v0 comes with synthgym, but of"):
        agents.load("pretrained", "Dexed2Op-v0")
