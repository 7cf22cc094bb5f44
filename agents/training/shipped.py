"""Which networks come with the package, and where."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "guided" / "pretrained"
"""Where they are: ``ENV.safetensors``, with a model card, ``ENV.md``."""
SUFFIX = ".safetensors"


def shipped_model(env_id: str) -> Path | None:
    """Return the file of the network that comes with the package for an environment; None if there is none.

    Of one that has a card but is missing the file does not exist.
    """
    path = SHIPPED / f"{env_id.rpartition(':')[2]}{SUFFIX}"
    return path if path.is_file() or path.with_suffix(".md").is_file() else None
