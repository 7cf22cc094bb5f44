"""Measure what an environment's step costs beside the least it could cost.

    python scripts/benchmark.py

For every id, side by side in one run, on the same patches: the raw engine's render (voice bytes in,
audio out; a plugin's in this process), a reference feature (scipy.fft.rfft in float32 and a dense mel
product), and the step of the environment as gym.make gives it. Figures are medians.
"""

from __future__ import annotations

import os

# One thread each, as where environments share the cores. Must stand before NumPy's import.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import scipy.fft
import scipy.signal
from cli import run
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

import synthgym  # noqa: F401, registers the ids
from envs_registry import ENVIRONMENTS, example, missing
from synthgym.checks import whole
from synthgym.envs import SynthEnv
from synthgym.features.logmel import HOP, N_FFT, mel_matrix
from synthgym.synths.plugin import PluginSynth


def reference_feature(sample_rate: int) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return a plain mel spectrogram: (samples,) to (frames, bins)."""
    window = scipy.signal.get_window("hann", N_FFT).astype(np.float32)
    mel = np.ascontiguousarray(mel_matrix(sample_rate).T)

    def feature(audio: NDArray[np.float32]) -> NDArray[np.float32]:
        frames = sliding_window_view(np.pad(audio, N_FFT // 2), N_FFT)[::HOP]
        spectrum = scipy.fft.rfft(frames * window, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        product: NDArray[np.float32] = power @ mel
        return product

    return feature


def timed(function: Callable[[Any], Any], argument: Any) -> tuple[float, Any]:
    """Return how many seconds a call takes, and its result."""
    start = time.perf_counter()
    result = function(argument)
    return time.perf_counter() - start, result


def measure(env_id: str, steps: int) -> tuple[int, dict[str, float]]:
    """Return the number of parameters, and medians in seconds of render, reference and step."""
    env = gym.make(env_id, **example(env_id))
    inner = env.unwrapped
    assert isinstance(inner, SynthEnv)
    space = inner.task.space
    # A plugin is isolated by default; its render alone is what it takes without.
    synth = inner.task.synth
    if isinstance(synth, PluginSynth):
        synth = PluginSynth(plugin=synth.plugin, isolation="none")
    reference = reference_feature(synth.sample_rate)
    env.action_space.seed(0)
    env.reset(seed=0)
    times: dict[str, list[float]] = {"render": [], "reference": [], "step": []}
    for _ in range(steps):
        action = env.action_space.sample()
        spent, (_, _, terminated, truncated, _) = timed(env.step, action)
        times["step"].append(spent)
        (code,) = synth.encode(space.to_native(inner.parameters[None]))
        spent, audio = timed(synth.play, code)
        times["render"].append(spent)
        spent, _ = timed(reference, audio)
        times["reference"].append(spent)
        if terminated or truncated:
            env.reset()
    return len(space), {name: float(np.median(values)) for name, values in times.items()}


def main() -> int:
    """Measure every id and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=2000, help="steps measured for each id (default: 2000)")
    args = parser.parse_args()
    whole("--steps", args.steps, 1, 10**9)
    columns = ("id", "parameters", "render, us", "reference, us", "step, us", "step / render")
    print("|", " | ".join(columns), "| step / (render + reference) |")
    print("| --- " + "| ---: " * len(columns) + "|")
    for env_id in ENVIRONMENTS:
        if reason := missing(env_id):
            print(f"left out: {reason}", file=sys.stderr)
            continue
        size, medians = measure(env_id, args.steps)
        render, reference, step = (medians[name] * 1e6 for name in ("render", "reference", "step"))
        cells = [env_id, size, *(f"{us:.0f}" for us in (render, reference, step))]
        cells += [f"{step / render:.2f}", f"{step / (render + reference):.2f}"]
        print("|", " | ".join(map(str, cells)), "|", flush=True)
    return 0


if __name__ == "__main__":
    run(main)
