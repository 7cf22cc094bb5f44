"""Films: of an agent's search, and of an episode by Gymnasium's own wrapper."""

import io
import subprocess
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from conftest import ROOT

from agents.evaluation.targets import read_targets
from agents.reports.film import FPS, SIZE, scenes
from agents.trials.trial import Best
from synthgym.making import make_task
from synthgym.recordings import read_recording


def pictures_of(path: Any) -> Any:
    """What a film is, and its pictures."""
    reader = imageio_ffmpeg.read_frames(str(path))
    return next(reader), list(reader)


def sound_of(path: Any) -> Any:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "wav", "-"]
    wav = subprocess.run(command, capture_output=True, check=True).stdout
    return soundfile.read(io.BytesIO(wav), dtype="float32")


def test_a_film_shows_and_plays_target_search_and_match(script: Any, tmp_path: Path) -> None:
    recording = ROOT / "examples/targets/marimba.wav"
    arguments = ("--env", "FM-v0", "--budget", 30, "--scenes", 2, "--target", recording, "--out", "a.mp4")
    printed = script("watch.py", *arguments).stdout
    assert printed == "film: a.mp4\n"
    about, pictures = pictures_of(tmp_path / "a.mp4")
    sound, rate = sound_of(tmp_path / "a.mp4")
    assert (about["codec"], about["fps"], about["size"]) == ("h264", FPS, SIZE)
    assert about["audio_codec"] == "aac"
    # The target, two sounds of the search, the target and the match.
    assert len(pictures) == 5 * FPS
    assert len(set(pictures)) > 3 * FPS, "the knobs and the line move"
    aim = read_recording(recording, rate, rate)
    for second in (0, 3):
        rendered = sound[second * rate : (second + 1) * rate]
        assert np.corrcoef(aim, rendered[: len(aim)])[0, 1] > 0.9
    # Ended by the last sound, to the frame of the encoder.
    assert len(sound) / rate == pytest.approx(5, abs=0.05)


def test_one_scene_is_the_match() -> None:
    task = make_task("FM-v0")
    (target,), _ = read_targets(task, "test:1")
    found = [Best(n, task.space.sample(np.random.default_rng(n)), 1 / n) for n in range(1, 8)]
    for most in (1, 3, 20):
        played = scenes(task, target, found, most)
        np.testing.assert_array_equal(played[-1].unit, found[-1].unit)
        assert played[-1].title == "the match, distance 0.143"
        assert len(played) == 3 + min(most, 7)
    task.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "a.gif"], "a film is an .mp4"),
        (["--out", "/proc/a.mp4"], "cannot write /proc/a.mp4"),
        (["--scenes", 0], "scenes must be a whole number from 1"),
        (["--agent", "silence"], "silence found no sound"),
        (["--target", "nope.wav"], "no such file or folder: nope.wav"),
    ],
)
def test_bad_input_ends_in_one_line(arguments: Any, says: str, script: Any, tmp_path: Path) -> None:
    result = script("watch.py", "--env", "FM-v0", "--budget", 3, "--scenes", 1, *arguments, check=False)
    assert result.returncode == 2
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_gymnasium_records_an_episode(tmp_path: Path) -> None:
    env = gym.make("FM-v0", render_mode="rgb_array", max_episode_steps=4)
    with gym.wrappers.RecordVideo(
        env, str(tmp_path / "films"), episode_trigger=lambda number: True
    ) as recorded:
        recorded.reset(seed=0)
        done = False
        while not done:
            _, _, terminated, truncated, _ = recorded.step(recorded.action_space.sample())
            done = terminated or truncated
    (film,) = tmp_path.glob("films/*.mp4")
    about, pictures = pictures_of(film)
    assert about["fps"] == env.metadata["render_fps"]
    assert len(pictures) == 5, "the start and each step"
