"""The real Dexed plugin, set with the same parameter vectors as its engine.

Written against Dexed 1.0.1 (VST3): host value = native / greatest native value, parameters found by
name, since indices moved between versions.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.errors import SynthError
from synthgym.hosting import Isolation
from synthgym.notes import Notes
from synthgym.parameters import Native
from synthgym.synths.base import Audio
from synthgym.synths.dexed import DexedSynth
from synthgym.synths.plugin import PluginSynth


class _Host(PluginSynth):
    """The plugin, whose voice fields are all set, so that nothing of it needs to be tried."""

    _is_tried = False


class DexedPluginSynth(DexedSynth):
    """A DX7 voice of one to six operators, rendered by the Dexed plugin.

    All 145 voice fields are set for every render, since the plugin does not start with INIT VOICE,
    and the six operator switches are on; its filter, output and tuning stay as it has them. Against
    the engine: compare spectra, not samples. LFOs without key sync and sample-and-hold are random.

    Args:
        plugin: path of Dexed.vst3.
        isolation: as in PluginSynth.
        patience: as in PluginSynth.
        **options: as in DexedSynth.

    Raises:
        SynthError: the plugin is not Dexed; otherwise as PluginSynth and DexedSynth.
    """

    on_cuda = False

    def __init__(
        self,
        *,
        plugin: str | os.PathLike[str],
        isolation: Isolation | None = None,
        patience: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.batch = 1
        if self.engine != "auto":
            raise SynthError("the plugin is an engine of its own; leave engine out, or leave plugin out")
        if not self.high_pass:
            raise SynthError("the plugin's high-pass is always on; leave high_pass out, or leave plugin out")
        self._host = _Host(
            plugin=plugin,
            isolation=isolation,
            patience=patience,
            sample_rate=self.sample_rate,
            hold=self.note.duration,
            duration=self.note.duration,
        )
        index = {knob.parameter.name: knob.index for knob in self._host.knobs}
        parameters = self.space.parameters
        switches = [f"OP{n} SWITCH" for n in range(1, 7)]
        missing = [name for name in (*(p.name for p in parameters), *switches) if name not in index]
        if missing:
            raise SynthError(f"{plugin} is not Dexed as of version 1.0: it has no parameter {missing[0]!r}")
        self._fields = [(index[p.name], p.high) for p in parameters]
        self._switched_on = [(index[name], 1.0) for name in switches]

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the sound of a native row besides the note: that it is the plugin's."""
        return {**super().settings, "plugin": True}

    def sources(self) -> list[Path]:
        """Return the plugin's file; a bundle has none."""
        return self._host.sources()

    @property
    def repeatable(self) -> bool:
        """Whether equal rows are bound to give equal bytes; see PluginSynth."""
        return self._host.repeatable

    def render(self, native: Native, notes: Notes | None = None) -> Audio:
        """Return audio (B, samples) of native rows (B, 145); every voice field and switch is set."""
        rows = []
        for row, note in zip(native.tolist(), self.note.rows(len(native), notes), strict=True):
            fields = [(i, value / high) for (i, high), value in zip(self._fields, row, strict=True)]
            rows.append(self._host.render_settings(fields + self._switched_on, note))
        return np.stack(rows)

    def close(self) -> None:
        """End the plugin; it is loaded again when it is needed."""
        self._host.close()
