"""In a clone: the package in the folder ``agents``, by the name that the wheel gives it.

Another distribution, openai-agents, owns the import name ``agents``. The wheel has the package itself in
place of this file.
"""

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents import load, match

    __all__ = ["load", "match"]
else:
    _folder = Path(__file__).with_name("agents")
    _spec = importlib.util.spec_from_file_location(
        __name__, _folder / "__init__.py", submodule_search_locations=[str(_folder)]
    )
    # Whoever imports this file is given what stands here when it has run.
    sys.modules[__name__] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules[__name__])
