"""A network of steps that learns: first to undo changes of patches, then from climbs that are rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from synthgym.errors import SynthgymError
from synthgym.features import Features
from synthgym.parameters import Unit
from synthgym.patches import PatchStream
from synthgym.task import SoundMatchingTask

from ..supervised.examples import MiniBatches
from ..supervised.reward_weighted import descend
from ..training.divergence import Diverged
from ..training.models import Origin
from ..training.refusal import going_on
from ..training.run_config import RunConfig
from .climbs import Climbs
from .config import TRAINER_NAMES, TrainerConfig
from .model import AGENT, Model
from .pooling import pooled
from .practice import Practice, Recordings, distances, from_nearest
from .steps import WIDEST

_WARM_UP = 50
"""Steps in which the learning rate rises from zero."""
_LEVELS = 12
"""Of distance: what gain is usual is known for each."""
_MEMORY = 0.03
_MOST = 20.0
"""A gain counts as so many times what is usual, at most."""
_POLICY = 0.2
_KEPT = ("validated", "best", "best_weights", "usual")


class Trainer:
    """A network of steps that is being trained, and all that its training depends on.

    Args:
        run: config of the run.
        task: renders.
        checkpoint: from which it goes on; climbs then begin anew.
    """

    def __init__(self, run: RunConfig, task: SoundMatchingTask, checkpoint: Path | None = None) -> None:
        self.run, self.task, self.config = run, task, TrainerConfig.of(run)
        torch.manual_seed(run.seed)
        training = None
        if checkpoint is None:
            origin = Origin.of(task, run.env, run.env_kwargs)
            options = {k: v for k, v in run.hyperparameters.items() if k not in TRAINER_NAMES}
            try:
                self.model = Model.new(task, options, origin)
            except (TypeError, ValueError, RuntimeError) as error:
                raise SynthgymError(f"no {AGENT} can be made of {options}: {error}") from error
        else:
            self.model, training = Model.load(checkpoint)
            self.model.origin.check(task, checkpoint)
        self.optimizer = torch.optim.AdamW(
            self.model.network.parameters(), weight_decay=self.config.weight_decay
        )
        self.validated, self.best, self.best_weights = 0, np.inf, self.model.weights()
        self.usual = np.zeros(_LEVELS)
        """The mean gain of a step, by distance."""
        self._practice: Practice | None = None
        self._held_out: tuple[Features, Climbs] | None = None
        if checkpoint is not None and training is not None:
            with going_on(AGENT, checkpoint):
                for name in _KEPT:
                    setattr(self, name, training[name])
                self.usual = np.array(self.usual)
                self.optimizer.load_state_dict(training["optimizer"])

    def check(self) -> None:
        """Raise SynthgymError if there is nothing to practise on."""
        if self.config.sounds is not None:
            Recordings(Path(self.config.sounds), self.task)

    def save(self, path: Path) -> None:
        """Save a checkpoint."""
        kept: dict[str, Any] = {name: getattr(self, name) for name in _KEPT}
        kept["usual"] = self.usual.tolist()
        self.model.save(path, kept | {"optimizer": self.optimizer.state_dict()})

    def save_best(self, path: Path) -> None:
        """Save the network that was best on the validation targets."""
        self.model.network.load_state_dict(self.best_weights)
        self.model.save(path)

    @property
    def _imitation(self) -> int:
        """How many steps are mini-batches of imitation."""
        return min(self.config.imitation, self.run.steps)

    def is_over(self) -> bool:
        """Return whether the training is complete."""
        return self.model.steps >= self.run.steps and not self.is_due()

    def is_due(self) -> bool:
        """Return whether it is time to validate: after imitation, every so often, and at the end."""
        done, since = self.model.steps, self.model.steps - self._imitation
        every = since >= 0 and since % self.config.validate_every == 0
        return done > self.validated and (every or done == self.run.steps)

    def step(self, examples: MiniBatches) -> dict[str, float]:
        """Learn from a mini-batch, or from one step of all climbs; return figures by name.

        Raises:
            Diverged: a loss is not finite.
        """
        done, imitated = self.model.steps, self._imitation
        rng = np.random.default_rng([self.run.seed, done])
        if done < imitated:
            self._set_rate(self.config.learning_rate, done, imitated)
            figures = self._imitate(examples, rng)
        else:
            self._set_rate(self.config.climb_learning_rate, done - imitated, self.run.steps - imitated)
            figures = self._climb(rng)
        self.model.steps += 1
        return figures

    def _set_rate(self, most: float, done: int, steps: int) -> None:
        rate = most * min(1, (done + 1) / _WARM_UP) * max(0.05, 1 - done / max(steps, 1))
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _imitate(self, examples: MiniBatches, rng: np.random.Generator) -> dict[str, float]:
        """Change patches of examples, and learn which steps lead back."""
        self.model.network.train()
        features, unit, notes = examples.batch(self.model.steps, self.config.batch_size, self.run.seed)
        away = self._changed(unit, rng)
        sound = self.task.render(away, notes).features[0]
        far = distances(sound, features)
        loss = self._loss_of_undoing(Climbs(pooled(features), notes, away, pooled(sound), far[:, 0]), unit)
        descend(self.optimizer, loss)
        return {"imitation_loss": float(loss.detach())}

    def _changed(self, unit: Unit, rng: np.random.Generator) -> Unit:
        """Return unit vectors (B, n) of which one to many parameters differ from others."""
        steps, away = self.model.network.steps, unit
        most = min(self.config.most_changes, unit.shape[1])
        changes = np.exp(rng.uniform(0, np.log(most + 1), len(unit))).astype(int)
        for already in range(0, most, WIDEST):
            drawn = steps.even(away).draw(1, rng, changes - already)
            away = steps.take(away, drawn, rng)[:, 0]
        return self.task.space.quantise(away)

    def _loss_of_undoing(self, climbs: Climbs, unit: Unit) -> torch.Tensor:
        network = self.model.network
        logits = network(climbs.seen(np.arange(len(unit))))
        changed = network.steps.changed(climbs.unit, unit) & (climbs.far > 0)[:, None]
        moves = torch.from_numpy(network.steps.moves(climbs.unit, unit))
        weight = torch.from_numpy(changed).float()
        move = logits.move.gather(2, moves[:, :, None])[:, :, 0].clamp(min=-20)
        each = ((logits.parameter + move) * weight).sum(1) / weight.sum(1).clamp(min=1)
        loss: torch.Tensor = -each.mean()
        return loss

    def _climb(self, rng: np.random.Generator) -> dict[str, float]:
        """Render steps of all climbs, learn from what they gained, and go on where it is nearer.

        REINFORCE (Williams, 1992), each step's baseline the mean of the others from the same patch (Kool, van
        Hoof and Welling, "Buy 4 REINFORCE samples, get a baseline for free!", 2019).
        """
        network, config = self.model.network, self.config
        if self._practice is None:
            # Gone on with, it begins behind all that it may have had before.
            climbed, most = self.model.steps - self._imitation, max(config.climbs, config.bank)
            first = self._imitation * (config.batch_size + 1) + climbed * config.groups * most
            self._practice = Practice(self.task, config, self.run.seed, first)
        climbs, targets, count = self._practice.climbs, self._practice.targets, config.tries
        network.train()
        logits = network(climbs.seen(np.arange(len(targets))))
        steps = logits.draw(count, rng)
        there = network.steps.take(climbs.unit, steps, rng)
        features = self.task.render(
            there.reshape(-1, there.shape[2]), np.repeat(climbs.notes, count, axis=0)
        ).features[0]
        far = distances(features, targets, count)
        gain = np.maximum(0, np.log(np.maximum(climbs.far, 1e-4)[:, None] / np.maximum(far, 1e-4)))
        worth = self._by_usual(climbs.far, gain)
        advantage = worth - (worth.sum(axis=1, keepdims=True) - worth) / (count - 1)
        chance = logits.parameter.exp()
        entropy = -(chance * logits.parameter).sum(1).mean()
        policy = -(torch.from_numpy(advantage).float() * logits.of(steps)).mean()
        descend(self.optimizer, _POLICY * (policy - config.entropy * entropy))
        climbs.go(there, features, far)
        self._practice.spend(count)
        return {
            "gain": float(gain.mean()),
            "better": float((gain > 0).mean()),
            "entropy": float(entropy.detach()),
            "changes": float((steps.parameters >= 0).sum(2).mean()),
        }

    def _by_usual(self, far: NDArray[np.float64], gain: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return gains (N, K) as multiples of what is usual at distances (N,), and learn what that is."""
        level = np.minimum((far * _LEVELS).astype(int), _LEVELS - 1)
        for i in np.unique(level):
            now = gain[level == i].mean()
            self.usual[i] += (_MEMORY if self.usual[i] else 1) * (now - self.usual[i])
        worth: NDArray[np.float64] = np.minimum(gain / np.maximum(self.usual[level], 1e-4)[:, None], _MOST)
        return worth

    def validate(self) -> dict[str, float]:
        """Climb towards the validation targets, and keep the network if it is the best; return figures.

        Raises:
            Diverged: a distance is not finite.
        """
        config, network = self.config, self.model.network
        targets, start = self._held_out = self._held_out or self._validation()
        climbs = Climbs(start.target, start.notes, start.unit.copy(), start.sound.copy(), start.far.copy())
        rng = np.random.default_rng(self.run.seed)
        network.eval()
        for _ in range(-(-config.validate_renders // config.tries)):
            with torch.no_grad():
                logits = network(climbs.seen(np.arange(len(targets))))
            there = network.steps.take(climbs.unit, logits.draw(config.tries, rng), rng)
            notes = np.repeat(climbs.notes, config.tries, axis=0)
            features = self.task.render(there.reshape(-1, there.shape[2]), notes).features[0]
            climbs.go(there, features, distances(features, targets, config.tries))
        far = float(climbs.far.mean())
        if not np.isfinite(far):
            raise Diverged(f"the mean distance of the validation targets is {far:g}")
        if far < self.best:
            self.best, self.best_weights = far, self.model.weights()
        self.validated = self.model.steps
        return {"distance": far, "start_distance": float(start.far.mean())}

    def _validation(self) -> tuple[Features, Climbs]:
        """Return validation targets, and climbs from the nearest of some patches of each one's note."""
        stream, bank = PatchStream("validation", self.run.seed), max(1, self.config.bank // 8)
        count = self.config.validate_on
        held_out = self.task.make_patches(stream.ids(range(count)))
        targets = held_out.rendered.features[0]
        parts = [
            from_nearest(
                self.task,
                targets[i : i + 1],
                held_out.notes[i : i + 1],
                stream.ids(range(count + i * bank, count + (i + 1) * bank)),
            )
            for i in range(count)
        ]
        fields = zip(*((c.target, c.notes, c.unit, c.sound, c.far) for c in parts), strict=True)
        return targets, Climbs(*(np.concatenate(field) for field in fields))
