"""The environment: nudge a synthesiser's parameters until it sounds like the target."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from synthgym.checks import floats, number
from synthgym.envs.observation import PooledFeature
from synthgym.envs.reset_options import check_names, given_start, given_target
from synthgym.errors import ActionError, SynthgymError, UnknownNameError
from synthgym.features import Features, distance
from synthgym.parameters import Unit
from synthgym.synths import Audio, keywords
from synthgym.targets import AudiblePatches
from synthgym.task import SoundMatchingTask

Reward = Literal["distance", "improvement", "sparse"]
TargetStream = Literal["train", "validation"]


class SynthEnv(gym.Env[Any, NDArray[np.float32]]):
    """A synthesiser whose parameters the agent nudges until it sounds like a target.

    ## Description
    Each episode has a target sound. At every step the agent nudges the parameters of a real
    synthesiser, which renders one note; a feature of that sound (by default a log-mel spectrogram)
    is compared with the target's. The distance is 0 for equal features, 1 for sounds that share
    nothing, and exactly 1 for silence.

    ## Action Space
    `Box(-1, 1, (n,), float32)` for n free parameters: `parameters += max_nudge * action`, clipped
    to [0, 1]. Actions beyond the box are clipped to it. Parameters stay unquantised between steps,
    so that small nudges add up; only the render sees them on the synth's own grid.

    ## Observation Space
    `Box(0, 1, (n + 2 m,), float32)`: the n unit parameters, then m values of the current sound and
    m of the target, each the feature scaled to [0, 1], mean-pooled to at most 22 frames x 32 bins
    and flattened frame by frame.

    ## Rewards
    - `"distance"` (default): minus the distance at full resolution, in [-1, 0].
    - `"improvement"`: by how much the distance fell since the step before, in [-1, 1].
    - `"sparse"`: 0 on success, otherwise -1.

    ## Starting State
    Episode i after `reset(seed=s)` has item i of two random streams of seed s: a target patch and a
    start patch, uniformly random and audible (peak at -44 dBFS or above). `reset(options=...)` sets
    them instead, by at most one of `target_parameters` (n unit values), `target_audio` (mono, of
    the environment's own rate and length, taken as it is) and `target_file` (any WAV, FLAC, OGG or
    AIFF: mixed to mono, resampled, leading silence trimmed, cropped or padded, levelled to a peak of
    -18 dBFS), and by `start` (n unit values).

    ## Information
    `info` holds Python scalars: `distance`; `best_distance` and `start_distance` of the episode;
    `is_success`; and `renders`, every sound made since the target was known, with the start and the
    inaudible starts drawn before it. The unwrapped environment has `audio`, `target_audio`,
    `parameters`, `best_parameters`, `best_audio`, `save_preset(path)` and `noise_floor`, the distance
    at which equal patches of a synth that is not exactly repeatable were heard (0 for all others).

    ## Episode End
    Terminates when the distance is at most `tolerance`; truncated after 50 steps
    (`gym.make(id, max_episode_steps=...)`).

    ## Arguments
    - `feature`: `"logmel"` or `"mfcc"`.
    - `reward`: `"distance"`, `"improvement"` or `"sparse"`.
    - `max_nudge`: how far an action of 1 moves a parameter, 0.0001 to 1; default 0.1.
    - `tolerance`: distance of success, 0 to 1; default 0.05.
    - `parameters`: names of the only parameters to leave free.
    - `frozen`: `{name: native value or label}` of parameters to hold.
    - `targets`: the stream of random targets, `"train"` or `"validation"`.
    - `sample_rate` (Hz, 44100), `note` (MIDI, 60), `velocity` (MIDI, 100), `hold` (seconds to
      note-off, 0.7), `duration` (seconds rendered, 1.0), and what else the synth takes.
    - `render_mode`: `None` or `"rgb_array"`: target and current feature side by side.

    ## Version History
    - v0: before the first release; the CHANGELOG says what changes.

    Raises:
        SynthgymError: a keyword, option or action that cannot be used.
    """

    # As many pictures a second as fit a person who watches parameters being turned.
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012, Gymnasium's own type

    _spec: EnvSpec | None = None
    _unit: Unit
    _audio: Audio
    _best_unit: Unit
    _best_audio: Audio
    _target_audio: Audio

    def __init__(
        self,
        synth: str,
        *,
        feature: str = "logmel",
        reward: Reward = "distance",
        max_nudge: float = 0.1,
        tolerance: float = 0.05,
        parameters: Sequence[str] | None = None,
        frozen: Mapping[str, float | str] | None = None,
        targets: TargetStream = "train",
        render_mode: str | None = None,
        **synth_options: Any,
    ) -> None:
        if reward not in get_args(Reward):
            raise UnknownNameError("reward", reward, get_args(Reward))
        if targets not in get_args(TargetStream):
            raise UnknownNameError("stream of targets", targets, get_args(TargetStream))
        for name in synth_options:
            if name not in keywords(synth):
                own = [n for n in inspect.signature(SynthEnv).parameters if not n.startswith("synth")]
                raise UnknownNameError("keyword", name, [*own, *keywords(synth)])
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise UnknownNameError("render_mode", render_mode, self.metadata["render_modes"])
        self.task = SoundMatchingTask(
            synth, feature=feature, parameters=parameters, frozen=frozen, **synth_options
        )
        self.noise_floor = self.task.noise_floor()
        self.reward = reward
        self.max_nudge = number("max_nudge", max_nudge, 0.0001, 1)
        self.tolerance = number("tolerance", tolerance, 0, 1)
        self.render_mode = render_mode
        self._targets = targets
        size = len(self.task.space)
        self._pooled = PooledFeature(self.task.feature)
        self.action_space = gym.spaces.Box(-1, 1, (size,), np.float32)
        self.observation_space = self._observation_space(size, self._pooled.size)
        self._episode = -1

    @property
    def spec(self) -> EnvSpec | None:
        """The spec it was made from; nondeterministic if the synth was found to be."""
        return self._spec

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        self._spec = copy(value)
        if self._spec is not None and self.noise_floor > 0:
            self._spec.nondeterministic = True

    def close(self) -> None:
        """Let the synth's engine go; it is made again when it is needed."""
        self.task.synth.close()

    def _observation_space(self, parameters: int, pooled_size: int) -> gym.Space[Any]:
        return gym.spaces.Box(0, 1, (parameters + 2 * pooled_size,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; ``options`` as under Starting State.

        Raises:
            UnknownNameError: an option that does not exist.
            SoundError: a target that is missing, silent, no audio or of a wrong length.
            ParameterError: parameters of a wrong length or outside [0, 1].
        """
        # What can fail comes first: a reset that raises leaves everything as it was.
        options = options or {}
        check_names(options)
        target, start = given_target(self.task, options), given_start(self.task, options)
        super().reset(seed=seed)
        if seed is not None or self._episode < 0:
            self._open_streams(self.np_random_seed)
        self._episode += 1
        if target is None:
            _, target = self._target_stream.items([self._episode])
        self._target_audio, self._target = target[0], self.task.feature(target)
        self._target_pooled = self._pooled.scaled(self._target)[0]

        self.task.renders = 0
        if start is None:
            start, audio = self._start_stream.items([self._episode])
        else:
            audio = self.task.render(start)
        self._hear(start[0], audio)
        self._start_distance = self._distance
        self._keep_best()
        return self._observe(), self._info()

    def _open_streams(self, seed: int) -> None:
        self._episode = -1
        space, task = self.task.space, self.task
        self._target_stream = AudiblePatches(space, task.render_uncounted, self._targets, seed)
        self._start_stream = AudiblePatches(space, task.render, "start", seed)

    def step(self, action: NDArray[np.float32]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Nudge the parameters, render, and compare.

        Raises:
            ActionError: the action is not n finite values.
        """
        self._need_reset()
        size = len(self.task.space)
        try:
            nudge = floats("an action", action)
        except SynthgymError as error:
            raise ActionError(f"an action is {size} finite values; {error}") from error
        if nudge.shape != (size,) or not np.isfinite(nudge).all():
            raise ActionError(f"an action is {size} finite values; got {action!r:.60}")
        nudge = np.clip(nudge, -1, 1).astype(np.float32)
        unit: Unit = np.clip(self._unit + np.float32(self.max_nudge) * nudge, 0, 1)
        before = self._distance
        self._hear(unit, self.task.render(unit[None]))
        if self._distance < self._best_distance:
            self._keep_best()
        return self._observe(), self._reward(before), self._terminated(), False, self._info()

    def _need_reset(self) -> None:
        if self._episode < 0:
            raise SynthgymError("call reset() first")

    def _hear(self, unit: Unit, audio: Audio) -> None:
        self._unit, self._audio = unit, audio[0]
        self._features = self.task.feature(audio)
        self._distance = float(distance(self._features, self._target)[0])

    def _keep_best(self) -> None:
        self._best_unit, self._best_audio, self._best_distance = self._unit, self._audio, self._distance

    def _observe(self) -> Any:
        current = self._pooled.scaled(self._features)[0]
        return np.concatenate([self._unit, current, self._target_pooled])

    def _reward(self, before: float) -> float:
        if self.reward == "improvement":
            return before - self._distance
        return float(self._reward_of(np.array(self._distance)))

    def _reward_of(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(distances <= self.tolerance, 0.0, -1.0) if self.reward == "sparse" else -distances

    def _success(self) -> bool:
        return self._distance <= self.tolerance

    def _terminated(self) -> bool:
        return self._success()

    def _info(self) -> dict[str, Any]:
        return {
            "distance": self._distance,
            "best_distance": self._best_distance,
            "start_distance": self._start_distance,
            "is_success": self._success(),
            "renders": self.task.renders,
        }

    @property
    def parameters(self) -> Unit:
        """Unit values of the free parameters now, unquantised, (n,)."""
        self._need_reset()
        return self._unit.copy()

    @property
    def audio(self) -> Audio:
        """The sound of now, (samples,)."""
        self._need_reset()
        return self._audio.copy()

    @property
    def target_audio(self) -> Audio:
        """The target sound, (samples,)."""
        self._need_reset()
        return self._target_audio.copy()

    @property
    def best_parameters(self) -> Unit:
        """Unit values of the best sound of the episode, (n,)."""
        self._need_reset()
        return self._best_unit.copy()

    @property
    def best_audio(self) -> Audio:
        """The best sound of the episode, (samples,)."""
        self._need_reset()
        return self._best_audio.copy()

    @property
    def features(self) -> Features:
        """The feature of the sound of now at full resolution, (frames, bins)."""
        self._need_reset()
        features: Features = self._features[0].copy()
        return features

    @property
    def target_features(self) -> Features:
        """The feature of the target at full resolution, (frames, bins)."""
        self._need_reset()
        features: Features = self._target[0].copy()
        return features

    def save_preset(self, path: str | os.PathLike[str]) -> None:
        """Save the best sound of the episode as a preset of the synth (Dexed: a single-voice .syx).

        Raises:
            PresetError: the path does not end as the synth's presets do.
        """
        self._need_reset()
        self.task.synth.save_preset(self.task.space.to_native(self._best_unit), path)

    def render(self) -> NDArray[np.uint8] | None:
        """Return a picture (height, width, 3) of target and current feature; None without a mode."""
        if self.render_mode is None:
            gym.logger.warn("render() needs gym.make(..., render_mode='rgb_array')")
            return None
        self._need_reset()
        from synthgym.viz.spectrogram import side_by_side  # Matplotlib only for those who look

        seconds = self.task.synth.note.duration
        return side_by_side(self.task.feature, self._target[0], self._features[0], self._distance, seconds)
