"""What a page does with a patch: hears, turns, varies, and takes it away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from synthgym.checks import one_of, whole
from synthgym.errors import PresetError, SynthgymError
from synthgym.parameters import Native, Unit
from synthgym.recordings import playback_gain
from synthgym.synths import Audio, Synth

from ..matching.folder import PAGE
from . import requests
from .player import LITTLE, MORE, Player
from .session import Session
from .sounds import wav
from .take import Found, Take

_FAR = {"little": LITTLE, "more": MORE}
_KINDS = ("preset", "bank", "wav")
_SUFFIXES = {".wav": "audio/wav", ".html": "text/html; charset=utf-8"}


def routes(at: str) -> list[Route]:
    """Return the routes of patches, below the address of a page."""
    take = f"{at}/takes/{{take:{requests.NUMBER}}}"
    return [
        Route(f"{take}/sounds/{{sound:{requests.NUMBER}}}.wav", _sound),
        Route(f"{take}/key", _key, methods=["POST"]),
        Route(f"{take}/patch", _patch, methods=["POST"]),
        Route(f"{take}/sound", _turned, methods=["POST"]),
        Route(f"{take}/vary", _vary, methods=["POST"]),
        Route(f"{take}/download", _download, methods=["POST"]),
        Route(f"{take}/match.html", _match),
        Route(f"{at}/bank", _bank, methods=["POST"]),
    ]


async def _sound(request: Request) -> Response:
    found, sound = _take(request).found, request.path_params["sound"]
    if found is None or sound >= len(found.sounds):
        raise HTTPException(404, "There is no such sound yet.")
    return Response(found.sounds[sound], media_type="audio/wav")


async def _key(request: Request) -> Response:
    found, unit, given = await _asked(request)
    note = whole("note", given.get("note"), 0, 127)
    velocity = whole("velocity", given.get("velocity", 100), 1, 127)
    if not given.get("begin"):
        return _heard(found, await run_in_threadpool(found.player.key, unit, note, velocity))
    sound, complete = await run_in_threadpool(found.player.key_begins, unit, note, velocity)
    answer = _heard(found, sound)
    answer.headers["Synthgym-Complete"] = "yes" if complete else "no"
    return answer


async def _turned(request: Request) -> Response:
    found, unit, _ = await _asked(request)
    return _heard(found, await run_in_threadpool(found.player.sound, unit))


def _heard(found: Found, sound: Audio) -> Response:
    return Response(wav(sound, found.player.synth.sample_rate, found.gain), media_type="audio/wav")


async def _patch(request: Request) -> Response:
    found, unit, _ = await _asked(request)
    return JSONResponse(await run_in_threadpool(found.player.described, unit))


async def _vary(request: Request) -> Response:
    found, unit, given = await _asked(request)
    one_of("variation", given.get("how"), _FAR)
    far, rng = _FAR[given["how"]], np.random.default_rng(whole("seed", given.get("seed"), 0, 2**32 - 1))
    varied = await run_in_threadpool(found.player.varied, unit, far, rng)
    return JSONResponse(await run_in_threadpool(found.player.described, varied))


async def _download(request: Request) -> Response:
    found, unit, given = await _asked(request)
    one_of("download", given.get("what"), _KINDS)
    name = Path(_take(request).upload.name).stem
    return await run_in_threadpool(_file, found.player, unit, given["what"], name)


async def _match(request: Request) -> Response:
    take = _take(request)
    path = take.folder / PAGE
    if take.is_busy or not path.exists():
        raise HTTPException(404, "The page of the match is written when its search has ended.")
    return _attached(path.read_bytes(), f"{Path(take.upload.name).stem}.html")


async def _bank(request: Request) -> Response:
    return await run_in_threadpool(_bank_of, requests.page_of(request))


def _bank_of(page: Session) -> Response:
    """Return the best answers of all recordings that one kind of synth matched, as its bank."""
    of: dict[str, list[tuple[str, Found]]] = {}
    for _, take in sorted(page.takes.items()):
        found = take.found
        if found is not None and found.player.synth.bank_size:
            of.setdefault(found.order.instrument.key, []).append((take.upload.name, found))
    if not of:
        raise SynthgymError("no recording has an answer of a synth that has banks; match some by the DX7")
    most = max(of.values(), key=len)
    synth = most[0][1].player.synth
    most = most[: synth.bank_size]
    natives = np.stack([found.natives[0] for _, found in most])
    return _bank_file(synth, natives, [Path(name).stem for name, _ in most], "bank")


def _file(player: Player, unit: Unit, what: str, name: str) -> Response:
    """Return a patch as a file."""
    synth = player.synth
    if what == "wav":
        sound = player.sound(unit)
        return _attached(wav(sound, synth.sample_rate, playback_gain(sound)), f"{name}.wav")
    if what == "bank":
        if not synth.bank_size:
            raise SynthgymError("this synth has no banks; download single presets")
        natives = player.neighbours(unit, synth.bank_size, np.random.default_rng(0))
        names = [f"{name[:7]} {number}" for number in range(1, len(natives) + 1)]
        return _bank_file(synth, natives, names, f"{name}-bank")
    native = player.space.to_native(unit)
    return _preset_file(synth, lambda path: synth.save_preset(native, path), name)


def _bank_file(synth: Synth, natives: Native, names: Sequence[str], name: str) -> Response:
    return _preset_file(synth, lambda path: synth.save_bank(natives, names, path), name)


def _preset_file(synth: Synth, save: Callable[[Path], None], name: str) -> Response:
    """Return what a synth saves, as a file of a name; OSError if there is no room for it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"match{synth.preset_suffix}"  # Vital shows the name
        try:
            save(path)
        except PresetError as error:
            # Where it is written is no matter of the page's.
            raise error.__cause__ if isinstance(error.__cause__, OSError) else error from None
        return _attached(path.read_bytes(), f"{name}{synth.preset_suffix}")


def _attached(content: bytes, name: str) -> Response:
    kind = _SUFFIXES.get(Path(name).suffix, "application/octet-stream")
    # What is written here is to be kept, not shown: the page has a name of its own for it.
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type=kind, headers=headers)


def _take(request: Request) -> Take:
    return requests.page_of(request).take(request.path_params["take"])


async def _asked(request: Request) -> tuple[Found, Unit, dict[str, Any]]:
    """Return the answers of a take, the patch that is asked about, and the rest that is asked."""
    found = _take(request).found
    given = await requests.asked(request)
    if found is None:
        raise SynthgymError("there is no answer yet")
    return found, requests.unit(given.get("unit"), found.player.space), given
