"""Runs a command of this clone, whatever else is installed under the name ``agents``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def run(name: str) -> None:
    """Run the command ``agents.commands.NAME`` and exit with its code."""
    # Another distribution (openai-agents) has a package of that name, too, and a clone need not be installed.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    command = importlib.import_module(f"agents.commands.{name}")
    importlib.import_module("agents.commands.cli").run(command.main)
