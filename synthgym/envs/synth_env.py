"""The environment: nudge a synthesiser's parameters until it sounds like the target."""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from synthgym.envs.base import METADATA, EnvBase
from synthgym.envs.episodes import ALL
from synthgym.envs.inputs import checked_actions, given
from synthgym.errors import SynthgymError
from synthgym.features import Features
from synthgym.parameters import Unit
from synthgym.synths import Audio

_OF_GENERATOR = -1
"""What Gymnasium says of the seed where ``np_random`` was set."""


class SynthEnv(EnvBase, gym.Env[Any, NDArray[np.float32]]):
    """A synthesiser whose parameters the agent nudges until it sounds like a target.

    ## Description
    Each episode has a target sound. At every step the agent nudges the parameters of a real
    synthesiser, which renders one note; a feature of that sound (by default `multiresolution`)
    is compared with the target's. The distance is 0 for equal features, 1 for sounds that share
    nothing, and exactly 1 for silence.

    ## Action Space
    `Box(-1, 1, (n,), float32)` for n free parameters: `parameters += max_nudge * action`, clipped
    to [0, 1]. Actions beyond the box are clipped to it. Parameters stay unquantised between steps,
    so that small nudges add up; only the render sees them on the synth's own grid.

    ## Observation Space
    `Box(0, 1, (n + k + 2 m,), float32)`: the n unit parameters; the k of note, velocity and hold that vary,
    scaled to [0, 1] (none by default); then m values of the current sound and m of the target, each the
    feature scaled to [0, 1], mean-pooled and flattened frame by frame: to at most 11 frames x 159 bins
    (m = 1,749 for one second), `logmel` to 22 x 32.

    ## Rewards
    - `"distance"` (default): minus the distance at full resolution, in [-1, 0].
    - `"improvement"`: by how much the distance fell since the step before, in [-1, 1].
    - `"sparse"`: 0 on success, otherwise -1.

    With `keep_best`, the distance is that of the sound which the step ends with: `"improvement"` is never
    negative, and 0 where the step is undone.

    ## Starting State
    Episode i after `reset(seed=s)` has patch i of two random streams of seed s: a target patch and a
    start patch, such as people make where the synth knows (Dexed), otherwise uniformly random, and
    audible (peak at -44 dBFS or above). With `starts` = k, it starts at the nearest to the target of the k
    patches from k i on, each of which counts as a render. Of a range of notes, the target draws one, and the
    whole episode plays it. `reset(options=...)` sets them instead, by at most one of `target_parameters` (n
    unit values), `target_audio` (mono, of the environment's own rate and length, taken as it is) and
    `target_file` (WAV, FLAC, OGG, AIFF, MP3: mixed to mono, resampled, leading silence trimmed, cropped
    or padded, levelled to a peak of -18 dBFS), by `start` (n unit values), and by `note`, `velocity` and
    `hold` where they vary: of a recording, `note` must then be given, and what else is left open
    of a target's note is the middle of its range.

    ## Information
    `info` holds Python scalars: `distance`; `best_distance` and `start_distance` of the episode;
    `tried_distance`, of the sound that was rendered last, even if its step was undone; `is_success`;
    `renders`, every sound made since the target was known, with the starts and the inaudible candidates
    before them; and `failures`, how many of those were silence because the plugin crashed or the sound or
    a feature of it was not finite (a warning names the parameters); and `note`, `velocity` and `hold`,
    which are played. The unwrapped environment has `audio`, `target_audio`, `parameters`,
    `best_parameters`, `best_audio`, `save_preset(path)` and `noise_floor`, the greatest distance between
    renders of one patch (0 for synths that are exactly repeatable).

    ## Episode End
    Terminates when the distance is at most `tolerance`; truncated after 50 steps
    (`gym.make(id, max_episode_steps=...)`).

    ## Arguments
    - `feature`: `"multiresolution"` (default; docs/features.md), `"embedding"`, `"logmel"`, `"mfcc"` (20
      coefficients; `"mfcc-13"`: 13), or any mean-pooled: `"pooled-logmel"`.
    - `reward`: `"distance"`, `"improvement"` or `"sparse"`.
    - `max_nudge`: how far an action of 1 moves a parameter, 0.0001 to 1; default 0.1.
    - `tolerance`: distance of success, 0 to 1; default 0.05.
    - `keep_best`: whether a step that leads farther from the target is undone, so that the next begins at the
      nearest sound so far; default `False`. The render counts all the same.
    - `starts`: random patches of which the nearest is where an episode starts, 1 to 1,000; default 1.
    - `most_nudged`: how many parameters a step moves at most, those of the largest values of its action;
      default `None`: all.
    - `contrast`: a number c from 0.1 to 1,000 for another observation, `Box(-1, 1)` of the same shape: twice
      what the parameters are beside the middle, c times by how much the target's values are above the
      sound's, clipped, and the target's as the parameters; default `None`.
    - `parameters`: names of the only parameters to leave free.
    - `frozen`: `{name: native value or label}` of parameters to hold.
    - `patches`: where random targets and starts come from: `"human"` (such as people make; the default
      where the synth knows them, or brings at least 16 programs, which are varied and crossed),
      `"uniform"`, or a folder of presets, which are varied and crossed.
    - `targets`: the stream of random targets, `"train"` or `"validation"`.
    - `note` (MIDI, 60), `velocity` (MIDI, 100), `hold` (seconds to note-off, 0.7): each a number, or a pair
      `(low, high)` from which every episode draws its own.
    - `notes_per_target`: at how many different notes of those ranges a target, and every sound, is rendered,
      1 to 16; default 1. The distance is the mean over the notes, and each counts as a render. The
      observation has what varies, and the features, of each; `info` has `note_1`, `velocity_1`, `hold_1` and
      so on; and options of `reset`, `target_audio` and `target_file` too, are lists of as many.
    - `sample_rate` (Hz, 44100), `duration` (seconds rendered, 1.0), and what else the synth takes.
    - `render_mode`: `None` or `"rgb_array"`: target and current feature side by side.
    - `gym.make_vec(id, num_envs)` takes besides `autoreset_mode` (`"NextStep"`, `"SameStep"`, `"Disabled"`),
      `rendering` (`"inline"`, `"threads"`, `"processes"`) and `workers`; it says what `SyncVectorEnv` would.

    ## Version History
    - v0: before the first release; the CHANGELOG says what changes.

    Raises:
        SynthgymError: a keyword, option or action that cannot be used.
    """

    metadata = METADATA

    def __init__(self, synth: str, *, render_mode: str | None = None, **keywords: Any) -> None:
        self._set_up(1, synth, render_mode, keywords, with_audio=True)
        self.action_space = self.episodes.action_space
        self.observation_space = self.episodes.observation_space

    def close(self) -> None:
        """Let the synth's engine go; it is made again when it is needed."""
        self.task.close()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; ``options`` as under Starting State.

        Args:
            seed: of all targets and starts from here (default: those go on, or, where ``np_random`` was set,
                one that it draws at each reset).
            options: what the episode begins with, by name.

        Returns:
            The observation, and an ``info`` of scalars.

        Raises:
            UnknownNameError: an option that does not exist.
            SoundError: a target that is missing, silent, no audio or of a wrong length.
            ParameterError: parameters of a wrong length or outside [0, 1].
        """
        # A reset that raises leaves everything as it was.
        chosen = given(self.task, options)
        generator, old_seed = self._np_random, self._np_random_seed
        state = None if generator is None else generator.bit_generator.state
        try:
            with self.streams.unless_it_fails():
                super().reset(seed=seed)
                if self.np_random_seed == _OF_GENERATOR:
                    self.streams.seed(0, int(self.np_random.integers(2**32)))
                elif seed is not None or not self.streams.seeded(0):
                    self.streams.seed(0, self.np_random_seed)
                self._begin([0], chosen)
        except BaseException:
            self._np_random, self._np_random_seed = generator, old_seed
            if generator is not None and state is not None:
                generator.bit_generator.state = state
            raise
        return self._first(self.episodes.observe()), self._info()

    def step(self, action: NDArray[np.float32]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Nudge the parameters, render, and compare.

        Raises:
            ActionError: the action is not n finite values.
        """
        self._check_begun()
        episodes = self.episodes
        (reward,) = episodes.nudge(ALL, checked_actions(action, (len(self.task.space),))[None])
        terminated = bool(episodes.terminated()[0])
        return self._first(episodes.observe()), float(reward), terminated, False, self._info()

    def _check_begun(self) -> None:
        if not self.streams.begun(0):
            raise SynthgymError("call reset() first")

    @staticmethod
    def _first(observations: Any) -> Any:
        if isinstance(observations, dict):
            return {name: values[0] for name, values in observations.items()}
        return observations[0]

    def _info(self) -> dict[str, Any]:
        return {name: values[0].item() for name, values in self.episodes.info().items()}

    def _copy(self, name: str) -> NDArray[np.float32]:
        self._check_begun()
        kept: NDArray[np.float32] = getattr(self.episodes, name)[0].copy()
        return kept

    @property
    def parameters(self) -> Unit:
        """Unit values of the free parameters now, unquantised, (n,)."""
        return self._copy("unit")

    @property
    def audio(self) -> Audio:
        """The sound of now, (samples,)."""
        return self._copy("audio")

    @property
    def features(self) -> Features:
        """The feature of the sound of now at full resolution, (frames, bins)."""
        return self._copy("features")

    @property
    def target_audio(self) -> Audio:
        """The target sound, (samples,)."""
        return self._copy("target_audio")

    @property
    def target_features(self) -> Features:
        """The feature of the target at full resolution, (frames, bins)."""
        return self._copy("target")

    @property
    def best_parameters(self) -> Unit:
        """Unit values of the best sound of the episode, (n,)."""
        return self._copy("best_unit")

    @property
    def best_audio(self) -> Audio:
        """The best sound of the episode, (samples,)."""
        return self._copy("best_audio")

    def save_preset(self, path: str | os.PathLike[str]) -> None:
        """Save the best sound of the episode as a preset of the synth (Dexed: a single-voice .syx).

        Raises:
            PresetError: the path does not end as the synth's presets do.
        """
        self.task.synth.save_preset(self.task.space.to_native(self.best_parameters), path)

    def render(self) -> NDArray[np.uint8] | None:
        """Return a picture (height, width, 3) of target and current feature; None without a mode."""
        if self.render_mode is None:
            gym.logger.warn("render() needs gym.make(..., render_mode='rgb_array')")
            return None
        self._check_begun()
        (picture,) = self._pictures()
        return picture
