"""How a command reads its command line, and what its ``--help`` says: a manual with examples at its end."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from synthgym.errors import SynthgymError

from . import output
from .table import command_of

Options = argparse._ActionsContainer
"""A parser, or a group of its options."""

_SCRIPT = re.compile(r"python scripts/(\w+)\.py")


class Manual(argparse.ArgumentParser):
    """A parser that does at once what the options of all commands say."""

    def add_argument_group(self, *args: Any, **kwargs: Any) -> Any:
        """Add a group of options, before that which all commands have."""
        group = super().add_argument_group(*args, **kwargs)
        self._action_groups.sort(key=lambda each: each.title == output.TITLE)
        return group

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Return what the command line says.

        Args:
            args: the command line; None: that of the process.
            namespace: to write to; None: a new one.

        Returns:
            What the command line says.

        Raises:
            SynthgymError: an argument is empty: as a path it would be the folder that one is in.
        """
        given = sys.argv[1:] if args is None else args
        if any(not text or re.fullmatch(r"--[\w-]+=", text) for text in given):
            raise SynthgymError(
                "an argument is empty, as of a variable that is not set; give one, or leave it out"
            )
        parsed = super().parse_args(args, namespace)
        output.begin(parsed)
        return parsed

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, in a line, and which option was perhaps meant.

        Args:
            message: of argparse.

        Raises:
            SynthgymError: always.
        """
        words = message.partition("unrecognized arguments: ")[2]
        if os.path.isfile(words):  # noqa: PTH113, it may be too long
            raise SynthgymError(f"{words} is taken for options; say ./{words}")
        known = [option.lstrip("-") for action in self._actions for option in action.option_strings]
        unknown = re.findall(r"(?<!\S)--([\w-]+)", words)
        near = [f"--{name}" for one in unknown for name in get_close_matches(one, known, 1)]
        meant = dict.fromkeys(near)
        said = message.removeprefix("argument ")
        hint = f"did you mean {' and '.join(meant)}?" if meant else "see --help"
        raise SynthgymError(f"{said}; {hint}")


def new_parser(description: str | None, document: str | None = None) -> Manual:
    """Return a parser that shows a command's own description.

    Args:
        description: docstring of the command's module; its indented lines are examples.
        document: what ``--json`` prints; None if the command has no such option.

    Returns:
        The parser; the group of what is shown is the last.
    """
    text, examples = _parts(description or "")
    parser = Manual(
        prog=Path(sys.argv[0]).name,
        description=text,
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    output.add_output(parser, document)
    return parser


def _parts(description: str) -> tuple[str, str]:
    """Return the text of a docstring and its examples, which name the program by which it was called."""
    lines = description.strip().splitlines()
    examples = "\n".join(line[2:] for line in lines if line.startswith("    "))
    text = "\n".join(line for line in lines if not line.startswith("    "))
    if sys.argv[0].startswith("synthgym "):
        examples = _SCRIPT.sub(lambda found: command_of(found[1]) or found[0], examples)
    return re.sub(r"\n{3,}", "\n\n", text), examples
