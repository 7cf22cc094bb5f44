"""The files of an evaluation: rows, summary, pictures of curves and of matches."""

from __future__ import annotations

from collections.abc import Sequence

from synthgym.files import replaced, unwritable
from synthgym.task import SoundMatchingTask

from ..evaluation.results import Results
from ..evaluation.targets import Target
from .pictures import draw_curves, draw_matches, save
from .summary import KINDS, summary


def write_files(task: SoundMatchingTask, targets: Sequence[Target], results: Results, silent: int) -> None:
    """Write rows, summary and pictures to the folder of an evaluation.

    Args:
        task: renders what was found.
        targets: that were searched for.
        results: of the evaluation.
        silent: how many targets were left out for being silent.

    Raises:
        SynthgymError: they cannot be written.
    """
    rows, curves = results.rows(), results.curves()
    text = summary(rows, silent, results.left_out(), task.synth.note.duration, task.notes_per_target)
    try:
        results.write()
        with replaced(results.path / "summary.md") as temporary:
            temporary.write_text(text, encoding="utf-8")
        for kind in rows["kind"].unique():
            of, title = curves[curves["kind"] == kind], f"{results.settings['env']}, {KINDS[kind]}"
            save(draw_curves(of, int(rows["budget"].max()), title), results.path / f"curves-{kind}.png")
            figure = draw_matches(task, targets, rows[rows["kind"] == kind])
            save(figure, results.path / f"matches-{kind}.png")
    except OSError as error:
        raise unwritable(results.path, error) from error
