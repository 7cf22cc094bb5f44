"""The manifest of a data set as it is read: what decides the bytes of the set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from synthgym.checks import whole
from synthgym.errors import SynthgymError, quoted
from synthgym.files import reason

MANIFEST = "manifest.json"
FORMAT = 1
MOST_ITEMS = 2**40
OF_A_SET = (
    *("format", "env", "env_kwargs", "source", "held_out", "size", "validation", "features", "dtype"),
    *("audio", "block", "versions", "repeatable"),
)
"""What a manifest says that is no matter of its task's sound, see ``SoundMatchingTask.identity``."""
_KINDS = {"env": str, "env_kwargs": dict, "source": dict, "features": dict, "parameters": list, "audio": bool}


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a data set; SynthgymError, with the cause, if there is none that can be used."""
    file, remedy = path / MANIFEST, "make one with synthgym dataset"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse)
        json.dumps(manifest, ensure_ascii=False).encode("utf-8")  # its texts can be written
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SynthgymError(f"{path} is no data set; {remedy}") from error
    except OSError as error:
        raise SynthgymError(f"cannot read {file}: {reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise SynthgymError(
            f"{path} is no data set: its {MANIFEST} is damaged ({error}); {remedy}"
        ) from error
    try:
        for name, kind in _KINDS.items():
            if not isinstance(manifest[name], kind):
                raise TypeError(f"{name} is {quoted(manifest[name])}")
        if not manifest["features"]:
            raise TypeError("it names no feature")
        for name, most in (("size", MOST_ITEMS), ("block", MOST_ITEMS), ("format", 2**31)):
            whole(name, manifest[name], 1, most)
    except KeyError as error:
        raise SynthgymError(f"{path} is no data set: its {MANIFEST} has no {error}; {remedy}") from error
    except (TypeError, ValueError) as error:
        raise SynthgymError(
            f"{path} is no data set: its {MANIFEST} is damaged ({error}); {remedy}"
        ) from error
    if manifest["format"] != FORMAT:
        raise SynthgymError(
            f"{path} is a data set of format {manifest['format']}; this version of synthgym reads {FORMAT}"
        )
    return dict(manifest)


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which is no number")
