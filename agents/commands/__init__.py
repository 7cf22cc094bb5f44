"""The commands that ``scripts/`` runs."""

import sys
from importlib import import_module


def run(name: str) -> None:
    """Run the command in a module of this package, and exit with its code."""
    try:
        # The command comes first: it may set limits on threads, which stand before NumPy's import.
        command = import_module(f".{name}", __name__)
        cli = import_module(".cli", __name__)
    except KeyboardInterrupt:
        sys.exit(130)
    cli.run(command.main)
