"""Print what completes the command line of ``synthgym`` in a shell.

    mkdir -p ~/.local/share/bash-completion/completions
    synthgym --print-completion bash > ~/.local/share/bash-completion/completions/synthgym
    synthgym --print-completion zsh > "${fpath[1]}/_synthgym"

Commands, options, environment ids, names of agents and paths are completed.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

import shtab

from envs_registry import ENVIRONMENTS, goal_id

from ..catalogue import AGENTS
from .manual import new_parser
from .table import COMMANDS

_NAMES = {
    "env": [name for env_id in ENVIRONMENTS for name in (env_id, goal_id(env_id))],
    "agent": list(AGENTS),
    "agents": list(AGENTS),
}
"""What an option takes that may be something else, too: by its destination."""


def main() -> int:
    """Print the completion of a shell."""
    parser = new_parser(__doc__)
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, help="that shall complete")
    shell = parser.parse_args().shell
    # Its annotation says that a preamble is text; it is one by shell.
    functions: Any = {"bash": "\n".join(map(_function, _NAMES))}
    print(shtab.complete(program(), shell, preamble=functions))
    return 0


def program() -> argparse.ArgumentParser:
    """Return a parser with the commands of the program and all their options."""
    parser = argparse.ArgumentParser(prog="synthgym")
    parser.add_argument("--version", action="store_true", help="of synthgym")
    commands = parser.add_subparsers(dest="command")
    for name, command in COMMANDS.items():
        module = import_module(f".{command.module}", __package__)
        options = commands.add_parser(name, parents=[module.parser()], add_help=False, help=command.does)
        for action in options._actions:
            if action.dest in _NAMES and action.choices is None:
                names = " ".join(_NAMES[action.dest])
                action.complete = {"bash": f"_synthgym_{action.dest}", "zsh": f"({names})", "tcsh": ""}  # type: ignore[attr-defined]
            elif action.type is Path:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return parser


def _function(option: str) -> str:
    """Return the function by which bash completes an option."""
    return f'_synthgym_{option}() {{ compgen -W "{" ".join(_NAMES[option])}" -- "$1"; }}'
