"""The helper process: it makes one object, an engine or another, and answers calls of its methods.

Run by its path, with two file descriptors: a socket for calls and memory for results. With ``fork``,
each call runs in a child forked from this process, which stays as it was when the engine was loaded:
equal calls give equal bytes, and whatever a plugin does to its process is gone with the child.
"""

from __future__ import annotations

import importlib
import mmap
import os
import pickle
import sys
from multiprocessing.connection import Connection
from typing import Any

HEADER = 8
"""Bytes before a result in the memory: its length."""


def answer(engine: Any, memory: mmap.mmap, method: str, arguments: tuple[Any, ...]) -> None:
    """Call a method and put its result, or the message of its exception, into the memory."""
    try:
        result = True, getattr(engine, method)(*arguments)
    except Exception as error:  # whatever it is, the caller is told
        result = False, (type(error).__name__, str(error))
    data = pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)
    if HEADER + len(data) > len(memory):
        data = pickle.dumps((False, ("MemoryError", f"a result of {len(data)} bytes does not fit")))
    memory[HEADER : HEADER + len(data)] = data
    memory[:HEADER] = len(data).to_bytes(HEADER, "little")


def main(socket: int, shared: int) -> None:
    """Answer until the caller is gone. Each reply is the exit status of the call, 0 if it is answered."""
    calls: Connection[Any, Any] = Connection(socket)
    memory = mmap.mmap(shared, os.fstat(shared).st_size)
    kind, paths, fork = calls.recv()
    sys.path += paths
    try:
        # After the path is set: the options may be of any of the caller's classes.
        options = calls.recv()
        module, _, name = kind.partition(":")
        engine = getattr(importlib.import_module(module), name)(**options)
    except Exception as error:
        calls.send(f"{error}")
        return
    calls.send(None)
    while True:
        try:
            method, arguments = calls.recv()
        except EOFError:
            return
        if not fork:
            answer(engine, memory, method, arguments)
            calls.send(0)
            continue
        child = os.fork()
        if child == 0:
            try:
                answer(engine, memory, method, arguments)
            finally:
                os._exit(0)
        calls.send(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
