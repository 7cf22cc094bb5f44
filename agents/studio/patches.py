"""What a page does with a patch: hears, turns, varies, and takes it away."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
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
from synthgym.errors import SynthgymError
from synthgym.parameters import Native, Unit
from synthgym.recordings import playback_gain
from synthgym.synths import Synth

from ..matching.folder import PAGE
from . import requests
from .player import LITTLE, MORE, Player
from .session import Session
from .sounds import wav
from .take import Take

_FAR = {"little": LITTLE, "more": MORE}
_KINDS = ("preset", "bank", "wav")
_SUFFIXES = {".wav": "audio/wav", ".html": "text/html; charset=utf-8"}


def routes(at: str) -> list[Route]:
    """Return the routes of patches, below the address of a page."""
    take = f"{at}/takes/{{take:int}}"
    return [
        Route(f"{take}/sounds/{{sound:int}}.wav", _sound),
        Route(f"{take}/key", _key, methods=["POST"]),
        Route(f"{take}/patch", _patch, methods=["POST"]),
        Route(f"{take}/sound", _turned, methods=["POST"]),
        Route(f"{take}/vary", _vary, methods=["POST"]),
        Route(f"{take}/download", _download, methods=["POST"]),
        Route(f"{take}/match.html", _match),
        Route(f"{at}/bank", _bank, methods=["POST"]),
    ]


async def _sound(request: Request) -> Response:
    take, sounds = _take(request), request.path_params["sound"]
    if not 0 <= sounds < len(take.sounds):
        raise HTTPException(404, "There is no such sound yet.")
    return Response(take.sounds[sounds], media_type="audio/wav")


async def _key(request: Request) -> Response:
    player, unit, given, take = await _asked(request)
    note = whole("note", given.get("note"), 0, 127)
    velocity = whole("velocity", given.get("velocity", 100), 1, 127)
    sound = await run_in_threadpool(player.key, unit, note, velocity)
    return Response(wav(sound, player.synth.sample_rate, take.shown["gain"]), media_type="audio/wav")


async def _turned(request: Request) -> Response:
    player, unit, _, take = await _asked(request)
    sound = await run_in_threadpool(player.sound, unit)
    return Response(wav(sound, player.synth.sample_rate, take.shown["gain"]), media_type="audio/wav")


async def _patch(request: Request) -> Response:
    player, unit, _, _ = await _asked(request)
    return JSONResponse(await run_in_threadpool(player.described, unit))


async def _vary(request: Request) -> Response:
    player, unit, given, _ = await _asked(request)
    one_of("variation", given.get("how"), _FAR)
    far, rng = _FAR[given["how"]], np.random.default_rng(whole("seed", given.get("seed"), 0, 2**32 - 1))
    varied = await run_in_threadpool(player.varied, unit, far, rng)
    return JSONResponse(await run_in_threadpool(player.described, varied))


async def _download(request: Request) -> Response:
    player, unit, given, take = await _asked(request)
    one_of("download", given.get("what"), _KINDS)
    return await run_in_threadpool(_file, player, unit, given["what"], Path(take.upload.name).stem)


async def _match(request: Request) -> Response:
    take = _take(request)
    path = take.folder / PAGE
    if take.state != "done" or not path.exists():
        raise HTTPException(404, "The page of the match is written when its search has ended.")
    return _attached(path.read_bytes(), f"{Path(take.upload.name).stem}.html")


async def _bank(request: Request) -> Response:
    return await run_in_threadpool(_bank_of, requests.page_of(request))


def _bank_of(page: Session) -> Response:
    """Return the best answers of all recordings that one kind of synth matched, as its bank."""
    of: dict[str, list[Take]] = {}
    for _, take in sorted(page.takes.items()):
        if take.order and take.player and take.answers is not None and take.player.synth.bank_size:
            of.setdefault(take.order.instrument.key, []).append(take)
    if not of:
        raise SynthgymError("no recording has an answer of a synth that has banks; match some by the DX7")
    takes = max(of.values(), key=len)
    player = takes[0].player
    assert player is not None
    natives = [take.answers[0] for take in takes[: player.synth.bank_size] if take.answers is not None]
    names = [Path(take.upload.name).stem for take in takes[: len(natives)]]
    return _bank_file(player.synth, np.stack(natives), names, "bank")


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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"match{synth.preset_suffix}"
        synth.save_preset(player.space.to_native(unit), path)
        return _attached(path.read_bytes(), f"{name}{synth.preset_suffix}")


def _bank_file(synth: Synth, natives: Native, names: Sequence[str], name: str) -> Response:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"bank{synth.preset_suffix}"
        synth.save_bank(natives, names, path)
        return _attached(path.read_bytes(), f"{name}{synth.preset_suffix}")


def _attached(content: bytes, name: str) -> Response:
    kind = _SUFFIXES.get(Path(name).suffix, "application/octet-stream")
    # What is written here is to be kept, not shown: the page has a name of its own for it.
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type=kind, headers=headers)


def _take(request: Request) -> Take:
    return requests.page_of(request).take(request.path_params["take"])


async def _asked(request: Request) -> tuple[Player, Unit, dict[str, Any], Take]:
    """Return what plays a take's patches, the patch that is asked about, the rest, and the take."""
    take = _take(request)
    given = await requests.asked(request)
    if take.player is None or not take.shown:
        raise SynthgymError("there is no answer yet")
    return take.player, requests.unit(given.get("unit"), take.player.space), given, take
