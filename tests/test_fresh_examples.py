"""Networks that learn from examples which are rendered meanwhile."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from conftest import Script

from agents.supervised.fresh import FreshExamples
from agents.supervised.model import Model
from agents.supervised.trainer import Trainer
from agents.training.learners import make_config
from synthgym.making import make_task
from synthgym.patches import PatchStream
from synthgym.rendering import RenderMeter

RANGE = {"note": [40, 80], "velocity": [60, 120], "hold": [0.1, 0.4], "duration": 0.5}


def test_examples_are_those_of_the_train_stream_in_any_order() -> None:
    run, meter = make_config("Dexed1Op-v0", "mlp", 3, env_kwargs=RANGE), RenderMeter()
    with FreshExamples(run, meter) as examples:
        second = examples.batch(1, 4, 3)
        third, again, first = (examples.batch(number, 4, 3) for number in (2, 1, 0))
        costs = meter.renders
    with closing(make_task(run.env, run.env_kwargs)) as task:
        made = task.make_patches(PatchStream("train", 3).ids(range(12)))
    for batch, rows in ((first, slice(0, 4)), (second, slice(4, 8)), (third, slice(8, 12))):
        features, unit, notes = batch
        np.testing.assert_array_equal(features, made.rendered.features[0][rows])
        np.testing.assert_array_equal(unit, made.unit[rows])
        np.testing.assert_array_equal(notes, made.notes[rows])
    for one, other in zip(second, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert costs == made.renders.sum() + made.renders[4:8].sum(), "what was asked for twice counts twice"


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["mlp", "lstm", "ppo_imitation"])
def test_a_network_learns_without_a_data_set(agent: str, script: Script, tmp_path: Path) -> None:
    small = "width=16 batch_size=8 validate_every=2 validate_on=4 rollouts=1 targets=2 rounds=2 candidates=2"
    asked = ("train.py", "--env", "FM-v0", "--agent", agent, "--log-dir", "run", "--steps", 4)
    kwargs = ("--env-kwargs", "duration=0.2", "hold=0.1", "--hyperparameters", *small.split())
    script(*asked, *kwargs)
    model = Model.load(agent, tmp_path / "run" / "final_model.zip")[0]
    assert model.steps == 4
    assert model.renders >= 3 * 8, "three mini-batches, those of the rollout, and what validates"
    assert model.dataset == ""


def test_a_run_without_a_data_set_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    """What is learned from is a function of the seed and the step."""
    options = {"loss": "parameter", "width": 8, "batch_size": 8, "validate_every": 2, "validate_on": 2}
    ends = []
    for stopped in (False, True):
        run = make_config("FM-v0", "mlp", 0, steps=4, env_kwargs=RANGE, hyperparameters=options)
        with closing(make_task(run.env, run.env_kwargs)) as task, FreshExamples(run, task.meter) as examples:
            trainer = Trainer(run, task)
            for _ in range(2):
                trainer.step(examples)
            if stopped:
                trainer.save(tmp_path / "checkpoint.zip")
                trainer = Trainer(run, task, tmp_path / "checkpoint.zip")
                examples = FreshExamples(run, task.meter)
            for _ in range(2):
                trainer.step(examples)
            ends.append(trainer.model.network.state_dict())
    for name, weights in ends[0].items():
        np.testing.assert_array_equal(weights, ends[1][name])
