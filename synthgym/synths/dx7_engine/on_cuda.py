"""The voice as a CUDA kernel: a thread for each voice, all of it in registers.

Numba compiles it when it is first called, as it compiles the processor's: the rules are the same functions.
Imported only by those who render on a GPU: ``numba.cuda`` needs a driver, or NUMBA_ENABLE_CUDASIM=1, with
which Python runs the kernel.
"""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numba.cuda
import numpy as np
import torch
from numba import int32, int64
from numba.core import config
from numpy.typing import NDArray

from synthgym.synths.dx7_engine import pressed, sine
from synthgym.synths.dx7_engine.clock import Clock, clock
from synthgym.synths.dx7_engine.high_pass import step_by
from synthgym.synths.dx7_engine.one_voice import COMMON, OPERATORS, State, one_voice_through

cuda: Any = numba.cuda
SIMULATED = bool(getattr(config, "ENABLE_CUDASIM", False))
"""Whether Python runs the kernel, on arrays in the main memory."""
FEW, MOST = 32, 256
"""Threads of a block, the fewer where voices are few: then all of the GPU's processors have some."""
MANY = 1 << 14
"""Voices from which on blocks are as large as they may be."""

# Rounded before it is subtracted: a GPU's compiler would round once, and the bytes would be others.
if SIMULATED:
    _product = operator.mul
else:
    from numba.cuda.libdevice import dmul_rn as _product
_VOICE, _FREQUENCIES, _TABLE = 155, 1025, 1024

_one_voice = cuda.jit(device=True)(one_voice_through(cuda.jit(device=True)(step_by(_product))))

# In 64 registers what goes on between blocks spills, but not the loop over samples, and four times as many
# threads have room as with 255. (The simulator knows no registers.)
_REGISTERS = {} if SIMULATED else {"max_registers": 64}


@cuda.jit(**_REGISTERS)
def kernel(voices, keys, held, rates, frequencies, sines, powers, pole, audio):
    """Render voices.

    Args:
        voices: (B, 155) uint8.
        keys: (B, 2) int64: note and velocity.
        held: (B,) int64: the blocks of 64 samples for which keys are held.
        rates: (4,) int64: a Clock's numbers.
        frequencies: (1025,) int64: a Clock's.
        sines: (1024,) int32, see ``sine.tables``.
        powers: likewise.
        pole: of the high-pass, less than 0; 0 for none.
        audio: (samples, B) float32, to fill: voices side by side, so that threads write side by side.
    """
    near_frequencies = cuda.shared.array(_FREQUENCIES, int64)
    near_sines = cuda.shared.array(_TABLE, int32)
    near_powers = cuda.shared.array(_TABLE, int32)
    for i in range(cuda.threadIdx.x, _FREQUENCIES, cuda.blockDim.x):
        near_frequencies[i] = frequencies[i]
    for i in range(cuda.threadIdx.x, _TABLE, cuda.blockDim.x):
        near_sines[i], near_powers[i] = sines[i], powers[i]
    cuda.syncthreads()
    row = cuda.grid(1)
    if row >= audio.shape[1]:
        return
    voice = cuda.local.array(_VOICE, int64)
    for i in range(_VOICE):
        voice[i] = voices[row, i]
    state = State(
        cuda.local.array(OPERATORS, int64),
        cuda.local.array(COMMON, int64),
        cuda.local.array((6, 2), int64),
        cuda.local.array((6, 1), int64),
        cuda.local.array((3, 1), int64),
        cuda.local.array(6, int32),
        cuda.local.array(6, int32),
        cuda.local.array(6, int32),
        cuda.local.array(6, int32),
        cuda.local.array(6, int32),
    )
    at_rate = Clock(rates[0], rates[1], rates[2], rates[3], near_frequencies)
    column = audio[:, row]
    _one_voice(
        voice, keys[row, 0], keys[row, 1], at_rate, held[row], pole, near_sines, near_powers, state, column
    )


def render(
    voices: NDArray[np.uint8],
    notes: NDArray[np.float64],
    *,
    sample_rate: int,
    samples: int,
    high_pass: float,
    device: torch.device,
) -> torch.Tensor:
    """Return audio (B, samples) float32 on a device, with the bytes of ``dx7_engine.render``.

    The tensor is a transposed one: (samples, B) lies in order. It may still be being rendered.

    Args:
        voices: as ``dx7_engine.render`` takes them.
        notes: likewise.
        sample_rate: Hz.
        samples: length of the audio.
        high_pass: its corner in radians a second; 0 for none.
        device: a CUDA device, or in the simulator the CPU.

    Returns:
        Float32 (B, samples), on the device.
    """
    keys, held, pole = pressed(notes, sample_rate, high_pass)
    at_rate = clock(sample_rate)
    rates = np.array(at_rate[:4], np.int64)
    sent = [torch.from_numpy(array.copy()).to(device) for array in (voices, keys, held, rates)]
    tables = [torch.from_numpy(array).to(device) for array in (at_rate.frequencies, *sine.tables())]
    audio = torch.empty((samples, len(voices)), dtype=torch.float32, device=device)
    threads = _threads(len(voices))
    with cuda.gpus[device.index or 0]:
        stream = 0 if SIMULATED else cuda.external_stream(torch.cuda.current_stream(device).cuda_stream)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Grid size")  # a GPU has room for more: whoever asks knows
            launched = kernel[-(-len(voices) // threads), threads, stream]
        launched(*map(_taken, sent), *map(_taken, tables), pole, _taken(audio))
    return audio.T


def _threads(voices: int) -> int:
    """Return how many threads a block has."""
    if SIMULATED:
        return min(voices, MOST)
    return MOST if voices >= MANY else FEW


def _taken(tensor: torch.Tensor) -> Any:
    """Return a tensor's memory as the kernel takes it."""
    return tensor.numpy() if SIMULATED else cuda.as_cuda_array(tensor)
