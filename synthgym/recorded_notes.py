"""Which notes the recordings of a folder are of, as the manifest beside them says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from synthgym.checks import number, whole
from synthgym.errors import SynthgymError

MANIFEST = "manifest.json"


def read_manifest(folder: Path) -> dict[str, tuple[int, int, float]]:
    """Return what is played in each sound file of a folder, by its name: note, velocity, and hold in seconds.

    A folder without a manifest says nothing of its sounds: the dict is empty.

    Raises:
        SynthgymError: the manifest is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        return {
            str(file): (
                whole("note", sound["note"], 0, 127),
                whole("velocity", sound["velocity"], 1, 127),
                number("hold", sound["hold"], 0, 60),
            )
            for file, sound in whole_manifest(path)["sounds"].items()
        }
    except (KeyError, TypeError, AttributeError, SynthgymError) as error:
        raise _damaged(path) from error


def whole_manifest(path: Path) -> dict[str, Any]:
    """Return all that a manifest says; SynthgymError if it is damaged."""
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest, dict):
            raise TypeError
    except (ValueError, TypeError) as error:
        raise _damaged(path) from error
    return manifest


def _damaged(path: Path) -> SynthgymError:
    return SynthgymError(f"{path} is damaged; make the set again with synthgym real-sounds")
