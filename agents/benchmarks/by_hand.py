"""The environments a user would write by hand, without synthgym: Dexed with one operator, and FM.

The same task as Dexed1Op-v0 and FM-v0, from the public interfaces of dexed-py, DawDreamer,
librosa and scipy: nudge the parameters, render a note, take its MFCC, compare. Whatever can be made
once is made once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import dawdreamer
import gymnasium as gym
import librosa
import numpy as np
from dexed import DexedSynth, Patch
from numpy.typing import NDArray
from scipy.signal import lfilter
from stable_baselines3.common.vec_env import DummyVecEnv

import synthgym

RATE = 44100
HOLD, SECONDS = 0.7, 1.0
MAX_STEPS = 50
AUDIBLE = 10 ** (-44 / 20)
FM_PROGRAM = Path(synthgym.__file__).with_name("synths") / "fm.dsp"

Array = NDArray[np.float32]


class HandwrittenEnv(gym.Env[Array, Array], ABC):
    """Nudge the parameters until the note sounds like the target, a random audible patch.

    Args:
        size: how many parameters there are.
    """

    def __init__(self, size: int) -> None:
        self.action_space = gym.spaces.Box(-1, 1, (size,), np.float32)
        # Parameters, MFCC of now, MFCC of the target.
        shape = (size + 2 * self._mfcc(np.zeros(round(RATE * SECONDS), np.float32)).size,)
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, shape, np.float32)

    @abstractmethod
    def render_note(self, unit: Array) -> Array:
        """Return the sound of unit values (n,), each in [0, 1]."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Begin an episode with a random target and a random start.

        Args:
            seed: of the generator; None goes on with it.
            options: of no use here.

        Returns:
            The first observation and what is known of it.
        """
        super().reset(seed=seed)
        _, target = self._random_patch()
        self.unit, audio = self._random_patch()
        self.target, self.mfcc = self._mfcc(target), self._mfcc(audio)
        self.steps = 0
        return self._observe(), {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Nudge, render, compare."""
        self.unit = np.clip(self.unit + 0.1 * action, 0, 1).astype(np.float32)
        self.mfcc = self._mfcc(self.render_note(self.unit))
        reward = -float(np.abs(self.mfcc - self.target).mean())
        self.steps += 1
        return self._observe(), reward, False, self.steps >= MAX_STEPS, {}

    def _random_patch(self) -> tuple[Array, Array]:
        while True:
            unit = self.np_random.random(self.action_space.shape, np.float32)
            audio = self.render_note(unit)
            if np.abs(audio).max() >= AUDIBLE:
                return unit, audio

    def _mfcc(self, audio: Array) -> Array:
        mfcc: Array = librosa.feature.mfcc(y=audio, sr=RATE)
        return mfcc

    def _observe(self) -> Array:
        return np.concatenate([self.unit, self.mfcc.ravel(), self.target.ravel()])


class DexedByHand(HandwrittenEnv):
    """One operator of a DX7: its 21 parameters, transpose, and the LFO's depth in amplitude."""

    # Rates, levels, key scaling (5), rate scaling, sensitivities (2), level, frequency (4); two globals.
    HIGHEST = np.array([99] * 8 + [99, 99, 99, 3, 3, 7, 3, 7, 99, 1, 31, 99, 14] + [48, 99])

    def __init__(self) -> None:
        self.synth = DexedSynth(RATE)
        self.patch = Patch()
        self.patch.algorithm = 17  # counted from 0
        self.patch.pitch_mod_sensitivity = 3
        self.patch.lfo.wave, self.patch.lfo.sync = "triangle", True
        for number in range(1, 6):
            self.patch.op[number].output_level = 0
        super().__init__(len(self.HIGHEST))

    def render_note(self, unit: Array) -> Array:
        """Set the patch and render it. ``load_patch`` costs less than a Preset and ``load_preset``."""
        highest = self.HIGHEST
        values = np.minimum(unit * (highest + 1.0), highest).astype(int).tolist()
        patch, operator = self.patch, self.patch.op[0]
        operator.envelope.rates, operator.envelope.levels = values[:4], values[4:8]
        operator.breakpoint, operator.left_depth, operator.right_depth = values[8:11]
        operator.left_curve, operator.right_curve, operator.rate_scaling = values[11:14]
        operator.amp_mod_sensitivity, operator.velocity_sensitivity = values[14:16]
        operator.output_level, operator.frequency_mode = values[16:18]
        operator.frequency_coarse, operator.frequency_fine, operator.detune = values[18:21]
        patch.transpose, patch.lfo.amp_mod_depth = values[21:]
        self.synth.load_patch(patch)
        sound = self.synth.render(60, 100, HOLD, SECONDS)
        # The plugin's high-pass, which the engine lacks; at the plugin's level.
        filtered = lfilter((1.0, -1.0), (1.0, 126.0 / RATE - 1), sound) / 8
        audio: Array = filtered.astype(np.float32)
        return audio


class FMByHand(HandwrittenEnv):
    """The six sliders of ``fm.dsp``, in DawDreamer."""

    LOW = np.array([0, 0.25, 0.001, 0.005, 0, 0.005])
    HIGH = np.array([10, 8, 0.5, 1, 1, 1])
    LOG = np.array([False, True, True, True, False, True])
    LABELS = ("modulation index", "modulation ratio", "attack", "decay", "sustain", "release")

    def __init__(self) -> None:
        self.engine = dawdreamer.RenderEngine(RATE, 512)
        self.faust = self.engine.make_faust_processor("fm")
        # A voice without polyphony, its gate in the program, renders several times as fast as MIDI.
        self.faust.num_voices = 0
        gate = f"ba.time < {round(HOLD * RATE)}"
        self.faust.set_dsp_string(
            f'import("stdfaust.lib"); process = ["gate": {gate} -> component("{FM_PROGRAM}")];'
        )
        self.faust.compile()
        self.engine.load_graph([(self.faust, [])])
        places = {slider["label"]: slider["index"] for slider in self.faust.get_parameters_description()}
        self.places = [places[label] for label in self.LABELS]
        self.ratio = np.where(self.LOG, self.HIGH / np.where(self.LOG, self.LOW, 1), 1)
        super().__init__(len(self.LABELS))

    def render_note(self, unit: Array) -> Array:
        """Set the sliders and render."""
        straight = self.LOW + (self.HIGH - self.LOW) * unit
        values = np.where(self.LOG, self.LOW * self.ratio**unit, straight)
        for place, value in zip(self.places, values.tolist(), strict=True):
            self.faust.set_parameter(place, value)
        self.engine.render(SECONDS)
        audio: Array = self.engine.get_audio()[0]
        return audio


BY_HAND: dict[str, type[DexedByHand | FMByHand]] = {"Dexed1Op-v0": DexedByHand, "FM-v0": FMByHand}
"""By the id of synthgym's environment with the same task."""


def make_by_hand(env_id: str, num_envs: int) -> DummyVecEnv:
    """Return as many handwritten environments as stable-baselines3 trains on.

    Args:
        env_id: that is played.
        num_envs: side by side.

    Returns:
        The vector environment.
    """
    return DummyVecEnv([BY_HAND[env_id]] * num_envs)
