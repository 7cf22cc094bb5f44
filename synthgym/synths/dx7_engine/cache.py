"""Where compiled code is kept, so that it is compiled once for all processes.

Numba's own cache goes by one source file, and writes an index before the code that it names, so that one of
several processes may find code of older files, or for another processor (as in its issue 10128). Here
the folder's name is a digest of all that decides the code: whatever is found in it is right.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import caching, config
from numba.core.registry import cpu_target
from platformdirs import user_cache_path


def _folder() -> Path:
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), here.parent / "dx7_algorithms.py"]):
        digest.update(path.read_bytes())
    codegen = cpu_target.target_context.codegen()
    made_by = (numba.__version__, np.__version__, sys.version, codegen.magic_tuple())
    digest.update(repr(made_by).encode())
    root = Path(kept) if (kept := getattr(config, "CACHE_DIR", "")) else user_cache_path("synthgym")
    return root / "dx7_engine" / digest.hexdigest()[:16]


class _Locator(caching._CacheLocator):
    def get_cache_path(self) -> str:
        return str(_folder())

    def get_source_stamp(self) -> str:
        return ""  # it is in the folder's name

    def get_disambiguator(self) -> str:
        return ""

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator:
        return cls()


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes: Any = (_Locator,)


class _Cache(caching.Cache):
    _impl_class: Any = _Implementation


def keep(function: Any) -> None:
    """Keep the code of a compiled function, and find it again.

    Where nothing can be written, a warning says so, and every process compiles for itself.
    """
    try:
        _Locator().ensure_cache_path()
    except OSError as error:
        warnings.warn(
            f"cannot keep compiled code in {_folder()}: {error.strerror}; every process compiles its own "
            "(some 10 s); set NUMBA_CACHE_DIR to a folder that can be written",
            stacklevel=2,
        )
        return
    function._cache = _Cache(function.py_func)
