"""Serve the studio: a page on which a recording becomes a preset.

    python scripts/studio.py
    python scripts/studio.py --port 8765 --no-browser

Drop a recording on the page, and hear what a synth makes of it while the search goes on. The page is served
to this machine only. Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import threading
import webbrowser
from contextlib import closing, suppress

from synthgym.checks import whole

from ..studio.app import make_app
from ..studio.serving import HOST, Server, listening_on
from ..studio.session import Sessions
from ..studio.warming import prepare
from .cli import answer, new_parser

PORT = 8421


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__, "the address of the page")
    parser.add_argument(
        "--port", type=int, default=PORT, help=f"of the page's address; 0: any that is free (default: {PORT})"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address and open no browser")
    return parser


def main() -> int:
    """Serve the page until Ctrl-C."""
    args = parser().parse_args()
    whole("port", args.port, 0, 65_535)
    with suppress(KeyboardInterrupt), listening_on(args.port) as listening, closing(Sessions()) as sessions:
        port = listening.getsockname()[1]
        address = f"http://{HOST}:{port}/"
        print(f"studio: {address} (Ctrl-C ends it)", flush=True)
        answer({"address": address})
        if not args.no_browser:
            # The socket listens already: a browser that comes early waits.
            threading.Timer(0.5, webbrowser.open, [address]).start()
        Server(make_app(port, sessions, ready=prepare), sessions).run(sockets=[listening])
    return 0
