"""Connecting to a Ray cluster, or saying in one line why not."""

from __future__ import annotations

import os
import socket
from typing import Any

from synthgym.errors import SynthgymError, installing

_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
_SETTINGS = 3
_PATIENCE = 10
"""gRPC begins (RFC 9113) with the client's preface and its settings, which are none, and with the server's
settings, whose type, 4, is at this place."""


def connected(address: str | None) -> Any:
    """Return the module ray, connected to a cluster.

    Args:
        address: of the cluster, as ``ray.init`` takes it; None: the one this machine is part of, or
            a new one.

    Returns:
        The module.

    Raises:
        SynthgymError: Ray is not installed, or no cluster is reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of what is to come
    try:
        import ray
    except ImportError as error:
        raise SynthgymError(f"Ray is not installed: {installing('ray')}") from error
    if ray.is_initialized():
        return ray
    # What a shell's profile or a job has set; Ray itself looks there, too.
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address not in (None, "auto", "local"):
        _check(address)
    try:
        _start(ray, address or "auto")
    except (ConnectionError, RuntimeError, ValueError) as error:
        if address is not None:
            raise _unreachable(address) from error
        _start(ray, "local", include_dashboard=False)
    return ray


def _start(ray: Any, address: str, **options: Any) -> None:
    ray.init(address=address, log_to_driver=False, logging_level="error", **options)


def _check(address: str) -> None:
    """Raise SynthgymError unless a gRPC server answers at ``host:port``; Ray itself would wait for minutes.

    The port of a cluster that is gone may be another program's, which answers otherwise or never.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            if os.environ.get("RAY_USE_TLS", "0") != "1":
                connection.sendall(_GREETING)
                connection.settimeout(_PATIENCE)
                # It may come in pieces.
                if connection.makefile("rb").read(_SETTINGS + 1)[_SETTINGS:] != b"\x04":
                    raise _unreachable(address)
    except (OSError, ValueError) as error:
        raise _unreachable(address) from error


def _unreachable(address: str) -> SynthgymError:
    unset = ", or unset RAY_ADDRESS" if address == os.environ.get("RAY_ADDRESS") else ""
    return SynthgymError(f"no Ray cluster is reached at {address!r}; start one (ray start --head){unset}")
