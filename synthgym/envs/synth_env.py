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

from synthgym.checks import number, one_of
from synthgym.envs.episode import Episode, Sound, Target
from synthgym.envs.inputs import check_names, checked_action, given_start, given_target
from synthgym.envs.observation import PooledFeature
from synthgym.errors import SynthgymError
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

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012, Gymnasium's own type

    _spec: EnvSpec | None = None
    _played: Episode | None = None

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
        one_of("reward", reward, get_args(Reward))
        one_of("stream of targets", targets, get_args(TargetStream))
        if render_mode is not None:
            one_of("render_mode", render_mode, self.metadata["render_modes"])
        own = [name for name in inspect.signature(SynthEnv).parameters if not name.startswith("synth")]
        for name in synth_options:
            one_of("keyword", name, [*keywords(synth), *own])
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
        self._number = -1

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
        audio, start = given_target(self.task, options), given_start(self.task, options)
        super().reset(seed=seed)
        if seed is not None or self._number < 0:
            self._open_streams(self.np_random_seed)
        self._number += 1
        if audio is None:
            _, audio = self._target_stream.items([self._number])
        features = self.task.feature(audio)
        target = Target(audio[0], features[0], self._pooled.scaled(features)[0])

        self.task.renders = 0
        if start is None:
            start, audio = self._start_stream.items([self._number])
        else:
            audio = self.task.render(start)
        first = self._hear(start[0], audio, target)
        self._played = Episode(target, start=first, now=first, best=first)
        return self._observe(), self._info()

    def _open_streams(self, seed: int) -> None:
        self._number = -1
        space, task = self.task.space, self.task
        self._target_stream = AudiblePatches(space, task.render_uncounted, self._targets, seed)
        self._start_stream = AudiblePatches(space, task.render, "start", seed)

    @property
    def _episode(self) -> Episode:
        if self._played is None:
            raise SynthgymError("call reset() first")
        return self._played

    def step(self, action: NDArray[np.float32]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Nudge the parameters, render, and compare.

        Raises:
            ActionError: the action is not n finite values.
        """
        episode = self._episode
        nudge = checked_action(action, len(self.task.space))
        before = episode.now
        unit: Unit = np.clip(before.unit + np.float32(self.max_nudge) * nudge, 0, 1)
        episode.hear(self._hear(unit, self.task.render(unit[None]), episode.target))
        return self._observe(), self._reward(before), self._terminated(), False, self._info()

    def _hear(self, unit: Unit, audio: Audio, target: Target) -> Sound:
        """Compare a batch of one, (1, samples), with the target."""
        features = self.task.feature(audio)
        pooled = self._pooled.scaled(features)[0]
        far = float(distance(features, target.features[None])[0])
        return Sound(unit, audio[0], features[0], pooled, far, self._judge(far, pooled, target))

    def _judge(self, far: float, pooled: NDArray[np.float32], target: Target) -> float:
        """Return the distance that reward and success go by."""
        return far

    def _observe(self) -> Any:
        now = self._episode.now
        return np.concatenate([now.unit, now.pooled, self._episode.target.pooled])

    def _reward(self, before: Sound) -> float:
        now = self._episode.now
        if self.reward == "improvement":
            return before.judged - now.judged
        return float(self._reward_of(np.array(now.judged)))

    def _reward_of(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(distances <= self.tolerance, 0.0, -1.0) if self.reward == "sparse" else -distances

    def _success(self) -> bool:
        return self._episode.now.judged <= self.tolerance

    def _terminated(self) -> bool:
        return self._success()

    def _info(self) -> dict[str, Any]:
        return {
            "distance": self._episode.now.distance,
            "best_distance": self._episode.best.distance,
            "start_distance": self._episode.start.distance,
            "is_success": self._success(),
            "renders": self.task.renders,
        }

    @property
    def parameters(self) -> Unit:
        """Unit values of the free parameters now, unquantised, (n,)."""
        return self._episode.now.unit.copy()

    @property
    def audio(self) -> Audio:
        """The sound of now, (samples,)."""
        return self._episode.now.audio.copy()

    @property
    def features(self) -> Features:
        """The feature of the sound of now at full resolution, (frames, bins)."""
        return self._episode.now.features.copy()

    @property
    def target_audio(self) -> Audio:
        """The target sound, (samples,)."""
        return self._episode.target.audio.copy()

    @property
    def target_features(self) -> Features:
        """The feature of the target at full resolution, (frames, bins)."""
        return self._episode.target.features.copy()

    @property
    def best_parameters(self) -> Unit:
        """Unit values of the best sound of the episode, (n,)."""
        return self._episode.best.unit.copy()

    @property
    def best_audio(self) -> Audio:
        """The best sound of the episode, (samples,)."""
        return self._episode.best.audio.copy()

    def save_preset(self, path: str | os.PathLike[str]) -> None:
        """Save the best sound of the episode as a preset of the synth (Dexed: a single-voice .syx).

        Raises:
            PresetError: the path does not end as the synth's presets do.
        """
        self.task.synth.save_preset(self.task.space.to_native(self._episode.best.unit), path)

    def render(self) -> NDArray[np.uint8] | None:
        """Return a picture (height, width, 3) of target and current feature; None without a mode."""
        if self.render_mode is None:
            gym.logger.warn("render() needs gym.make(..., render_mode='rgb_array')")
            return None
        now, target = self._episode.now, self._episode.target
        from synthgym.viz.spectrogram import side_by_side  # Matplotlib only for those who look

        seconds = self.task.synth.note.duration
        return side_by_side(self.task.feature, target.features, now.features, now.distance, seconds)
