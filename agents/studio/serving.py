"""How the studio is served: on this machine only, until it is ended."""

from __future__ import annotations

import socket

import uvicorn
from starlette.applications import Starlette

from synthgym.errors import SynthgymError

from .session import Sessions

HOST = "127.0.0.1"
_PATIENCE = 2
"""Seconds that requests have to end in."""


class Server(uvicorn.Server):
    """Serves the studio; its pages, which would listen for ever, are told when it ends.

    Args:
        app: the studio.
        sessions: of its pages.
    """

    def __init__(self, app: Starlette, sessions: Sessions) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=_PATIENCE,
            )
        )
        self._sessions = sessions

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the pages, and then the server."""
        self._sessions.end()
        await super().shutdown(sockets)


def listening_on(port: int) -> socket.socket:
    """Return a socket that listens on this machine only.

    Args:
        port: 0 for any that is free.

    Raises:
        SynthgymError: the port cannot be had.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A studio that has just ended does not keep its port; one that runs does.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise SynthgymError(
            f"port {port} cannot be had: {error.strerror}; is a studio open already? --port says another"
        ) from error
    return listening
