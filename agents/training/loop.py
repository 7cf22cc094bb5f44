"""Step by step through a training of ours: progress bar, figures, checkpoints and previews."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, Self

from torch import nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from synthgym.errors import SynthgymError
from synthgym.task import SoundMatchingTask

from ..trials.signals import Signals
from .divergence import Diverged, diverged, has_finite_weights, kept
from .preview import Preview
from .run_config import RunConfig
from .run_folder import CHECKPOINTS, RunFolder


class _Model(Protocol):
    @property
    def network(self) -> nn.Module: ...

    steps: int
    renders: int


class _Trainer(Protocol):
    run: RunConfig

    @property
    def model(self) -> _Model: ...

    def is_over(self) -> bool: ...

    def is_due(self) -> bool: ...

    def save(self, path: Path) -> None: ...

    def save_best(self, path: Path) -> None: ...


def train_to_the_end(
    folder: RunFolder,
    trainer: _Trainer,
    task: SoundMatchingTask,
    step: Callable[[], dict[str, float]],
    validate: Callable[[], dict[str, float]],
    always_kept: Callable[[], bool] = lambda: False,
) -> int:
    """Train until it is over, or a signal comes, and save the final model.

    Shows a progress bar. Ctrl-C, SIGTERM and errors end it with a checkpoint.

    Args:
        folder: of the run.
        trainer: whose model learns.
        task: whose meter counts what is rendered.
        step: learns; returns figures.
        validate: judges what was learned; returns figures.
        always_kept: whether there is a checkpoint after each validation now, and not only every so often.

    Returns:
        0 if the training is complete, otherwise the number of the signal that ended it.

    Raises:
        SynthgymError: the training diverged or could not be validated.
    """
    task.meter.renders = trainer.model.renders
    with (
        Signals() as signals,
        SummaryWriter(str(folder.tensorboard)) as writer,
        closing(Preview(trainer.run, writer)) as preview,
    ):
        with _Loop(folder, trainer, task, writer, preview) as loop:
            while not trainer.is_over():
                signals.check()
                loop.advance(step, validate, always_kept=always_kept())
        folder.save_final(trainer.save_best)
        preview(folder.final_model, trainer.model.steps, last=True)
    return int(signals.caught or 0) if signals.stopped else 0


class _Loop:
    """Trains step by step.

    As a context it ends with a checkpoint, unless the weights are of no use any more.

    Args:
        folder: of the run.
        trainer: whose model learns.
        task: whose meter counts what is rendered.
        writer: of the TensorBoard log.
        preview: of what is learned.
    """

    def __init__(
        self,
        folder: RunFolder,
        trainer: _Trainer,
        task: SoundMatchingTask,
        writer: SummaryWriter,
        preview: Preview,
    ) -> None:
        self._folder, self._trainer, self._task = folder, trainer, task
        self._writer, self._preview = writer, preview
        self._saved = trainer.model.steps

    def __enter__(self) -> Self:
        steps, done = self._trainer.run.steps, self._trainer.model.steps
        self._bar = tqdm(total=steps, initial=done, unit=" steps", desc="training")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._bar.close()
        steps = self._trainer.model.steps
        self._checkpoint_unless_diverged()
        if isinstance(error, Diverged):
            raise diverged(self._folder, steps, error) from error
        if isinstance(error, _ValidationFailed):
            cause = error.__cause__
            raise SynthgymError(
                f"the validation after {steps} steps failed ({type(cause).__name__}: {cause}); "
                f"{kept(self._folder)}; --resume validates again and goes on"
            ) from cause

    def _checkpoint_unless_diverged(self) -> None:
        if has_finite_weights(self._trainer.model.network):
            self._checkpoint()

    def _checkpoint(self) -> Path:
        model = self._trainer.model
        model.renders = self._task.meter.renders
        return self._folder.save_checkpoint(model.steps, self._trainer.save)

    def advance(
        self,
        step: Callable[[], dict[str, float]],
        validate: Callable[[], dict[str, float]],
        *,
        always_kept: bool,
    ) -> None:
        """Make a step, unless a validation is still due, and validate if it is time."""
        trainer = self._trainer
        model = trainer.model
        if not trainer.is_due():
            self._log("train", step())
            self._bar.update()
        if not trainer.is_due():
            return
        # A validation may take longer than a machine that is to end is given.
        self._checkpoint_unless_diverged()
        figures = self._validated(validate)
        self._log("validation", figures)
        shown = {name: f"{value:.3f}" for name, value in figures.items()}
        self._bar.set_postfix(shown, refresh=False)
        if always_kept or model.steps - self._saved >= trainer.run.steps / CHECKPOINTS:
            self._preview(self._checkpoint(), model.steps)
            self._saved = model.steps

    def _validated(self, validate: Callable[[], dict[str, float]]) -> dict[str, float]:
        try:
            return validate()
        except Diverged:
            raise
        except Exception as error:
            raise _ValidationFailed from error

    def _log(self, kind: str, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(f"{kind}/{name}", value, self._trainer.model.steps)


class _ValidationFailed(Exception):
    """The cause of it is what the validation raised."""
