"""Where plugins are: by path or by URI, and which are installed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from synthgym.errors import SynthError, quoted
from synthgym.files import reason

_FOREIGN = {b"MZ": "Windows", b"\xcf\xfa\xed\xfe": "macOS", b"\xca\xfe\xba\xbe": "macOS"}
_URI = re.compile(r"urn:|[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_PREFIX = re.compile(r"@prefix\s+([\w-]*):\s*<([^>]*)>")
_NAME = r"(?:[\w-]*:[\w-]+|<[^>]*>)"
_SUBJECT = re.compile(rf"(?:<([^>\s]+)>|([\w-]*):([\w-]+))\s+a\s+({_NAME}(?:\s*,\s*{_NAME})*)")
_SHOWN = 12
_LONGEST = 500_000
"""Characters of a description of plugins that are read."""


def is_uri(plugin: str) -> bool:
    """Return whether a name of a plugin is a URI, and no path."""
    return _URI.match(plugin) is not None


def located(plugin: Any) -> str:
    """Return the whole path of a plugin's file, or its URI, from what a user gives.

    Raises:
        SynthError: there is no such file, or it is for another platform, or a bundle of LV2 plugins.
    """
    if not isinstance(plugin, str | os.PathLike):
        raise SynthError(
            f"a plugin is the path of a VST2 or VST3 plugin, or an LV2 URI; got {quoted(plugin, 200)}"
        )
    name = os.fsdecode(plugin)
    if is_uri(name):
        return name
    path = _place(name).absolute()
    try:
        exists = path.exists()
    except (OSError, ValueError):  # too long for a path, or a zero in it
        exists = False
    if not exists:
        raise SynthError(f"no such plugin: {name}; give a path of a VST2 or VST3 plugin, or an LV2 URI")
    bundle = path if path.is_dir() else path.parent
    if bundle.suffix == ".lv2" and (uris := sorted(uris_in(bundle, "InstrumentPlugin") or uris_in(bundle))):
        offered = " or ".join(uris[:_SHOWN]) + (" or another" if len(uris) > _SHOWN else "")
        raise SynthError(f"{name} is of LV2 plugins, which go by their URIs: give {offered}")
    if path.is_file():
        try:
            with path.open("rb") as file:
                head = file.read(4)
        except OSError as error:
            raise SynthError(
                f"cannot read {name}: {reason(error)}; give a plugin that you may read"
            ) from error
        native = {"win32": "Windows", "darwin": "macOS"}.get(sys.platform)
        for magic, system in _FOREIGN.items():
            if head.startswith(magic) and system != native:
                raise SynthError(f"{name} is a plugin for {system}; get the one for this platform")
    return str(path)


def remedy(plugin: str) -> str:
    """Return what to do about a plugin that cannot be loaded."""
    known = sorted(uri for bundle in bundles() for uri in uris_in(bundle)) if is_uri(plugin) else []
    if known and plugin not in known:
        near = get_close_matches(plugin, known, n=3, cutoff=0.7)
        if near:
            return f"no LV2 plugin of that URI is installed: did you mean {' or '.join(near)}?"
        return "no LV2 plugin of that URI is installed; synthgym plugins lists those that are"
    return "give a VST2, VST3 or LV2 instrument for this platform"


def installed() -> Iterator[str]:
    """Give the instruments that are installed where plugins usually are: LV2 URIs, and VST2 and VST3 files.

    Of VST files nothing tells instruments from effects but loading them, so that all are given.
    """
    for bundle in bundles():
        yield from sorted(uris_in(bundle, "InstrumentPlugin"))
    for folder in _folders("VST3_PATH", "vst3"):
        found = sorted(folder.rglob("*.vst3"))  # a bundle holds a file of that name for each system
        yield from (str(path) for path in found if not any(above.suffix == ".vst3" for above in path.parents))
    for folder in _folders("VST_PATH", "vst"):
        yield from sorted(str(path) for path in folder.rglob("*.so") if path.is_file())


def bundles() -> list[Path]:
    """Return the folders of the installed LV2 plugins."""
    return [path for folder in _folders("LV2_PATH", "lv2") for path in sorted(folder.glob("*.lv2"))]


def uris_in(bundle: Path, kind: str = "Plugin") -> set[str]:
    """Return the URIs of the plugins that a bundle says are of a kind.

    Args:
        bundle: the folder of an LV2 bundle.
        kind: the name of an RDF class, such as "Plugin"; of any other than that, all its .ttl files are read.

    Returns:
        The URIs; none where nothing can be read.
    """
    found = set()
    for path in [bundle / "manifest.ttl"] if kind == "Plugin" else sorted(bundle.glob("*.ttl")):
        try:
            if not path.is_file():  # a reader of a pipe would wait
                continue
            with path.open(encoding="utf-8", errors="replace") as file:
                text = file.read(_LONGEST)
        except OSError:
            continue
        prefixes = dict(_PREFIX.findall(text))
        for uri, prefix, name, kinds in _SUBJECT.findall(text):
            if re.search(rf"[:#]{kind}\b", kinds):
                found.add(uri or prefixes.get(prefix, "") + name)
    return found


def files_of(plugin: str) -> list[Path]:
    """Return the files that a plugin, by its whole path or URI, is made of; none where they are not found."""
    if is_uri(plugin):
        folders = [bundle for bundle in bundles() if plugin in uris_in(bundle)][:1]
    else:
        folders = [Path(plugin)]
    return sorted(
        path
        for folder in folders
        for path in ([folder] if folder.is_file() else folder.rglob("*"))
        if path.is_file()
    )


def _folders(variable: str, kind: str) -> list[Path]:
    """Return the folders in which plugins of a kind are, as far as there are any."""
    asked = os.environ.get(variable)
    if asked is not None:
        places = [_place(place) for place in asked.split(os.pathsep) if place]
    elif sys.platform == "darwin":
        name = {"lv2": "LV2", "vst3": "VST3", "vst": "VST"}[kind]
        places = [root / "Library/Audio/Plug-Ins" / name for root in (_place("~"), Path("/"))]
    else:
        places = [_place(f"~/.{kind}"), *(Path(root) / kind for root in ("/usr/local/lib", "/usr/lib"))]
    return [place for place in places if os.path.isdir(place)]  # noqa: PTH112, False of what is out of reach


def _place(name: str) -> Path:
    """Return the path of a name, its ``~`` the home of a user; that of no user is a name as any other."""
    return Path(os.path.expanduser(name))  # noqa: PTH111, Path raises RuntimeError there
