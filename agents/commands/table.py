"""The commands of the program ``synthgym``, in the order in which its help names them."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """One of them.

    Attributes:
        module: beside this one; the same code as ``scripts/MODULE.py`` of a clone.
        does: what the help says of it.
    """

    module: str
    does: str


COMMANDS = {
    "demo": Command("demo", "show what this is in three minutes: a match, and an agent that learns"),
    "match": Command("match", "make a synth sound like recordings: a preset, its sound and a page"),
    "studio": Command("studio", "the same on a page in the browser"),
    "train": Command("train", "train an agent on an environment"),
    "evaluate": Command("evaluate", "compare agents: equal targets, seeds and budgets of renders"),
    "report": Command("report", "make a page of an evaluation, to look at and to listen to"),
    "watch": Command("watch", "film an agent turning a synth's knobs, with sound"),
    "dataset": Command("make_dataset", "make a data set of parameters and what they sound like"),
    "real-sounds": Command("real_sounds", "render notes of soundfonts, to train on or to judge by"),
    "plugins": Command("plugins", "list the installed plugins, or the knobs of one"),
    "benchmark": Command("benchmark", "measure how fast all of it is on this machine"),
}
"""By the name on the command line."""


def command_of(module: str) -> str | None:
    """Return how the program is called to run a module, as ``synthgym dataset``; None if it does not."""
    return next((f"synthgym {name}" for name, command in COMMANDS.items() if command.module == module), None)
