"""The native vector environment against those that keep a process for each environment."""

from __future__ import annotations

from .contenders import CONTENDERS
from .memory import grown
from .section import Effort, Row, Section
from .turns import median, ratio, steps_of_many, take_turns

IDS = ("Dexed1Op-v0", "FM-v0")
COUNTS = (2, 16)
PAIRS = (("make_vec", "AsyncVectorEnv"), ("SynthVecEnv", "SubprocVecEnv"))


def measure(effort: Effort) -> list[Row]:
    """Measure both pairs for each id and number of environments."""
    return [row for env_id in IDS for count in COUNTS for row in rows_of(env_id, count, effort)]


def rows_of(env_id: str, num_envs: int, effort: Effort) -> list[Row]:
    """Let all four take turns; then weigh each.

    Args:
        env_id: id of the environment.
        num_envs: of each contender.
        effort: how much is measured.

    Returns:
        A row for each pair of contenders.
    """
    all_envs = {name: make(env_id, num_envs) for name, make in CONTENDERS.items()}
    calls = effort.calls(num_envs)
    turns = {name: steps_of_many(envs, calls) for name, envs in all_envs.items()}
    figures = take_turns(effort.rounds, turns)
    for envs in all_envs.values():
        envs.close()
    rows = []
    for native, other in PAIRS:
        native_mb, other_mb = (grown(name, env_id, num_envs) for name in (native, other))
        rows.append(
            {
                "id": env_id,
                "num_envs": num_envs,
                "native": native,
                "other": other,
                "native_steps": median(figures[native]),
                "other_steps": median(figures[other]),
                "faster": ratio(figures[native], figures[other]),
                "native_mb": native_mb,
                "other_mb": other_mb,
                "memory": native_mb / other_mb,
                "rounds": {"native": figures[native], "other": figures[other]},
            }
        )
    return rows


SECTION = Section(
    name="others",
    title="Against a process for each environment",
    text="Gymnasium's side is gym.make_vec against AsyncVectorEnv, stable-baselines3's is SynthVecEnv "
    "against SubprocVecEnv. Memory is that by which a process that has imported all of them grows with "
    "its children, shared pages counted once; each is measured in a fresh process.",
    columns={
        "id": "id",
        "num_envs": "environments",
        "native": "native",
        "other": "other",
        "native_steps": "native, steps/s",
        "other_steps": "other, steps/s",
        "faster": "native / other, speed",
        "native_mb": "native, MB",
        "other_mb": "other, MB",
        "memory": "native / other, memory",
    },
    measure=measure,
    required={"faster": ("at least", 1.0), "memory": ("at most", 1.0)},
)
