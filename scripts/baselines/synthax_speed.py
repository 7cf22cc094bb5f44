"""How many sounds of a second SynthAX's voice makes in a second, without a feature, on this machine's CPU.

    python -m venv other && other/bin/pip install synthax==0.2.2 jax==0.10.2
    other/bin/python scripts/baselines/synthax_speed.py

It needs an environment of its own, and nothing of synthgym. ``scripts/benchmark.py --sections endurance`` is
what it is compared with. (Cherep and Singh, "SynthAX: A Fast Modular Synthesizer in JAX", AES 2023.)
"""

from __future__ import annotations

import time
from statistics import median

import jax
from synthax.config import SynthConfig
from synthax.synth import Voice

BATCHES = (1, 4, 16, 64, 256)
ROUNDS = 7


def main() -> None:
    """Print sounds a second for each batch: the median of some rounds, compiled before."""
    for batch in BATCHES:
        voice = Voice(config=SynthConfig(batch_size=batch, sample_rate=44100, buffer_size_seconds=1.0))
        parameters = voice.init(jax.random.PRNGKey(0))
        render = jax.jit(voice.apply)
        render(parameters).block_until_ready()
        took = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            render(parameters).block_until_ready()
            took.append(time.perf_counter() - start)
        print(f"{batch} at once: {batch / median(took):,.0f} sounds/s", flush=True)


if __name__ == "__main__":
    main()
