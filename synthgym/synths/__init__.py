"""The synthesisers, by name."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from synthgym.checks import one_of
from synthgym.errors import SynthError
from synthgym.notes import Note
from synthgym.synths.base import Audio, Synth

__all__ = ["SYNTHS", "Audio", "Note", "Synth", "make_synth"]

# Imported when they are made: an engine is loaded only by those who use it.
SYNTHS = {
    "dexed": "synthgym.synths.dexed:DexedSynth",
    "dexed plugin": "synthgym.synths.dexed_plugin:DexedPluginSynth",
    "faust": "synthgym.synths.faust:FaustSynth",
    "fm": "synthgym.synths.faust:FMSynth",
    "granulator": "synthgym.synths.faust:GranulatorSynth",
    "plugin": "synthgym.synths.plugin:PluginSynth",
    "vital": "synthgym.synths.vital:VitalSynth",
}


def keywords(name: str) -> list[str]:
    """Return the keywords that a synth takes; UnknownNameError if there is no such synth."""
    names = [
        parameter.name
        for base in _synth_class(name).__mro__
        if "__init__" in vars(base) and base is not object
        for parameter in inspect.signature(vars(base)["__init__"]).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    return list(dict.fromkeys([*names, *(["plugin", "isolation", "patience"] if name == "dexed" else [])]))


def _synth_class(name: str) -> type[Synth]:
    one_of("synth", name, SYNTHS)
    module, _, kind = SYNTHS[name].partition(":")
    synth: type[Synth] = getattr(importlib.import_module(module), kind)
    return synth


def make_synth(name: str, **options: Any) -> Synth:
    """Make a synthesiser by name.

    Raises:
        UnknownNameError: no such synth.
        SynthError: an option is out of range.
    """
    if name == "dexed" and options.get("plugin") is not None:
        name = "dexed plugin"
    kind = _synth_class(name)
    for name, parameter in inspect.signature(kind).parameters.items():
        optional = parameter.default is not parameter.empty or parameter.kind is parameter.VAR_KEYWORD
        if not optional and name not in options:
            raise SynthError(f"this synth needs the keyword {name!r}; give {name}=...")
    return kind(**options)
