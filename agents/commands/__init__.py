"""The commands that ``scripts/`` and the program ``synthgym`` run."""

import sys
from importlib import import_module

_OURS = ("synthgym", "synthgym_agents", "agents", "envs_registry")


def run(name: str) -> None:
    """Run the command in a module of this package, and exit with its code."""
    try:
        # The command comes first: it may set limits on threads, which stand before NumPy's import.
        command = import_module(f".{name}", __name__)
        cli = import_module(".cli", __name__)
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in _OURS:
            raise
        print(f'error: {error.name} is missing; pip install "synthgym[agents]"', file=sys.stderr)
        sys.exit(2)
    cli.run(command.main)
