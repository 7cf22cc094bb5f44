"""The native vector environment against the environment a user would write by hand."""

from __future__ import annotations

from ..rl.vec_env import SynthVecEnv
from .by_hand import BY_HAND, make_by_hand
from .section import Effort, Row, Section
from .turns import median, ratio, steps_of_many, take_turns

NUM_ENVS = 16


def measure(effort: Effort) -> list[Row]:
    """Measure each that is written by hand."""
    rows = []
    calls = effort.calls(NUM_ENVS)
    for env_id in BY_HAND:
        ours, by_hand = SynthVecEnv(env_id, NUM_ENVS, feature="mfcc"), make_by_hand(env_id, NUM_ENVS)
        turns = {"ours": steps_of_many(ours, calls), "by_hand": steps_of_many(by_hand, calls)}
        figures = take_turns(effort.rounds, turns)
        ours.close()
        by_hand.close()
        rows.append(
            {
                "id": env_id,
                "ours": median(figures["ours"]),
                "by_hand": median(figures["by_hand"]),
                "faster": ratio(figures["ours"], figures["by_hand"]),
                "rounds": figures,
            }
        )
    return rows


SECTION = Section(
    name="handwritten",
    title="Against an environment written by hand",
    text="SynthVecEnv of 16 with feature='mfcc' against agents/benchmarks/by_hand.py in "
    "stable-baselines3's DummyVecEnv of 16: dexed-py's Patch, or DawDreamer with the same Faust program, "
    "and librosa.feature.mfcc as it is by default.",
    columns={
        "id": "id",
        "ours": "synthgym, steps/s",
        "by_hand": "by hand, steps/s",
        "faster": "synthgym / by hand",
    },
    measure=measure,
    required={"faster": ("at least", 4.0)},
)
