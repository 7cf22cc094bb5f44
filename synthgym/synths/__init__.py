"""The synthesisers, by name."""

from __future__ import annotations

import importlib
from typing import Any

from synthgym.errors import UnknownNameError
from synthgym.synths.base import Audio, Note, Synth

__all__ = ["SYNTHS", "Audio", "Note", "Synth", "make_synth"]

# Imported when they are made: an engine is loaded only by those who play it.
SYNTHS = {
    "dexed": "synthgym.synths.dexed:DexedSynth",
    "dexed plugin": "synthgym.synths.dexed_plugin:DexedPluginSynth",
    "faust": "synthgym.synths.faust:FaustSynth",
    "fm": "synthgym.synths.faust:FMSynth",
    "granulator": "synthgym.synths.faust:GranulatorSynth",
    "plugin": "synthgym.synths.plugin:PluginSynth",
}


def make_synth(name: str, **options: Any) -> Synth:
    """Make a synthesiser by name.

    Raises:
        UnknownNameError: no such synth.
        SynthError: an option is out of range.
    """
    if name not in SYNTHS:
        raise UnknownNameError("synth", name, SYNTHS)
    if name == "dexed" and options.get("plugin") is not None:
        name = "dexed plugin"
    module, _, kind = SYNTHS[name].partition(":")
    synth: Synth = getattr(importlib.import_module(module), kind)(**options)
    return synth
