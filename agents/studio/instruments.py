"""The synths that the studio offers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envs_registry import missing
from synthgym.checks import one_of
from synthgym.synths.plugin_kinds import is_instrument, look
from synthgym.synths.plugin_places import installed, is_uri

from ..trials.signals import Signals

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
    """Return the synths of this machine: those of the package, then the plugins known to be instruments."""
    ours = [Instrument(key, name, key) for key, name in _BUILT_IN.items() if missing(key) is None]
    return ours + _of_plugins([plugin for plugin in installed() if is_instrument(plugin)])


def instrument(key: Any) -> Instrument:
    """Return the instrument of a key; UnknownNameError if it is none of ``instruments``."""
    known = {one.key: one for one in instruments()}
    one_of("instrument", key, known)
    return known[key]


def unknown() -> list[str]:
    """Return the installed plugins of which nobody has found yet whether they are instruments."""
    return [plugin for plugin in installed() if is_instrument(plugin) is None]


def look_at_all(stop: Signals) -> None:
    """Find out of each plugin that is unknown whether it is an instrument; a stop ends it after one."""
    for plugin in unknown():
        if stop.caught is not None:
            return
        look(plugin)


def _of_plugins(plugins: Sequence[str]) -> list[Instrument]:
    """Return plugins by their names; of one name by their formats too, of one format by their places."""
    said = list(zip(map(_name, plugins), map(_format, plugins), plugins, strict=True))
    names = Counter(name.casefold() for name, _, _ in said)
    formats = Counter((name.casefold(), kind) for name, kind, _ in said)
    found = []
    for name, kind, plugin in said:
        if names[name.casefold()] > 1:
            alike = formats[name.casefold(), kind] > 1
            name = f"{name} ({kind}, {plugin})" if alike else f"{name} ({kind})"
        # A helper process renders at once; what is forked first takes some seconds to be tried.
        found.append(Instrument(plugin, name, "Plugin-v0", {"plugin": plugin}, {"isolation": "process"}))
    return found


def _name(plugin: str) -> str:
    """Return what people call a plugin: ``amsynth`` of amsynth_vst.so."""
    if is_uri(plugin):
        return re.split("[/#:]", plugin.rstrip("/#:"))[-1]
    stem = Path(plugin).stem
    return re.sub(r"(?i)[-_ .]vst[23i]?$", "", stem) or stem


def _format(plugin: str) -> str:
    return "LV2" if is_uri(plugin) else "VST3" if Path(plugin).suffix.lower() == ".vst3" else "VST2"
