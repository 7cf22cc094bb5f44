"""How networks come with the package: weights of 16 bits in a format that cannot run code, and a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from synthgym.errors import SynthgymError
from synthgym.files import replaced


def ship(kept: Mapping[str, Any], path: Path) -> None:
    """Write what is kept of a model, with weights of 16 bits.

    Args:
        kept: as ``Model.kept`` gives it.
        path: file to write, as safetensors.
    """
    weights = {name: value.half().contiguous() for name, value in kept["weights"].items()}
    about = {name: value for name, value in kept.items() if name not in ("weights", "training")}
    metadata = {"about": json.dumps(about), "sha256": _checksum(weights)}
    with replaced(path) as temporary:
        save_file(weights, temporary, metadata)


@lru_cache(2)
def read_shipped(path: Path) -> dict[str, Any]:
    """Return what was kept of a model; SynthgymError if its file is missing or damaged."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
        if _checksum(weights) != metadata["sha256"]:
            raise ValueError("its checksum is another")
        about: dict[str, Any] = json.loads(metadata["about"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise SynthgymError(f"{path} is damaged ({why}); install synthgym again") from error
    return {**about, "weights": {name: value.float() for name, value in weights.items()}, "training": None}


def _checksum(weights: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].numpy().tobytes())
    return digest.hexdigest()
