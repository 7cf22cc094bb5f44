"""The goal-conditioned environment, for hindsight experience replay."""

from __future__ import annotations

from synthgym.envs.base import PlayingForGoals
from synthgym.envs.synth_env import SynthEnv


class SynthGoalEnv(PlayingForGoals, SynthEnv):
    """SynthEnv with the target as a goal (Andrychowicz et al. 2017, "Hindsight Experience Replay").

    ## Description
    As SynthEnv, but the distance that rewards and decides success is that of the pooled features,
    so that it can be computed again for any goal from the observation alone:

        observation, reward, *_, info = env.step(action)
        assert reward == env.unwrapped.compute_reward(
            observation["achieved_goal"], observation["desired_goal"], info)

    ## Observation Space
    A `Dict` of `observation` (the n unit parameters), `achieved_goal` (the pooled feature of the
    current sound, m values in [0, 1]) and `desired_goal` (that of the target).

    ## Rewards
    `"distance"` (default) or `"sparse"`, of the pooled features. `info["distance"]` stays the one at
    full resolution, to be compared with other environments; `info["is_success"]` follows the goals.

    ## Episode End
    Never terminates on success (as in Gymnasium-Robotics' Fetch: replayed goals would not agree);
    truncated after 50 steps.

    All else is as in SynthEnv.
    """
