"""What belongs to one page: its recordings and searches. When the page is gone, it ends."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from synthgym.errors import SynthgymError

from ..trials.signals import Signals
from .order import Order
from .take import Take
from .uploads import Upload

MOST_TAKES = 64
MOST_KEPT = 500_000_000
"""Bytes of the recordings of one page."""
_LOOK = 0.2
"""Seconds between two looks whether a search that waits is to stop."""
logger = logging.getLogger(__name__)
_PREFIX, _LOCK = "synthgym-studio-", "lock"
_YOUNG = 60
"""Seconds after which the folder of another studio has its lock, if it is to have one."""
_NICENESS = 5
"""More than that of a key, which so gets three quarters of a core that both share; with much more, any other
program would starve a search."""
_AT_ONCE = threading.Semaphore(max(2, os.cpu_count() or 1))
"""Searches of all pages; more would only make each other slow."""


class Session:
    """The recordings of one page.

    Args:
        parent: folder in which it has one of its own.

    Attributes:
        key: by which the page names it; nobody else can guess it.
        folder: of its files.
        takes: its recordings, by number.
        seen: when the page was last there, as ``time.monotonic`` has it.
        watchers: called, from any thread, with the number of a take that has changed.
    """

    def __init__(self, parent: Path) -> None:
        self.key = secrets.token_urlsafe(16)
        self.folder = Path(tempfile.mkdtemp(dir=parent))
        self.takes: dict[int, Take] = {}
        self.seen = time.monotonic()
        self.watchers: list[Callable[[int], None]] = []
        self._numbers = 0
        self._lock = threading.Lock()
        self._searches = ThreadPoolExecutor(1, thread_name_prefix="search", initializer=_give_way)
        self._keys = ThreadPoolExecutor(1, thread_name_prefix="keys")
        self._keys.submit(int)  # its thread begins here: one that a search begins gives way as that does
        self._closed = False

    def new_file(self) -> Path:
        """Return a path for a recording; SynthgymError if there are enough."""
        with self._lock:
            if len(self.takes) >= MOST_TAKES:
                raise SynthgymError(f"{MOST_TAKES} recordings are enough for one page; open another")
            if sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file()) > MOST_KEPT:
                raise SynthgymError("the recordings of this page fill 500 MB; open another page")
            self._numbers += 1
            return self.folder / f"{self._numbers}.sound"

    def add(self, name: str, path: Path) -> Take:
        """Take up a recording.

        Args:
            name: as a person gave it.
            path: of the file; removed if it is no sound.

        Returns:
            The take, ready to be searched.

        Raises:
            SoundError: it is no sound.
        """
        try:
            upload = Upload.read(name, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        take = Take(int(path.stem), upload, self.folder / f"match-{path.stem}")
        self.takes[take.number] = take
        return take

    def take(self, number: int) -> Take:
        """Return the take of a number; SynthgymError if there is none."""
        if number not in self.takes:
            raise SynthgymError(f"this page has no recording {number}; drop it again")
        return self.takes[number]

    def search(self, take: Take, order: Order) -> None:
        """Let a take be searched, after those that wait already.

        Args:
            take: of this page.
            order: what is asked for.

        Raises:
            SynthgymError: it is being searched, or was removed.
        """
        with self._lock:
            self.take(take.number)  # it may have been removed since it was asked for
            if take.is_busy:
                raise SynthgymError("this recording is being searched; stop that first")
            take.stop = stop = Signals()
            take.state, take.message = "waiting", "Waiting for another search to end."
            self._searches.submit(self._run, take, order, stop)
        self.tell(take.number)

    def stop(self, take: Take) -> None:
        """End the search of a take, or its waiting for one."""
        with self._lock:
            take.stop.stop()
            if take.state == "waiting":
                take.state, take.message = "ready", "Stopped before it began."
        self.tell(take.number)

    def _run(self, take: Take, order: Order, stop: Signals) -> None:
        while not _AT_ONCE.acquire(timeout=_LOOK):
            if stop.caught is not None:
                return
        try:
            with self._lock:
                if stop.caught is not None:
                    return
                take.state = "preparing"
            take.search(order, lambda: self.tell(take.number), self._keys)
        finally:
            _AT_ONCE.release()

    def left(self) -> None:
        """Take note that the page was here until now."""
        self.seen = time.monotonic()

    def tell(self, number: int) -> None:
        """Say to all who watch that a take has changed."""
        for watcher in list(self.watchers):
            watcher(number)

    def remove(self, number: int) -> None:
        """Forget a take and its files."""
        with self._lock:
            take = self.take(number)
            take.stop.stop()
            del self.takes[number]
        self._searches.submit(take.close)  # after its search, if it has one
        self.tell(number)

    def stop_all(self) -> None:
        """Let all searches stop."""
        for take in list(self.takes.values()):
            take.stop.stop()

    def close(self) -> None:
        """End its searches and remove its files; returns when they have ended."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.stop_all()
        for threads in (self._searches, self._keys):
            threads.shutdown(wait=True, cancel_futures=True)
        for take in list(self.takes.values()):
            take.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """All pages that are open.

    Args:
        patience: seconds without a page after which its session ends: it may be loaded anew.

    Attributes:
        ended: whether the studio ends.

    Their files are in a folder that is removed in the end, and if this process is killed, when the next
    studio begins: nobody holds its lock then.
    """

    MOST = 100

    def __init__(self, patience: float = 20.0) -> None:
        self.patience, self.ended = patience, False
        for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            _remove_if_left(left)
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._held = FileLock(self._folder / _LOCK)
        self._held.acquire()
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()

    def new(self) -> Session:
        """Return a session for a new page; SynthgymError if there are too many."""
        session = Session(self._folder)
        with self._lock:
            full = len(self._open) >= self.MOST
            if not full:
                self._open[session.key] = session
        if full:
            session.close()
            raise SynthgymError(f"{self.MOST} pages are open; close some and load this one again")
        return session

    def end(self) -> None:
        """Let all searches stop, and tell those who listen that it is over."""
        self.ended = True
        for session in list(self._open.values()):
            session.stop_all()
            session.tell(0)

    def of(self, key: str) -> Session:
        """Return the session of a key; KeyError if it has ended."""
        session = self._open[key]
        session.seen = time.monotonic()
        return session

    def end_unseen(self) -> None:
        """End the sessions whose pages are gone."""
        now = time.monotonic()
        with self._lock:
            gone = [s for s in self._open.values() if not s.watchers and now - s.seen > self.patience]
            for session in gone:
                del self._open[session.key]
        for session in gone:  # all of them first: one search may wait for another
            session.stop_all()
        for session in gone:
            _close(session)

    def close(self) -> None:
        """End all sessions, and remove what they have written."""
        self.end()
        with self._lock:
            sessions = list(self._open.values())
            self._open.clear()
        for session in sessions:
            _close(session)
        self._held.release()
        shutil.rmtree(self._folder, ignore_errors=True)


def _give_way() -> None:
    """Let keys that a person plays go before this thread, and before what it starts."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)


def _close(session: Session) -> None:
    try:
        session.close()
    except Exception:  # the others end all the same
        logger.exception("a page has not ended in order")


def _remove_if_left(folder: Path) -> None:
    """Remove the folder of a studio that has not ended in order."""
    with suppress(Timeout, OSError):  # it is open, of another user, or gone
        state = folder.lstat()
        is_ours = stat.S_ISDIR(state.st_mode) and (not hasattr(os, "getuid") or state.st_uid == os.getuid())
        begins = time.time() - state.st_mtime < _YOUNG and not (folder / _LOCK).exists()
        if not is_ours or begins:
            return
        with FileLock(folder / _LOCK, timeout=0):
            pass
        shutil.rmtree(folder, ignore_errors=True)
