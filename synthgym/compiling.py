"""How code is compiled by Numba, and where it is kept."""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import extending
from numba.core import caching, config
from numba.core.registry import cpu_target
from platformdirs import user_cache_path

_njit: Any = numba.njit
intrinsic: Any = extending.intrinsic

compiled = _njit(_nrt=False)
"""Without reference counts, which Numba keeps of every view of an array: they cost as much as the sound.

So nothing compiled makes an array, and Numba refuses what does.
"""
contracted = _njit(_nrt=False, fastmath={"contract"})
"""Products and sums may be rounded once, where the processor can: only for what does not show it."""
released = _njit(_nrt=False, nogil=True)
"""Without Python's lock, so that threads run side by side."""


def keep(function: Any, sources: Iterable[Path]) -> None:
    """Keep the code of a compiled function, for processes that begin later.

    Numba's own cache goes by one source file, and writes an index before the code that it names, so that one
    of several processes may find code of older files, or for another processor (as in its issue 10128). Here
    the folder's name is a digest of sources, versions and processor: whatever is found in it is right.
    Processes that begin together each compile, and none waits for another.

    Where nothing can be written, a warning says so, and every process compiles for itself.

    Args:
        function: compiled by one of the above; it is not called yet.
        sources: the files that its code comes from.
    """
    if not hasattr(function, "py_func"):
        return  # NUMBA_DISABLE_JIT is set
    folder = _folder(function.py_func.__module__, sources)

    class Locator(caching._CacheLocator):
        def get_cache_path(self) -> str:
            return str(folder)

        def get_source_stamp(self) -> str:
            return ""  # it is in the folder's name

        def get_disambiguator(self) -> str:
            return ""

        @classmethod
        def from_function(cls, py_func: Any, py_file: str) -> Locator:
            return cls()

    class Implementation(caching.CompileResultCacheImpl):
        _locator_classes: Any = (Locator,)

    class Cache(caching.Cache):
        _impl_class: Any = Implementation

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                super().save_overload(sig, data)
            except OSError as error:  # as of a full disk
                _warn(folder, error)

    try:
        Locator().ensure_cache_path()
    except OSError as error:
        _warn(folder, error)
        return
    function._cache = Cache(function.py_func)


def _warn(folder: Path, error: OSError) -> None:
    warnings.warn(
        f"cannot keep compiled code in {folder}: {error.strerror}; every process compiles its own; "
        "set NUMBA_CACHE_DIR to a folder that can be written",
        stacklevel=3,
    )


def _folder(name: str, sources: Iterable[Path]) -> Path:
    digest = hashlib.sha256()
    for path in sorted([*sources, Path(__file__)]):
        digest.update(path.read_bytes())
    codegen = cpu_target.target_context.codegen()
    made_by = numba.__version__, np.__version__, sys.version, codegen.magic_tuple()
    digest.update(repr(made_by).encode())
    kept = getattr(config, "CACHE_DIR", "")
    root = Path(kept) if kept else user_cache_path("synthgym")
    return root / "compiled" / f"{name}-{digest.hexdigest()[:16]}"
