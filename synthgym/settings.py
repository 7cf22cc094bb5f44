"""What was made with other settings is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from synthgym.errors import SynthgymError, quoted

_USUAL = {"notes_per_target": 1}


def check_same_settings(
    what: str,
    kept: Mapping[str, Any],
    wanted: Mapping[str, Any],
    remedy: str,
    *,
    ignore: Collection[str] = (),
) -> None:
    """Raise SynthgymError, naming the first difference, unless settings are those that are wanted.

    A setting that is missing is off (False), or as usual: older versions kept none of those that came later.

    Args:
        what: was made, as ``runs/first is a run``.
        kept: the settings it was made with, as JSON.
        wanted: the settings that are asked for, as JSON.
        remedy: what to do about a difference.
        ignore: names of settings that may differ.
    """
    for name in dict.fromkeys((*wanted, *sorted(kept))):
        was, now = (settings.get(name, _USUAL.get(name, False)) for settings in (kept, wanted))
        if name not in ignore and was != now:
            old, new = _first_difference(was, now)
            raise SynthgymError(f"{what} with {name} {old}, not {new}; {remedy}")


def _first_difference(old: Any, new: Any) -> tuple[str, str]:
    """Return the smallest parts in which two values differ, as text."""
    # What is off has none of the parts of what is on.
    if old is False and new and isinstance(new, dict):
        old = {}
    elif new is False and old and isinstance(old, dict):
        new = {}
    if isinstance(old, dict) and isinstance(new, dict):
        name = next(name for name in sorted({*old, *new}) if old.get(name) != new.get(name))
        a, b = _first_difference(old.get(name), new.get(name))
        return f"{name} {a}", f"{name} {b}"
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        place = next(place for place, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
        if isinstance(old[place], dict) and isinstance(new[place], dict):
            return _first_difference(old[place], new[place])
    return quoted(old), quoted(new)
