"""Files of weights and plain values that PyTorch wrote."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from .refusal import check_is_zip, no_model

Made = TypeVar("Made")


def read_weights(agent: str, path: Path) -> dict[str, Any]:
    """Read what was kept with the model of an agent: nothing that the file holds is ever run.

    Args:
        agent: the name of the agent.
        path: of the model.

    Returns:
        Weights and plain values by name, on the CPU.

    Raises:
        SynthgymError: the file holds no model of the agent; the message names the cause.
    """
    check_is_zip(agent, path)
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise no_model(agent, path, "it holds more than weights and plain values") from error
    except Exception as error:  # PyTorch raises many kinds for a file of another format
        cause = f"PyTorch did not write it, or it is damaged: {type(error).__name__}, {error!s:.200}"
        raise no_model(agent, path, cause) from error
    if not isinstance(kept, dict) or "agent" not in kept:
        raise no_model(agent, path, "synthgym train did not write it")
    if kept["agent"] != agent:
        raise no_model(agent, path, f"it is a model of {kept['agent']}")
    return kept


def with_weights(
    make: Callable[[], Made], network: Callable[[Made], nn.Module], weights: Mapping[str, torch.Tensor]
) -> Made:
    """Make a model, and give its network the weights that were kept.

    Args:
        make: makes the model as its file says.
        network: of a model.
        weights: by name.

    Returns:
        The model.

    Raises:
        ValueError: the weights are not those of such a network. It was not made then: what a damaged file
            describes may be larger than the memory.
    """
    with torch.device("meta"):  # where tensors have shapes alone
        shapes = {name: value.shape for name, value in network(make()).state_dict().items()}
    kept = {name: getattr(value, "shape", None) for name, value in weights.items()}
    if kept != shapes:
        differ = sorted(name for name in {**kept, **shapes} if kept.get(name) != shapes.get(name))
        raise ValueError(f"its weights {', '.join(differ[:3])} are not as it says")
    made = make()
    network(made).load_state_dict(weights)
    return made
