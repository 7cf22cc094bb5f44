"""The program ``synthgym``: each command is the same code as ``scripts/NAME.py`` of a clone."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib.metadata import version

from . import run
from .table import COMMANDS

_WIDTH = max(map(len, COMMANDS))
HELP = f"""\
usage: synthgym COMMAND [OPTION...]

Agents learn to program real synthesisers: they turn a synth's knobs until it sounds like a target.

commands:
{chr(10).join(f"  {name:<{_WIDTH}}  {command.does}" for name, command in COMMANDS.items())}

options:
  -h, --help                   this; of a command: synthgym COMMAND --help
  --version                    of synthgym
  --print-completion SHELL     completion for bash, zsh and others: a script for the shell to read

examples:
  synthgym match marimba.wav --seconds 20
  synthgym train --env FM-v0 --agent ppo --n-timesteps 100000

In Python: gymnasium.make("synthgym:Dexed1Op-v0"), and synthgym_agents.load and .match for agents.
All environments and options: README.md and docs/ of the sources; environments have docstrings, too.
"""
"""What ``synthgym --help`` prints."""


def main() -> None:
    """Run the command that the command line names, and exit with its code."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help", "help") and not arguments:
        print(HELP, end="")
    elif name in ("-h", "--help", "help"):
        _run(arguments[0], ["--help"])
    elif name == "--version":
        print(f"synthgym {version('synthgym')}")
    elif name == "--print-completion":
        sys.argv = [f"synthgym {name}", *arguments]
        run("completion")
    else:
        _run(name, arguments)


def _run(name: str, arguments: list[str]) -> None:
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, 1, 0)
        print(f"error: no command {name!r}; did you mean {near[0]!r}? See synthgym --help", file=sys.stderr)
        sys.exit(2)
    # What the command says of itself begins with how it was called.
    sys.argv = [f"synthgym {name}", *arguments]
    run(COMMANDS[name].module)
