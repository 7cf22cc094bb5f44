"""What is used of dexed-py.

Where jax is installed, importing dexed-py imports it, and that draws from NumPy's global generator: the state
that a user has seeded is put back.
"""

import numpy as np

_state = np.random.get_state()  # noqa: NPY002, it is the user's
from dexed import DexedSynth as DexedSynth  # noqa: E402
from dexed import Patch as Patch  # noqa: E402

np.random.set_state(_state)  # noqa: NPY002
