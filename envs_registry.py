"""Every environment, one row each. Tests, documentation, scripts and benchmarks loop over this table.

A row is an id and the keywords that make it from ``synthgym.envs.SynthEnv``. Each id also has a
goal-conditioned twin, ``Dexed1OpGoal-v0`` for ``Dexed1Op-v0``.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

MAX_EPISODE_STEPS = 50

ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "Dexed1Op-v0": {"synth": "dexed", "operators": 1},
    "Dexed2Op-v0": {"synth": "dexed", "operators": 2},
    "Dexed3Op-v0": {"synth": "dexed", "operators": 3},
    "Dexed4Op-v0": {"synth": "dexed", "operators": 4},
    "Dexed5Op-v0": {"synth": "dexed", "operators": 5},
    "Dexed6Op-v0": {"synth": "dexed", "operators": 6},
    "FM-v0": {"synth": "fm"},
    "Granulator-v0": {"synth": "granulator"},
    "Faust-v0": {"synth": "faust"},
    "Plugin-v0": {"synth": "plugin"},
    "Vital-v0": {"synth": "vital"},
}

# Ids that cannot be made without a keyword of the user's: an example of it, a path in the clone or
# on the machine. Loops over the table use it, and pass the id over where there is no such file.
EXAMPLES: dict[str, dict[str, str]] = {
    "Faust-v0": {"dsp": "examples/faust/subtractive.dsp"},
    "Plugin-v0": {"plugin": "/usr/lib/vst/amsynth_vst.so"},  # Debian's package amsynth
}

# Ids whose engine is an extra: the package and the extra. Loops over the table pass them over without it.
PACKAGES: dict[str, tuple[str, str]] = {"Vital-v0": ("vita", "vital")}


def goal_id(env_id: str) -> str:
    """Return the id of the goal-conditioned twin.

    >>> goal_id("Dexed1Op-v0")
    'Dexed1OpGoal-v0'
    """
    name, version = env_id.rsplit("-", 1)
    return f"{name}Goal-{version}"


def base_id(env_id: str) -> str:
    """Return the id of the table whose goal-conditioned twin an id is, or the id itself."""
    return next((base for base in ENVIRONMENTS if goal_id(base) == env_id), env_id)


def example(env_id: str) -> dict[str, Any]:
    """Return the keywords that an id, or its goal-conditioned twin, cannot be made without."""
    clone = Path(__file__).parent
    return {k: str(clone / v) for k, v in EXAMPLES.get(base_id(env_id), {}).items()}


def missing(env_id: str) -> str | None:
    """Return what an id's example needs and this machine lacks, or None."""
    absent = [
        f'the package {name}; pip install "synthgym[{extra}]"'
        for name, extra in [PACKAGES.get(base_id(env_id), ("numpy", ""))]
        if find_spec(name) is None
    ]
    absent += [value for value in example(env_id).values() if not Path(value).exists()]
    return f"{env_id} needs {absent[0]}" if absent else None
