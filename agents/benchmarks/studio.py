"""How long a person waits for the studio: for the first answer, a nearer one, and a key."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import soundfile

from synthgym.making import make_task
from synthgym.notes import MIDDLE_C
from synthgym.patches import PatchStream

from ..matching.octaves import voices_of
from ..studio.app import make_app
from ..studio.instruments import Instrument, instruments, look_at_all
from ..studio.serving import HOST, Server, listening_on
from ..studio.session import Sessions
from ..studio.warming import prepare
from ..trials.signals import Signals
from .section import Effort, Row, Section
from .turns import median

OF = "Dexed6Op-v0"
NOTE = 48
SECONDS = 10.0
"""Of a search."""
KEYS = 12
_RATE = 44_100
_PAUSE = 0.4
"""Seconds between two keys."""
_PATIENCE = 120.0
"""Seconds for a first answer: a plugin may be tried for some."""
_PLUGINS = ("amsynth",)


class _Page:
    """A page without a browser, and when it was told what.

    Args:
        address: of the studio.
    """

    def __init__(self, address: str) -> None:
        self._api = f"{address}/api/pages"
        self._api += f"/{json.loads(self.ask(''))['page']}"
        self.told: list[tuple[float, dict[str, Any]]] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, path: str, data: bytes | None = b"") -> bytes:
        """Return the answer to a request: a POST, or without data a GET."""
        with self.answer(path, data) as answer:
            return bytes(answer.read())

    def answer(self, path: str, data: bytes | None) -> Any:
        """Return the answer to a request that is still to be read."""
        return urlopen(Request(self._api + path, data), timeout=_PATIENCE)

    def until(self, state: str, *, found: bool = False) -> dict[str, Any]:
        """Return the newest that was told, once it is of a state or done; if asked, with an answer."""

        def reached() -> bool:
            shown = self.told[-1][1] if self.told else {"state": None}
            if shown["state"] == "failed":
                raise RuntimeError(shown["message"])
            return shown["state"] in (state, "done") and ("answers" in shown or not found)

        with self._changed:
            if not self._changed.wait_for(reached, _PATIENCE):
                raise TimeoutError(f"the studio was not {state} within {_PATIENCE:g} seconds")
            return self.told[-1][1]

    def _listen(self) -> None:
        with urlopen(self._api + "/events", timeout=_PATIENCE) as events:
            for line in events:
                if line.startswith(b"data: "):
                    with self._changed:
                        self.told.append((time.perf_counter(), json.loads(line[6:])))
                        self._changed.notify_all()


def measure(effort: Effort) -> list[Row]:
    """Measure a page of each synth, one after the other, round after round."""
    look_at_all(Signals())
    sound = _recording()
    for note in (NOTE, MIDDLE_C):
        voices_of(OF, _RATE, note)  # else they would be rendered beside what is measured
    chosen = [one for one in instruments() if one.key == one.env_id or one.name.startswith(_PLUGINS)]
    figures: dict[str, list[dict[str, float]]] = {one.key: [] for one in chosen}
    with _served() as address:
        for one in chosen:
            _turn(address, sound, one)  # unmeasured: what a machine makes once is made
        for _ in range(effort.rounds):
            for one in chosen:
                figures[one.key].append(_turn(address, sound, one))
    return [_row(one, figures[one.key]) for one in chosen]


def _row(one: Instrument, rounds: list[dict[str, float]]) -> Row:
    of = {key: [figure[key] for figure in rounds] for key in rounds[0]}
    return {"synth": one.name, **{key: median(values) for key, values in of.items()}, "rounds": of}


def _turn(address: str, sound: bytes, one: Instrument) -> dict[str, float]:
    """Return what a page waits for, from the drop of a recording to the end of its search."""
    page, begun = _Page(address), time.perf_counter()
    take = f"/takes/{json.loads(page.ask('/takes?name=x.wav', sound))['take']}"
    order = {"instrument": one.key, "note": NOTE, "seconds": SECONDS}
    page.ask(f"{take}/search", json.dumps(order).encode())
    unit = page.until("searching", found=True)["answers"][0]["unit"]
    page.ask(f"{take}/sounds/1.wav", None)
    first, searched = time.perf_counter() - begun, time.perf_counter()
    page.ask(f"{take}/patch", json.dumps({"unit": unit}).encode())  # as a page does to draw its knobs
    busy, wholes = _keys(page, take, unit)
    page.until("done", found=True)
    nearer = _nearer(page.told, searched)
    return {
        "first": first,
        "longest": float(np.diff([searched, *nearer, max(searched + SECONDS, *nearer)]).max()),
        "key": 1e3 * median(busy),
        "slowest": 1e3 * max(busy),
        "whole": 1e3 * median(wholes),
        "idle": 1e3 * median(_keys(page, take, unit)[0]),
    }


def _keys(page: _Page, take: str, unit: list[float]) -> tuple[list[float], list[float]]:
    """Return the seconds that each key takes until its sound can begin, and until all of it has come."""
    begun, whole = [], []
    for i in range(KEYS):
        time.sleep(_PAUSE)
        given, start = {"unit": unit, "note": NOTE + i, "velocity": 100}, time.perf_counter()
        with page.answer(f"{take}/key", json.dumps({**given, "begin": True}).encode()) as answer:
            answer.read()
        begun.append(time.perf_counter() - start)
        if answer.headers["Synthgym-Complete"] == "no":
            page.ask(f"{take}/key", json.dumps(given).encode())
        whole.append(time.perf_counter() - start)
    return begun, whole


def _nearer(told: list[tuple[float, dict[str, Any]]], since: float) -> list[float]:
    """Return when the page was told of a nearer answer."""
    times, nearest = [], float("inf")
    for when, shown in told:
        if "answers" in shown and shown["answers"][0]["distance"] < nearest:
            nearest = shown["answers"][0]["distance"]
            times.append(when)
    return [when for when in times if when > since]


def _recording() -> bytes:
    """Return a note of a random patch as a WAV."""
    played = {"note": NOTE, "duration": 2.0, "hold": 1.0, "sample_rate": _RATE}
    with closing(make_task(OF, played, rendering="inline")) as task:
        patches = task.make_patches(PatchStream("train", 0).ids([0]), audio=True)
    assert patches.rendered.audio is not None
    soundfile.write(file := io.BytesIO(), patches.rendered.audio[0], _RATE, "FLOAT", format="WAV")
    return file.getvalue()


@contextmanager
def _served() -> Iterator[str]:
    """Serve a studio in a process of its own, as the command does; gives its address."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,))
    process.start()
    try:
        yield f"http://{HOST}:{here.recv()}"
    finally:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)  # as Ctrl-C: it ends in order
        process.join()


def _serve(answer: Connection) -> None:
    with suppress(KeyboardInterrupt), listening_on(0) as listening, closing(Sessions()) as sessions:
        port = listening.getsockname()[1]
        answer.send(port)
        Server(make_app(port, sessions, ready=prepare), sessions).run(sockets=[listening])


SECTION = Section(
    name="studio",
    title="The studio",
    text=f"A page without a browser drops a note of a patch of {OF} and searches for {SECONDS:g} seconds: "
    f"until the first answer could be played; the longest time without a nearer answer; {KEYS} keys while it "
    "searches, and after. The first turn of each synth, in which voices are made and plugins are tried, is "
    "not measured.",
    columns={
        "synth": "synth",
        "first": "first answer, s",
        "longest": "longest without a nearer one, s",
        "key": "a key while searching, ms",
        "slowest": "the slowest, ms",
        "whole": "all of it, ms",
        "idle": "a key after, ms",
    },
    measure=measure,
)
