"""Requests to a studio that runs: addresses, heads, bodies and bytes that were changed."""

from __future__ import annotations

import io
import json
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from agents.studio.app import make_app
from agents.studio.serving import HOST, Server, listening_on
from agents.studio.session import Sessions
from synthgym.errors import SynthgymError

from .mutation import mutated_bytes, mutated_text, mutated_value, pick
from .trying import Attempt

_SEEN = 3600.0
"""Seconds that a page need not be looked at."""
_SILENCE, _PATIENCE = 4.0, 4.0
"""Seconds without an answer after which a request is ended, and then given up."""
_ENVIRONMENT = "FM-v0"


class Studio:
    """A studio in a thread of this process, with a recording that was matched.

    Args:
        folder: where its files are.
    """

    def __init__(self, folder: Path) -> None:
        tempfile.tempdir = str(folder)
        listening = listening_on(0)
        self.port: int = listening.getsockname()[1]
        sessions = Sessions(_SEEN)
        server = Server(make_app(self.port, sessions), sessions)
        threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
        self.page = f"/api/pages/{self.json('POST', '/api/pages', {})['page']}"
        tone = io.BytesIO()
        soundfile.write(tone, 0.3 * np.sin(np.arange(22050) / 20), 44100, "PCM_16", format="WAV")
        self.tone = tone.getvalue()
        self.first = self.dropped()
        self.take = f"{self.page}/takes/{self.first}"
        self.order: dict[str, Any] = {"instrument": _ENVIRONMENT, "note": 60, "seconds": 1}
        self.searched = f"{self.page}/takes/{self.dropped()}"
        self.json("POST", f"{self.take}/search", self.order)
        while self.ask("GET", f"{self.take}/match.html", b"")[0] != 200:
            time.sleep(0.1)

    def dropped(self) -> int:
        """Send the tone, and return the number of its take."""
        return int(json.loads(self.ask("POST", f"{self.page}/takes?name=tone.wav", self.tone)[1])["take"])

    def json(self, method: str, address: str, given: Any) -> Any:
        """Return what an answer in order holds."""
        status, body = self.ask(method, address, json.dumps(given).encode())
        assert status == 200, body
        return json.loads(body)

    def ask(self, method: str, address: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to a request in order."""
        return self.send(self.request(method, address, body))

    def request(self, method: str, address: str, body: bytes, head: str = "") -> bytes:
        """Return the bytes of a request, with more lines in its head."""
        lines = f"Host: {HOST}:{self.port}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{head}"
        return f"{method} {address} HTTP/1.1\r\n{lines}\r\n".encode("utf-8", "replace") + body

    def send(self, data: bytes) -> tuple[int, bytes]:
        """Send bytes, and return status and body of the answer; 0 where there is none."""
        got = b""
        with socket.create_connection((HOST, self.port), _SILENCE) as connection:
            connection.sendall(data)
            # The events of a page have no end.
            while b"text/event-stream" not in got:
                try:
                    more = connection.recv(1 << 20)
                except TimeoutError:  # it waits for more of a request that was cut short
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(_PATIENCE)
                    more = connection.recv(1 << 20)
                if not more:
                    break
                got += more
        head, _, body = got.partition(b"\r\n\r\n")
        status = head.split(b" ", 2)[1:2]
        return (int(status[0]) if status else 0), body


def requests(folder: Path) -> Attempt:
    """Every request that the page makes, with changes."""
    studio = Studio(folder)
    unit = {"unit": [0.5] * 6}
    part = {"begin": 0.0, "end": 0.4}
    together = {**studio.order, **part, "others": [{"take": studio.first, "note": 48, **part}]}
    good: list[tuple[str, str, Any]] = [
        ("POST", "/api/pages", {}),
        ("GET", "/api/instruments", {}),
        ("GET", "/", {}),
        ("GET", f"{studio.page}/events", {}),
        ("POST", f"{studio.page}/bank", {}),
        ("GET", f"{studio.take}/match.html", {}),
        ("GET", f"{studio.take}/sounds/1.wav", {}),
        ("POST", f"{studio.take}/stop", {}),
        ("POST", f"{studio.searched}/search", together),
        ("POST", f"{studio.searched}/search", {**studio.order, "starts": [[0.5] * 6]}),
        ("POST", f"{studio.take}/key", {**unit, "note": 60, "velocity": 100}),
        ("POST", f"{studio.take}/sound", unit),
        ("POST", f"{studio.take}/patch", unit),
        ("POST", f"{studio.take}/vary", {**unit, "how": "little", "seed": 1}),
        ("POST", f"{studio.take}/download", {**unit, "what": "preset"}),
    ]

    def attempt(rng: np.random.Generator) -> object:
        method, address, given = pick(rng, good)
        data, kind = json.dumps(given).encode(), rng.random()
        if kind < 0.4:
            data = json.dumps(mutated_value(rng, given)).encode()
        elif kind < 0.5:
            data = mutated_bytes(rng, data)
        elif kind < 0.6:
            method, address, data = "POST", f"{studio.page}/takes?name=x.wav", mutated_bytes(rng, studio.tone)
        elif kind < 0.75:
            address = mutated_text(rng, address)
        elif kind < 0.85:
            head = mutated_text(rng, f"Origin: http://{HOST}:{studio.port}") + "\r\n"
            return answered(*studio.send(studio.request(method, address, data, head)))
        else:
            return answered(*studio.send(mutated_bytes(rng, studio.request(method, address, data))))
        status, body = studio.ask(method, address, data)
        if not status:
            raise RuntimeError(f"no answer to {method} {address!r}")
        if address == f"{studio.searched}/search" and status == 200:
            studio.ask("POST", f"{studio.searched}/stop", b"")
        if kind < 0.6 and status == 200 and address.endswith("/takes?name=x.wav"):
            studio.ask("DELETE", f"{studio.page}/takes/{json.loads(body)['take']}", b"")
        return answered(status, body)

    return attempt


def answered(status: int, body: bytes) -> bytes:
    """Return the body of an answer in order.

    Args:
        status: 0 of a request that was cut off, and so has no answer.
        body: of the answer.

    Returns:
        The body.

    Raises:
        SynthgymError: the request was refused; the message is the answer's.
        RuntimeError: the studio met an error.
    """
    if status >= 500 and status != 507:
        raise RuntimeError(f"status {status}: {body[:200]!r}")
    if status >= 400 or not status:
        raise SynthgymError(" ".join(body.decode("utf-8", "replace").split()) or f"status {status}")
    return body
