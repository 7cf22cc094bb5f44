"""A film with sound of an agent turning the knobs, from where it started to its match."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm

from synthgym.errors import SynthgymError, installing
from synthgym.files import replaced
from synthgym.parameters import Unit
from synthgym.recordings import playback_gain, write_wav
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask
from synthgym.viz.spectrogram import draw_features, label_bins

from ..evaluation.targets import Target
from ..trials.trial import Best

FPS = 12
SIZE = (960, 544)
"""Width and height in pixels: multiples of 16, as encoders want them."""
_DPI = 100
_GLIDE = 0.4
"""Seconds in which knobs turn to their new places."""
_MOST_NAMES = 30
"""So many knobs can bear their names."""


@dataclass(frozen=True)
class Scene:
    """One sound, and how the knobs stand while it plays.

    Attributes:
        title: above it.
        before: unit vector (n,) that the knobs come from.
        unit: where they go.
        sound: (samples,).
    """

    title: str
    before: Unit
    unit: Unit
    sound: Audio


def scenes(task: SoundMatchingTask, target: Target, found: Sequence[Best], most: int) -> list[Scene]:
    """Return the target, up to ``most`` of the sounds nearer than all before, and both once more.

    Args:
        task: renders the sounds.
        target: that was searched for.
        found: what was nearer than all before, in the order of its renders; those without parameters are
            passed over.
        most: how many of them are shown at most, 1 or more; the last is always shown.

    Returns:
        The target, those sounds in their order, the target again, and the last of them again.
    """
    rendered = [best for best in found if best.unit is not None]
    # From the last on: it is the match.
    places = np.unique(np.linspace(len(rendered) - 1, 0, min(most, len(rendered))).round().astype(int))
    shown = [rendered[place] for place in places]
    units: list[Unit] = [best.unit for best in shown if best.unit is not None]
    sounds = task.render(np.stack(units), target.played, audio=True).audio
    assert sounds is not None
    titles = [f"render {best.render:,}, distance {best.distance:.3f}" for best in shown]
    steps = [
        Scene(title, before, unit, sound)
        for title, before, unit, sound in zip(titles, [units[0], *units], units, sounds, strict=False)
    ]
    (aim,) = target.audio
    first = Scene(f"the target, {target.name}", units[0], units[0], aim)
    again = Scene("the target once more", units[-1], units[-1], aim)
    last = Scene(f"the match, distance {shown[-1].distance:.3f}", units[-1], units[-1], sounds[-1])
    return [first, *steps, again, last]


def write_film(path: Path, task: SoundMatchingTask, target: Target, played: Sequence[Scene]) -> None:
    """Write scenes as an mp4 (H.264, AAC), whole or not at all.

    Args:
        path: file to write, ``.mp4``.
        task: whose parameters and feature are shown.
        target: that was searched for.
        played: the scenes, in their order; each lasts as long as its sound.

    Raises:
        SynthgymError: it cannot be written.
    """
    import imageio_ffmpeg

    rate = task.synth.sample_rate
    gain = playback_gain(*(scene.sound for scene in played))
    # A whole number of pictures, so that sound and picture stay together.
    pictures = -(-task.synth.samples * FPS // rate)
    gap = np.zeros(round(pictures * rate / FPS) - task.synth.samples, np.float32)
    sound = np.concatenate([part for scene in played for part in (gain * scene.sound, gap)])
    total = len(played) * pictures
    try:
        # The temporary name keeps the suffix, by which ffmpeg knows the format.
        with tempfile.TemporaryDirectory() as folder, replaced(path) as temporary:
            audio = Path(folder) / "sound.wav"
            write_wav(audio, sound, rate)
            writer = imageio_ffmpeg.write_frames(
                str(temporary),
                SIZE,
                fps=FPS,
                codec="libx264",
                audio_path=str(audio),
                audio_codec="aac",
                ffmpeg_log_level="error",
            )
            writer.send(None)
            frames = _frames(task, target, played, pictures)
            for frame in tqdm(frames, total=total, unit=" pictures", desc="filming"):
                writer.send(np.ascontiguousarray(frame))
            writer.close()
            # It says nothing of how ffmpeg ended.
            if imageio_ffmpeg.count_frames_and_secs(str(temporary))[0] != total:
                raise OSError(0, "ffmpeg ended too early")
    except (OSError, RuntimeError) as error:
        said = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise SynthgymError(f"cannot write {path}: {said}; choose another --out") from error


def check_film(path: Path) -> None:
    """Raise SynthgymError if a film cannot be written to a path, before there is one."""
    if path.suffix.lower() != ".mp4":
        raise SynthgymError(f"a film is an .mp4; got {path}")
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ModuleNotFoundError, RuntimeError) as error:
        raise SynthgymError(f"films need imageio-ffmpeg: {installing('video')}") from error
    folder = path.resolve().parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        raise SynthgymError(f"cannot write {path}: no place for files; choose another --out")


def _frames(
    task: SoundMatchingTask, target: Target, played: Sequence[Scene], pictures: int
) -> Iterator[NDArray[np.uint8]]:
    """Give pictures (height, width, 3): the features of target and now, a line at what plays, the knobs."""
    aim = target.rendered.features[0][0]
    figure = Figure(figsize=(SIZE[0] / _DPI, SIZE[1] / _DPI), dpi=_DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes: Any = figure.subplot_mosaic([["target", "now"], ["knobs", "knobs"]], height_ratios=[3, 2])
    pair, seconds = [axes["target"], axes["now"]], task.synth.note.duration
    draw_features(pair, [("target", aim), ("now", aim)], task.feature, seconds, span=task.feature.span)
    label_bins(pair[0], task.feature)
    pair[1].set_yticks([])
    (now,) = pair[1].get_images()
    lines = [axis.axvline(0, color="w", animated=True) for axis in pair]
    names = task.space.names
    knobs = axes["knobs"].bar(range(len(names)), played[0].unit, width=0.8, animated=True)
    axes["knobs"].set(ylim=(0, 1), yticks=[0, 1], ylabel="knobs", xlim=(-0.6, len(names) - 0.4))
    if len(names) <= _MOST_NAMES:
        axes["knobs"].set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
    else:
        axes["knobs"].set_xticks([])
    figure.suptitle(played[0].title)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # it stays as it is: to be laid out anew costs more than to be drawn
    for scene in played:
        (values,) = task.extract(scene.sound[None]).features[0]
        now.set_data(task.feature.picture(values).T)
        figure.suptitle(scene.title)
        canvas.draw()  # type: ignore[no-untyped-call]
        # Only what moves is drawn for each picture.
        still = canvas.copy_from_bbox(figure.bbox)  # type: ignore[no-untyped-call]
        for number in range(pictures):
            time = number / FPS
            for line in lines:
                line.set_xdata([time, time])
            turned = scene.before + (scene.unit - scene.before) * min(1, time / _GLIDE)
            for knob, value in zip(knobs, turned, strict=True):
                knob.set_height(value)
            canvas.restore_region(still)  # type: ignore[no-untyped-call]
            for artist in (*lines, *knobs):
                artist.axes.draw_artist(artist)
            yield np.array(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
