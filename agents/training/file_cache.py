"""What was loaded from a file is kept as long as the file stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import TypeVar

Loaded = TypeVar("Loaded")


def cached_by_file(most: int) -> Callable[[Callable[[str, Path], Loaded]], Callable[[str, Path], Loaded]]:
    """Cache what a function loads for an agent from a file; it is loaded again when the file has changed.

    Args:
        most: files that are kept at once.
    """

    def decorate(load: Callable[[str, Path], Loaded]) -> Callable[[str, Path], Loaded]:
        @lru_cache(most)
        def load_once(agent: str, path: Path, state: tuple[int, int, int]) -> Loaded:
            return load(agent, path)

        @wraps(load)
        def cached(agent: str, path: Path) -> Loaded:
            if not path.is_file():
                return load(agent, path)  # which says what is wrong
            stat = path.stat()
            return load_once(agent, path, (stat.st_mtime_ns, stat.st_size, stat.st_ino))

        return cached

    return decorate
