"""The commands that ``scripts/`` and the program ``synthgym`` run."""

import os
import sys
from importlib import import_module

_OURS = ("synthgym", "synthgym_agents", "agents", "envs_registry")


def run(module: str) -> None:
    """Run the command in a module of this package, and exit with its code."""
    # Threads that wait for each other let other programs go on. If they turned in circles, as is usual, a
    # training would take half as long again where these want the cores, too.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        # The command comes first: it may set limits on threads, which stand before NumPy's import.
        command = import_module(f".{module}", __name__)
        cli = import_module(".cli", __name__)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # synthgym.datasets names its own extra, which that of agents brings.
        missing = error if isinstance(error, ModuleNotFoundError) else error.__cause__
        name = missing.name if isinstance(missing, ModuleNotFoundError) else None
        if name is None or name.partition(".")[0] in _OURS:
            raise
        errors = import_module("synthgym.errors")
        print(f"error: {name} is missing; {errors.installing('agents')}", file=sys.stderr)
        sys.exit(2)
    cli.run(command.main)
