"""PPO learns to listen: on a problem of two parameters, in well under a minute."""

import gymnasium as gym
import numpy as np

from agents.policy import load_policy
from agents.runs import RunFolder
from agents.settings import RunSettings
from agents.training import train
from synthgym.features import distance

# Pitch and level of a short sine: two parameters, ten steps an episode.
EASY = {
    "parameters": ["TRANSPOSE", "OP1 OUTPUT LEVEL"],
    "hold": 0.2,
    "duration": 0.3,
    "max_nudge": 0.3,
    "max_episode_steps": 10,
}
TARGETS = 50
MARGIN = 0.08
"""The trained policy was seen at .46, the best constant at .61, the other two above .70."""


def last_distances(model, shown):
    """Play one deterministic episode per held-out target; ``shown[i]`` is the one whose features it sees."""
    env = gym.make("Dexed1Op-v0", targets="validation", **EASY)
    size = (env.observation_space.shape[0] - env.action_space.shape[0]) // 2
    pictures = [env.reset(seed=i)[0][-size:] for i in range(TARGETS)]
    ends = []
    for i in range(TARGETS):
        observation, _ = env.reset(seed=i)
        ended = False
        while not ended:
            observation[-size:] = pictures[shown[i]]
            action, _ = model.predict(observation, deterministic=True)
            observation, _, terminated, truncated, info = env.step(action)
            ended = terminated or truncated
        ends.append(info["distance"])
    return np.mean(ends)


def best_constant():
    """The mean distance of the target that is nearest to all of them."""
    env = gym.make("Dexed1Op-v0", targets="validation", **EASY).unwrapped
    targets = []
    for i in range(TARGETS):
        env.reset(seed=i)
        targets.append(env.target_features)
    targets = np.stack(targets)
    return min(distance(one[None], targets).mean() for one in targets)


def test_ppo_learns_to_listen(tmp_path):
    hyperparameters = {
        "policy": "MlpPolicy",
        "n_steps": 20,
        "batch_size": 160,
        "gamma": 0.9,
        "learning_rate": 1e-3,
        "policy_kwargs": {"net_arch": [64, 64]},
    }
    own = np.arange(TARGETS)
    ends = {}
    for steps in (1, 20_000):
        folder = RunFolder(tmp_path / str(steps))
        # One step is one rollout; a learning rate of 0 leaves the network untrained.
        rate = 0.0 if steps == 1 else hyperparameters["learning_rate"]
        kwargs = {**hyperparameters, "learning_rate": rate}
        folder.begin(RunSettings("Dexed1Op-v0", "ppo", steps, 16, 0, EASY, kwargs))
        assert train(folder) == 0
        model, _ = load_policy("ppo", folder.final_model, "Dexed1Op-v0")
        ends[steps] = last_distances(model, shown=own)
    shuffled = last_distances(model, shown=np.roll(own, 1))
    assert ends[20_000] < ends[1] - MARGIN
    assert ends[20_000] < shuffled - MARGIN
    assert ends[20_000] < best_constant() - MARGIN
