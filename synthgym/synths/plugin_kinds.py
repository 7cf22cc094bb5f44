"""Which installed plugins are instruments: each is looked at once, in a helper process, and remembered."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import closing
from pathlib import Path

from platformdirs import user_cache_path

from synthgym.errors import SynthgymError
from synthgym.files import as_utf8, reason, replaced
from synthgym.hosting import HELPERS, Patience, open_engine
from synthgym.synths.plugin_places import files_of, is_uri
from synthgym.synths.trying import silent

logger = logging.getLogger(__name__)

PATIENCE = Patience(loading=20.0, rendering=5.0)
"""Seconds that a plugin may take to be looked at: nobody has asked for it yet."""
_RATE, _SAMPLES = 44_100, 22_050
_NOTE, _NO_NOTE = (60, 100, 0.3), (60, 0, 0.3)
"""A velocity of 0 strikes nothing."""
_NO_TEXTS = ""
"""A pattern that is found in the name of every parameter, so that none is asked for its texts."""
_FOUND: dict[str, bool] = {}
"""What was found by this process, by the name of the file that keeps it."""


def is_instrument(plugin: str) -> bool | None:
    """Return whether an installed plugin, by its whole path or URI, is an instrument; None if unknown yet.

    LV2 plugins that are listed say so themselves. Of VST files nothing is known without loading them.
    """
    if is_uri(plugin) or not HELPERS:  # without helpers it would be loaded into this process
        return True
    path = _kept_in(plugin)
    if path.name not in _FOUND:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        _FOUND[path.name] = found is True
    return _FOUND[path.name]


def look(plugin: str) -> bool:
    """Load a VST2 or VST3 plugin in a helper process and return whether it is an instrument; it is kept.

    An effect takes audio, and as it is loaded a note makes no sound in it, or it sounds without one, as what
    adds noise does. What cannot be loaded is no instrument, for as long as this process lives.
    """
    path = _kept_in(plugin)
    try:
        options = {"path": as_utf8(plugin, "DawDreamer"), "sample_rate": _RATE, "samples": _SAMPLES}
        with closing(open_engine("plugin", options, "process", Path(plugin).name, PATIENCE)) as engine:
            takes_audio = engine.call("describe", _NO_TEXTS)["inputs"] > 0
            found = not takes_audio or (
                silent(engine.render(([], _NO_NOTE))) and not silent(engine.render(([], _NOTE)))
            )
    except SynthgymError as error:
        logger.info("%s is not offered: %s", plugin, error)
        _FOUND[path.name] = False
        return False
    _FOUND[path.name] = found
    try:
        with replaced(path) as temporary:
            temporary.write_text(json.dumps(found), encoding="utf-8")
    except OSError as error:
        logger.info("cannot keep what was found of %s in %s: %s", plugin, path.parent, reason(error))
    return found


def _kept_in(plugin: str) -> Path:
    """Return the user's file that says what a plugin is, by the places, sizes and dates of its files."""
    files = []
    for file in files_of(plugin):
        try:
            about = file.stat()
        except OSError:
            continue
        files.append((str(file), about.st_size, about.st_mtime_ns))
    digest = hashlib.sha256(json.dumps([plugin, files]).encode())
    return user_cache_path("synthgym") / "plugins" / f"instrument-{digest.hexdigest()[:32]}.json"
