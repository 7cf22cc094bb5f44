"""The presets of a plugin: those in files, and the programs that it brings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from synthgym.errors import PluginCrashed, PresetError, SynthError
from synthgym.files import reason, replaced
from synthgym.hosting import SAFEST, Engine, Isolation
from synthgym.synths.hosted import OwnsEngine
from synthgym.synths.lv2_presets import lv2_presets
from synthgym.synths.plugin_places import is_uri
from synthgym.synths.vst2_presets import check_vst2, plugin_of

logger = logging.getLogger(__name__)
MOST_PROGRAMS = 128
"""So many programs of a plugin are read: those that a MIDI program change reaches."""
VST2 = (".fxp", ".fxb")
"""The file name endings of a VST2 plugin's presets and banks."""
_STATE = b"<VST3PluginState"


class PluginPresets(OwnsEngine):
    """Reads which values presets have, by engines of its own.

    Args:
        plugin: path or URI.
        name: what messages call it.
        loaded: the name of every parameter, and its host value when the plugin is loaded.
        opened: opens the plugin.
    """

    def __init__(
        self,
        plugin: str,
        name: str,
        loaded: Sequence[tuple[str, float]],
        opened: Callable[[Isolation], Engine],
    ) -> None:
        self._plugin, self._name, self._loaded, self._opened = plugin, name, loaded, opened

    def _make_engine(self) -> Engine:
        # Not forked, as a state is taken by the thread alone that loaded the plugin; and of its own, as what
        # a preset changes besides the knobs must not be heard in the next render.
        return self._opened("process")

    def read(self, path: Path) -> list[float]:
        """Return the host values of all parameters in a file; PresetError if it is no preset of its."""
        try:
            if not path.is_file():
                raise PresetError(f"no such preset: {path}")
            data = path.read_bytes()
        except OSError as error:
            raise PresetError(f"cannot read the preset {path}: {reason(error)}") from error
        no_preset = f"{path} is no preset of {self._name}"
        if path.suffix.lower() == ".state" and _STATE not in data:
            raise PresetError(
                f"{no_preset}: no state of a VST3 plugin is in it; give one that was saved here"
            )
        try:
            with TemporaryDirectory() as folder:  # engines take names in UTF-8 alone
                copied = Path(folder, f"preset{path.suffix}")
                copied.write_bytes(data)
                if path.suffix.lower() in VST2:
                    check_vst2(data, plugin_of(self.engine.call("state")))
                hosts: list[float] = self.engine.call("load", str(copied))
        except (SynthError, PluginCrashed, ValueError) as error:
            raise PresetError(f"{no_preset}: {error}") from error
        return hosts

    def programs(self) -> list[list[float]]:
        """Return the host values of all parameters in each program, at most 128.

        Those of a VST2 plugin are read in a helper process: one that crashes has none. Those of an LV2 plugin
        are the presets that are installed. Of VST3 plugins DawDreamer tells none.
        """
        if is_uri(self._plugin):
            names, defaults = zip(*self._loaded, strict=True)
            return lv2_presets(self._plugin, names, defaults)[:MOST_PROGRAMS]
        try:
            engine = self._opened(SAFEST)
            try:
                hosts: list[list[float]] = engine.call("programs", MOST_PROGRAMS)
            finally:
                engine.close()
        except (SynthError, PluginCrashed) as error:
            logger.warning("%s: its programs cannot be read (%s); taken to have none", self._name, error)
            return []
        return hosts


def save_state(engine: Engine, settings: Sequence[tuple[int, float]], path: Path) -> None:
    """Write the state of an engine's plugin with parameters set to a new file.

    Args:
        engine: of the plugin.
        settings: what is set, as (index, host value from 0 to 1).
        path: of the file; its suffix says in which format.
    """
    with TemporaryDirectory() as folder:  # engines take names in UTF-8 alone
        saved = Path(folder, f"preset{path.suffix}")
        engine.call("save", settings, str(saved))
        with replaced(path) as temporary:
            copyfile(saved, temporary)


def preset_suffix(plugin: str) -> str:
    """Return the file name ending of the presets of a plugin that are saved."""
    if is_uri(plugin):
        return ".json"  # DawDreamer 0.9 saves an LV2 plugin's state but does not give it back
    return ".state" if Path(plugin).suffix.lower() == ".vst3" else ".fxp"
