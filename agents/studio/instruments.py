"""The synths that the studio offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envs_registry import missing
from synthgym.checks import one_of
from synthgym.synths.plugin_places import installed, is_uri

_BUILT_IN = {"Dexed6Op-v0": "DX7 (Dexed)", "Vital-v0": "Vital", "FM-v0": "FM, two operators"}
"""What ids are called, in the order in which they are offered."""


@dataclass(frozen=True)
class Instrument:
    """A synth to choose.

    Attributes:
        key: by which a page names it: an environment id, or the path or URI of an installed plugin.
        name: for people.
        env_id: id of its environment.
        env_kwargs: keywords of it.
        played: further keywords for a keyboard, where what was rendered need not come again.
    """

    key: str
    name: str
    env_id: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    played: Mapping[str, Any] = field(default_factory=dict)


def instruments() -> list[Instrument]:
    """Return the synths of this machine: those of the package, then the plugins that are installed."""
    ours = [Instrument(key, name, key) for key, name in _BUILT_IN.items() if missing(key) is None]
    return ours + [_of_plugin(plugin) for plugin in installed()]


def instrument(key: Any) -> Instrument:
    """Return the instrument of a key; UnknownNameError if it is none of ``instruments``."""
    known = {one.key: one for one in instruments()}
    one_of("instrument", key, known)
    return known[key]


def _of_plugin(plugin: str) -> Instrument:
    name = plugin.rstrip("/#").replace("#", "/").rsplit("/", 1)[-1] if is_uri(plugin) else Path(plugin).stem
    # A helper process renders at once; what is forked first takes some seconds to be tried.
    return Instrument(plugin, name, "Plugin-v0", {"plugin": plugin}, {"isolation": "process"})
