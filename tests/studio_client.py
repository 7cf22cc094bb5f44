"""A studio of a test, and what speaks to it."""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import numpy as np
import soundfile

from agents.studio.app import make_app
from agents.studio.serving import Server, listening_on
from agents.studio.session import Sessions
from agents.trials.signals import Signals
from synthgym.synths import Audio


@contextmanager
def served(
    patience: float = 30.0, ready: Callable[[Signals], None] | None = None
) -> Iterator[tuple[int, Sessions]]:
    """Serve a studio in a thread; gives its port and its sessions."""
    sessions = Sessions(patience)
    with listening_on(0) as listening:
        port = listening.getsockname()[1]
        server = Server(make_app(port, sessions, ready=ready), sessions)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield port, sessions
        finally:
            server.should_exit = True
            thread.join(30)


class Client:
    """A page without a browser."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.page = self.json("POST", "/api/pages")["page"]

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def json(self, method: str, path: str, given: Any = None, status: int = 200) -> Any:
        got, body = self.ask(method, path, None if given is None else json.dumps(given).encode())
        assert got == status, (got, body)
        return json.loads(body or b"null")

    def at(self, take: int, what: str) -> str:
        return f"/api/pages/{self.page}/takes/{take}/{what}"

    def drop(self, data: bytes, name: str = "x.wav") -> tuple[int, Any]:
        status, body = self.ask("POST", f"/api/pages/{self.page}/takes?name={quote(name)}", data)
        return status, json.loads(body)

    def until(self, take: int, state: str, seconds: float = 60, *, found: bool = False) -> dict[str, Any]:
        """Follow the events until a take is in a state, and something is found; its last snapshot."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        connection.request("GET", f"/api/pages/{self.page}/events")
        answer, end = connection.getresponse(), time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                line = answer.readline().decode()
                if line.startswith("data: "):
                    shown: dict[str, Any] = json.loads(line[6:])
                    if (
                        shown["take"] == take
                        and shown["state"] == state
                        and ("answers" in shown or not found)
                    ):
                        return shown
                    assert shown["state"] != "failed" or state == "failed", shown["message"]
        finally:
            connection.close()
        raise AssertionError(f"never {state}")


def wav_bytes(sound: Audio, rate: int = 44100, subtype: str = "FLOAT") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, subtype, format="WAV")
    return file.getvalue()


def tone(note: int = 60, seconds: float = 0.6, rate: int = 44100) -> Audio:
    """A decaying tone with four partials."""
    t = np.arange(round(seconds * rate)) / rate
    f = 440 * 2 ** ((note - 69) / 12)
    partials = sum(np.sin(2 * np.pi * k * f * t) / k for k in range(1, 5))
    return np.asarray(0.2 * np.exp(-3 * t) * partials, np.float32)
