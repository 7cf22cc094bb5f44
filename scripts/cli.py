"""What the scripts share: bad input is one line on standard error and exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import yaml

from synthgym.errors import SynthgymError


def read_keywords(texts: list[str]) -> dict[str, Any]:
    """Return ``name=value`` texts as a dict, values read as YAML; SynthgymError if one has no name."""
    keywords = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.isidentifier() and equals):
            raise SynthgymError(f"{text!r} is not of the form name=value")
        keywords[name] = yaml.safe_load(value)
    return keywords


def run(main: Callable[[], int]) -> None:
    """Run a script's main function and exit with its code."""
    try:
        code = main()
    except (SynthgymError, gym.error.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)
