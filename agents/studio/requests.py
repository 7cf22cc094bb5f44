"""What a page asks for, read and checked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request

from synthgym.checks import number, whole
from synthgym.errors import SynthgymError
from synthgym.parameters import ParameterSpace, Unit

from .instruments import instrument
from .order import Order, Part
from .session import Session, Sessions
from .take import Take
from .uploads import MOST_BYTES, check_part

NUMBER = "number"
"""The convertor of numbers in addresses: Starlette's ``int`` fails at thousands of digits."""
_MOST_JSON = 500_000
MOST_SECONDS = 600.0
_LONGEST_NAME = 200


class _Number(Convertor[int]):
    regex = "[0-9]{1,9}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor(NUMBER, _Number())


def page_of(request: Request) -> Session:
    """Return the session of a request's page; HTTPException if it has ended."""
    sessions: Sessions = request.app.state.sessions
    try:
        return sessions.of(request.path_params["page"])
    except KeyError:
        raise HTTPException(404, "This page has ended; load it again.") from None


async def to_file(request: Request, path: Path) -> None:
    """Write the body of a request to a file; a partial one is removed.

    Args:
        request: its body is read to the end, up to ``MOST_BYTES``.
        path: of the file.

    Raises:
        HTTPException: it is larger (413), or the disk is full (507).
    """
    size = 0
    try:
        with path.open("wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > MOST_BYTES:
                    raise HTTPException(
                        413,
                        f"The file is larger than {MOST_BYTES // 10**6} MB: cut out what is to be matched.",
                    )
                file.write(chunk)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise HTTPException(507, f"The recording cannot be kept: {error.strerror}.") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def asked(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request's body; HTTPException if it is none, or too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_JSON:
            raise HTTPException(413, "The request is too large.")
    try:
        read = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The request is no JSON.") from error
    if not isinstance(read, dict):
        raise HTTPException(400, "The request is no JSON object.")
    return read


def name_of(request: Request) -> str:
    """Return the name that a recording is given, without what cannot be shown or leads elsewhere."""
    name = request.query_params.get("name", "").replace("/", "_").replace("\\", "_")
    shown = "".join(letter if letter.isprintable() else "?" for letter in name).strip()[:_LONGEST_NAME]
    return "recording" if shown in ("", ".", "..") else shown


def order(given: dict[str, Any], take: Take, page: Session) -> Order:
    """Return the search that is asked for.

    Args:
        given: ``instrument`` (key), ``note`` (0 to 127), and if they are not the usual ones ``seconds`` (1 to
            600), ``begin`` and ``end`` (seconds of the recording), ``starts`` (1 to 32 patches), and
            ``others``: recordings that the preset is to suit as well, each a ``take`` with a ``note``.
        take: that is to be searched.
        page: of the take, and of the others.

    Returns:
        The order, its starts as they are rendered, (K, n).

    Raises:
        SynthgymError: it cannot be made.
    """
    seconds = number("seconds", given.get("seconds", 20), 1, MOST_SECONDS)
    made = Order(
        instrument(given.get("instrument")), _part(given, take), seconds, others=_others(given, take, page)
    )
    if given.get("starts") is None:
        return made
    found = take.found
    if found is None or found.order.what != made.what:
        raise SynthgymError("there is no answer to go on from; start a new search")
    starts = given["starts"]
    if not isinstance(starts, list) or not 1 <= len(starts) <= 32:
        raise SynthgymError("a search goes on from 1 to 32 patches")
    return replace(made, starts=np.stack([unit(start, found.player.space) for start in starts]))


def _part(given: dict[str, Any], take: Take) -> Part:
    note = whole("note", given.get("note"), 0, 127)
    begin = number("begin", given.get("begin", take.upload.begin), 0, take.upload.seconds)
    end = number("end", given.get("end", take.upload.end), 0, take.upload.seconds + 0.01)
    check_part(begin, end)
    return Part(take.number, take.upload, begin, end, note)


def _others(given: dict[str, Any], take: Take, page: Session) -> tuple[Part, ...]:
    others, parts = given.get("others", []), []
    if not isinstance(others, list) or not all(isinstance(one, dict) for one in others):
        raise SynthgymError("others must be a list of recordings with their notes")
    for one in others:
        parts.append(_part(one, page.take(whole("take", one.get("take"), 1, 2**31))))
    numbers = [take.number, *(part.number for part in parts)]
    if len(set(numbers)) < len(numbers):
        raise SynthgymError("a recording is named twice; name each once")
    return tuple(parts)


def unit(value: Any, space: ParameterSpace) -> Unit:
    """Return a patch of a page as it is rendered.

    Args:
        value: n numbers in [0, 1].
        space: of n free parameters.

    Returns:
        The unit vector (n,), float32, quantised.

    Raises:
        SynthgymError: it is none.
    """
    checked = space.check(value)
    if checked.ndim != 1:
        raise SynthgymError("give one patch")
    return space.quantise(checked)
