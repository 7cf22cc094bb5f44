"""Measure how well the note of a recording is heard, and print the tables of docs/matching.md.

    python scripts/pitch_accuracy.py

Plays single notes and chords of General MIDI instruments by FluidSynth, a second each, held for 0.7 s,
without reverberation and chorus, and hears them as scripts/match.py does. Needs Debian's packages fluidsynth,
timgm6mb-soundfont and fluid-soundfont-gm; what is not installed is left out.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from agents.commands.cli import new_parser, run
from agents.evaluation import soundfonts
from agents.evaluation.fluidsynth import RATE, render_notes
from agents.evaluation.pitch import HeardNote
from agents.matching.recording import Recording
from synthgym.errors import SynthgymError
from synthgym.recordings import write_wav

FONTS = {
    "TimGM6mb": soundfonts.FONTS / soundfonts.TIMGM6MB.file,
    "FluidR3": soundfonts.FONTS / soundfonts.FLUIDR3.file,
}
PROGRAMS = {
    1: ("acoustic grand piano", 21, 108),
    5: ("electric piano 1", 28, 103),
    7: ("harpsichord", 29, 89),
    12: ("vibraphone", 53, 89),
    14: ("xylophone", 65, 108),
    20: ("church organ", 21, 108),
    25: ("acoustic guitar (nylon)", 40, 88),
    34: ("electric bass (finger)", 28, 67),
    39: ("synth bass 1", 24, 67),
    41: ("violin", 55, 103),
    43: ("cello", 36, 84),
    49: ("string ensemble 1", 28, 96),
    57: ("trumpet", 52, 94),
    59: ("tuba", 28, 65),
    66: ("alto sax", 49, 80),
    71: ("bassoon", 34, 75),
    72: ("clarinet", 50, 96),
    74: ("flute", 59, 98),
    81: ("lead 1 (square)", 21, 108),
    82: ("lead 2 (sawtooth)", 21, 108),
}
"""By General MIDI number, from 1: the name and the instrument's own range, as MIDI notes that sound."""
DOUBLED = {20}
"""Programs that sound an octave beside the note that is played."""
NOTES = range(21, 106, 7)
CHORDS = {"fifth": (0, 7), "major": (0, 4, 7), "minor": (0, 3, 7), "diminished": (0, 3, 6)}
ROOTS = (48, 60)
VELOCITY = 100
SILENT = 10 ** (-60 / 20)
"""An instrument that is softer has no sample for the note."""


def main() -> int:
    """Play, hear and print."""
    new_parser(__doc__).parse_args()
    fonts = {name: path for name, path in FONTS.items() if path.exists()}
    if not fonts or shutil.which("fluidsynth") is None:
        raise SynthgymError(
            "FluidSynth and a soundfont are needed: apt-get install fluidsynth timgm6mb-soundfont"
        )
    print(f"| program | range | {' | '.join(f'{font} | clear' for font in fonts)} |")
    print(f"| --- | --- |{' ---: | ---: |' * len(fonts)}")
    total = {font: np.zeros(3, int) for font in fonts}
    with tempfile.TemporaryDirectory() as folder:
        for program, (name, low, high) in PROGRAMS.items():
            cells = []
            for font, path in fonts.items():
                counts = accuracy(path, program, [n for n in NOTES if low <= n <= high], Path(folder))
                total[font] += counts if program not in DOUBLED else 0
                cells.append(_cells(counts))
            print(f"| {program} {name} | {low} to {high} | {' | '.join(cells)} |")
        print(f"| all but {', '.join(map(str, DOUBLED))} | | {' | '.join(_cells(total[f]) for f in fonts)} |")
        print(f"\n| chord on {' and '.join(map(str, ROOTS))} | {' | '.join(f'{f}, unsure' for f in fonts)} |")
        print(f"| --- |{' ---: |' * len(fonts)}")
        for chord, intervals in CHORDS.items():
            unsure = [unsure_chords(path, intervals, Path(folder)) for path in fonts.values()]
            print(f"| {chord} | {' | '.join(f'{said} of {played}' for said, played in unsure)} |")
    return 0


def _cells(counts: Iterable[int]) -> str:
    played, right, clear = counts
    return f"{right} of {played} | {clear}"


def accuracy(font: Path, program: int, notes: Iterable[int], folder: Path) -> tuple[int, int, int]:
    """Return how many notes sound, how many are heard within a semitone, and how many of these clearly."""
    found = [(note, hear(font, program, (note,), folder)) for note in notes]
    sounding = [(note, heard[0]) for note, heard in found if heard]
    right = [heard for note, heard in sounding if heard is not None and abs(heard.note - note) <= 1]
    return len(sounding), len(right), sum(heard.clear for heard in right)


def unsure_chords(font: Path, intervals: Sequence[int], folder: Path) -> tuple[int, int]:
    """Return of how many chords the note is said to be unsure, and how many sound."""
    chords = [
        hear(font, program, [root + interval for interval in intervals], folder)
        for program, (_, low, high) in PROGRAMS.items()
        for root in ROOTS
        if low <= root and root + max(intervals) <= high
    ]
    sounding = [heard[0] for heard in chords if heard]
    return sum(heard is None or not heard.clear for heard in sounding), len(sounding)


def hear(font: Path, program: int, notes: Sequence[int], folder: Path) -> tuple[HeardNote | None] | None:
    """Return what is heard of notes that are played at once; None if the instrument has no sound for them."""
    sound, path = render_notes(font, program, notes, VELOCITY), folder / "notes.wav"
    if np.abs(sound).max() <= SILENT:
        return None
    write_wav(path, sound, RATE)
    return (Recording.read(path).heard,)


if __name__ == "__main__":
    run(main)
