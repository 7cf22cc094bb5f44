"""What the scripts share: bad input is one line on standard error and exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Callable

import gymnasium as gym

from synthgym.errors import SynthgymError


def run(main: Callable[[], int]) -> None:
    """Run a script's main function and exit with its code."""
    try:
        code = main()
    except (SynthgymError, gym.error.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)
