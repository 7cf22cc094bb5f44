"""Serve the studio, a page on which a recording becomes a preset; ``--help`` says how."""

import sys
from pathlib import Path

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agents.commands import run

if __name__ == "__main__":
    run("studio")
