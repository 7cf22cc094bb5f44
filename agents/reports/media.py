"""Sounds and pictures as text, to be inlined in a page."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import soundfile
import soxr
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure
from numpy.typing import NDArray

from synthgym.features import Feature
from synthgym.files import replaced
from synthgym.synths import Audio
from synthgym.viz.spectrogram import COLOURS

HIGHEST_RATE = 48_000
_BLOCK = 2**16


def ogg(sound: Audio, sample_rate: int) -> str:
    """Return mono audio (samples,) as Ogg Vorbis in base64, of at most ``HIGHEST_RATE``.

    Args:
        sound: float32 (samples,); what is beyond full scale, 1, is cut off.
        sample_rate: Hz.

    Returns:
        The text.
    """
    file = io.BytesIO()
    if sample_rate > HIGHEST_RATE:
        sound, sample_rate = soxr.resample(sound, sample_rate, HIGHEST_RATE), HIGHEST_RATE
    with soundfile.SoundFile(file, "w", sample_rate, 1, "VORBIS", format="OGG") as out:
        for at in range(0, len(sound), _BLOCK):  # libsndfile 1.2.2 crashes at a minute in one go
            out.write(np.clip(sound[at : at + _BLOCK], -1, 1))
    return _text(file)


def png(values: NDArray[np.float32], feature: Feature) -> str:
    """Return the picture of a feature (frames, bins) as a PNG in base64, on the feature's scale.

    Args:
        values: of the feature, float32 (frames, bins).
        feature: knows the scale, and how it is drawn.

    Returns:
        The text; time runs to the right, and the lowest bin is at the bottom.
    """
    file = io.BytesIO()
    low, high = feature.span
    picture = feature.picture(values).T
    matplotlib.image.imsave(file, picture, vmin=low, vmax=high, cmap=COLOURS, origin="lower", format="png")
    return _text(file)


def svg(figure: Figure) -> str:
    """Return a figure as an SVG element."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "synthgym"}):  # the same names each time
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return file.getvalue()[file.getvalue().index("<svg") :]


def _text(file: io.BytesIO) -> str:
    return base64.b64encode(file.getvalue()).decode()


def write_page(path: Path, template: str, **values: object) -> None:
    """Write a page from a template of this folder, whole or not at all.

    Args:
        path: file to write.
        template: name of its file in this folder.
        **values: what the template names.
    """
    folder = FileSystemLoader(Path(__file__).parent)
    # What is put in is text, as names of targets are; what is safe says so.
    environment = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = environment.get_template(template).render(**values)
    # Names of files that are no UTF-8 are shown with marks in place of what is none.
    page = re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", page)
    with replaced(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
