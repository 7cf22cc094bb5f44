"""DawDreamer engines, in this process or in a helper process of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgym.hosting.engines import make_engine


def open_engine(kind: str, options: Mapping[str, Any]) -> Any:
    """Make an engine."""
    return make_engine(kind, options)
