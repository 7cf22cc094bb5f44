"""What a command shows: bars and a log on standard error, text for people or one JSON document."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from tqdm import tqdm

import synthgym

TITLE = "what is shown"
LEVELS = ("debug", "info", "warning", "error")
_LOGGED = (__name__.partition(".")[0], synthgym.__name__)
_asked: list[TextIO] = []
"""Where a JSON document goes, if one is asked for."""
_USUAL = tqdm.__init__


def add_output(parser: argparse.ArgumentParser, document: str | None) -> None:
    """Add the options that say how much is shown.

    Args:
        parser: of a command.
        document: what its JSON document holds; None if it has none.
    """
    group = parser.add_argument_group(TITLE)
    group.add_argument("-q", "--quiet", action="store_true", help="no progress bars, and no log but warnings")
    group.add_argument(
        "--log-level", choices=LEVELS, help="least level of what is logged (default: info; quiet: warning)"
    )
    if document is not None:
        group.add_argument(
            "--json",
            action="store_true",
            help=f"print {document} as one JSON document, and all other text to standard error",
        )


def begin(args: argparse.Namespace) -> None:
    """Do as the options say, whatever those of a command before in this process said."""
    log(args.log_level or ("warning" if args.quiet else "info"))
    # Of all bars, whoever shows them.
    tqdm.__init__ = _hidden if args.quiet else _USUAL  # type: ignore[method-assign,assignment]
    if _asked and (out := _asked.pop()) and sys.stdout is sys.stderr:  # of a command that failed
        sys.stdout = out
    if getattr(args, "json", False):
        _asked.append(sys.stdout)
        sys.stdout = sys.stderr


def log(level: str) -> None:
    """Show what modules of both packages log at a level, or above it."""
    logging.basicConfig(format="%(message)s")
    for package in _LOGGED:
        logging.getLogger(package).setLevel(level.upper())


def answer(document: Any) -> None:
    """Print what came of a command as JSON, if that is asked for: paths as text, arrays as lists."""
    if _asked:
        sys.stdout = _asked.pop()
        print(json.dumps(document, indent=2, default=_plain), flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value)} is not for JSON")


@wraps(_USUAL)
def _hidden(bar: tqdm[Any], *args: Any, **options: Any) -> None:
    _USUAL(bar, *args, **{**options, "disable": True})
