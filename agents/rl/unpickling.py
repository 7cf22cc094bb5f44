"""What stable-baselines3 pickles into a model, read without running a program.

To unpickle is to call whatever a file names. Of what it names, this calls what models of ours are made of,
and refuses everything else.
"""

from __future__ import annotations

import base64
import io
import pickle
from collections.abc import Collection, Mapping
from typing import Any

import torch

_KNOWN: dict[str, tuple[str, ...]] = {
    "collections": ("OrderedDict", "deque"),
    "gymnasium.spaces.box": ("Box",),
    "gymnasium.spaces.dict": ("Dict",),
    "numpy": ("dtype", "ndarray"),
    **dict.fromkeys(("numpy._core.multiarray", "numpy.core.multiarray"), ("_reconstruct", "scalar")),
    **dict.fromkeys(("numpy._core.numeric", "numpy.core.numeric"), ("_frombuffer",)),
    "numpy.random._pcg64": ("PCG64",),
    "numpy.random._pickle": ("__bit_generator_ctor", "__generator_ctor"),
    "numpy.random.bit_generator": ("SeedSequence", "__pyx_unpickle_SeedSequence"),
    "sb3_contrib.ars.policies": ("ARSLinearPolicy", "ARSPolicy"),
    "stable_baselines3.common.buffers": (
        "DictReplayBuffer",
        "DictRolloutBuffer",
        "ReplayBuffer",
        "RolloutBuffer",
    ),
    "stable_baselines3.common.policies": ("ActorCriticPolicy", "MultiInputActorCriticPolicy"),
    "stable_baselines3.common.type_aliases": ("TrainFreq", "TrainFrequencyUnit"),
    "stable_baselines3.common.utils": ("ConstantSchedule", "FloatSchedule"),
    "stable_baselines3.her.her_replay_buffer": ("HerReplayBuffer",),
    "stable_baselines3.sac.policies": ("MultiInputPolicy", "SACPolicy"),
    "torch._utils": ("_rebuild_parameter", "_rebuild_tensor_v2"),
}
"""The names, by module, that files of models may call."""
_SERIALIZED = ":serialized:"


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch.storage", "_load_from_bytes"):  # which would unpickle what it is given
            return _storage
        if name not in _KNOWN.get(module, ()):
            raise pickle.UnpicklingError(f"it would call {module}.{name}")
        return super().find_class(module, name)


def _storage(data: bytes) -> Any:
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def unpickled(data: Mapping[str, Any], leave_out: Collection[str]) -> dict[str, Any]:
    """Return what is pickled among the values of a model, by name.

    Args:
        data: the JSON of the model.
        leave_out: names that nobody needs.

    Returns:
        The objects, which stable-baselines3 takes as ``custom_objects`` and then unpickles none.

    Raises:
        Exception: of any kind, if a pickle is damaged; UnpicklingError if it would call something unknown.
    """
    return {
        name: _Unpickler(io.BytesIO(base64.b64decode(value[_SERIALIZED]))).load()
        for name, value in data.items()
        if name not in leave_out and isinstance(value, dict) and _SERIALIZED in value
    }
