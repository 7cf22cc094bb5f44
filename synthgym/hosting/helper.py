"""The helper process: it makes one object, an engine or another, and answers calls of its methods.

Run by its path, with three file descriptors: a socket for calls, a file for answers, and a pipe that is
closed when the caller is gone. It says when it has grown, by a plugin that leaks, so that the caller begins
another. With ``fork``, each call runs in a child forked from this process, which stays as it was when the
engine was loaded: equal calls give equal bytes, and whatever a plugin does to its process is gone with the
child.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import pickle
import select
import signal
import sys
import threading
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_NO_RANDOM_ADDRESSES = 0x0040000
"""ADDR_NO_RANDOMIZE of Linux's personality(2)."""
HEADER = 8
"""Bytes before an answer in its file: its length, written last."""
GROWN = -1
"""The reply to a call that is answered, by a helper that is to give way to another."""
MOST_GROWTH = 1 << 29
"""Bytes that a helper may hold beyond what it held with its engine loaded, until it gives way to another."""


def write(file: int, data: bytes) -> None:
    """Write an answer. Written, not mapped: without room it is an OSError, and never a SIGBUS.

    Args:
        file: descriptor of the file of answers.
        data: the answer, pickled. Its length is written last, into the first HEADER bytes.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[os.pwrite(file, rest, HEADER + len(data) - len(rest)) :]
    os.pwrite(file, len(data).to_bytes(HEADER, "little"), 0)


def answer(engine: Any, file: int, method: str, arguments: tuple[Any, ...]) -> None:
    """Call a method and write its result, or the message of its exception.

    Args:
        engine: whose method is called.
        file: descriptor of the file of answers.
        method: name of it.
        arguments: of the call.
    """
    try:
        result = True, getattr(engine, method)(*arguments)
        data = pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # whatever it is, the caller is told
        data = pickle.dumps((False, (type(error).__name__, str(error))))
    try:
        write(file, data)
    except OSError as error:
        os.ftruncate(file, HEADER)
        problem = f"there is no room for an answer of {len(data):,} bytes: {error.strerror}"
        write(file, pickle.dumps((False, ("MemoryError", problem))))


def memory() -> int:
    """Return the bytes of memory that this process holds; on systems other than Linux, that it ever held."""
    if sys.platform == "linux":  # where the most it ever held may be its caller's
        pages = Path("/proc/self/statm").read_bytes().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    import resource  # here, as Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def end_with_the_caller(pipe: int) -> None:
    """Have this process and its children killed when the other end of a pipe, the caller's, is closed."""
    if sys.platform == "linux":
        import fcntl  # here, as Windows has none

        # By the kernel: a plugin that hangs may hold the GIL, and no thread would run. Not by
        # PR_SET_PDEATHSIG, which would kill a helper when the thread that started it ends.
        fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
        state = select.poll()
        state.register(pipe)
        if state.poll(0):  # it was closed before
            sys.exit()
    else:

        def wait() -> None:
            os.read(pipe, 1)
            os.killpg(0, signal.SIGKILL)

        threading.Thread(target=wait, daemon=True).start()


def begin_alike() -> None:
    """Have this process begin as every other does: with the same addresses, where the system lets it.

    Plugins read memory that nobody has written to, and addresses come to be in it. Containers may refuse it.
    """
    before = _fix_addresses()
    if before is not None and not before & _NO_RANDOM_ADDRESSES:
        os.execv(sys.executable, [sys.executable, *sys.argv])


@cache
def addresses_can_be_fixed() -> bool:
    """Return whether the system lets programs that this one starts have the same addresses each time.

    It is tried once in a process.
    """
    before = _fix_addresses()
    if before is not None:
        ctypes.CDLL(None).personality(before)
    return before is not None


def _fix_addresses() -> int | None:
    """Fix the addresses of what this thread executes, and return its personality before; None if refused."""
    if sys.platform != "linux":
        return None
    personality = ctypes.CDLL(None).personality
    before = int(personality(0xFFFFFFFF))
    return None if before == -1 or personality(before | _NO_RANDOM_ADDRESSES) == -1 else before


def main(socket: int, file: int, pipe: int) -> None:
    """Answer until the caller is gone. A reply is the exit status of the call; 0 or GROWN, if it is answered.

    Args:
        socket: descriptor of the caller's calls.
        file: descriptor of the file of answers.
        pipe: descriptor of a pipe that ends with the caller.
    """
    end_with_the_caller(pipe)
    calls: Connection[Any, Any] = Connection(socket)
    kind, paths, fork = calls.recv()
    # The first place is this folder's; the others are the caller's, so that it imports what the caller does.
    sys.path[1:] = paths
    try:
        # After the path is set: the options may be of any of the caller's classes.
        options = calls.recv()
        module, _, name = kind.partition(":")
        engine = getattr(importlib.import_module(module), name)(**options)
    except Exception as error:
        calls.send(f"{error}")
        return
    ctypes.CDLL(None).srand(1)  # a plugin that is loaded has drawn from it as often as it did
    # Until now the caller keeps what is said here, to name the cause if loading fails.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    calls.send(None)
    loaded = 0 if fork else memory()
    while True:
        try:
            method, arguments = calls.recv()
        except EOFError:
            return
        except Exception as error:  # what was sent cannot be unpickled here
            write(file, pickle.dumps((False, (type(error).__name__, str(error)))))
            calls.send(0)
            continue
        if not fork:
            answer(engine, file, method, arguments)
            calls.send(GROWN if memory() - loaded > MOST_GROWTH else 0)
            continue
        child = os.fork()
        if child == 0:
            try:
                calls.close()  # the caller shall see the end of this process, even if the child hangs
                answer(engine, file, method, arguments)
            finally:
                os._exit(0)
        calls.send(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    begin_alike()
    main(*map(int, sys.argv[1:]))
