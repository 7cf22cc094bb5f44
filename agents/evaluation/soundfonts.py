"""The registered sets of real sounds: soundfonts, instruments, notes and velocities, in one table.

What trains or tunes may use the set ``train`` alone. ``validation`` is for judging: it is of FluidR3. Fonts
that derive from it (MuseScore's, Debian's fluid-soundfont-gs and fluidr3mono-gm-soundfont) belong in no set
for training either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Font:
    """A soundfont.

    Attributes:
        file: its name.
        package: of Debian, that holds it.
        licence: of the font, as Debian's copyright file says.
        short: how names of sounds begin.
    """

    file: str
    package: str
    licence: str
    short: str


@dataclass(frozen=True)
class Instrument:
    """A program of General MIDI, and the notes that the instrument has.

    Attributes:
        program: from 1.
        name: of it.
        lowest: MIDI note.
        highest: MIDI note.
    """

    program: int
    name: str
    lowest: int
    highest: int


@dataclass(frozen=True)
class SoundSet:
    """Notes that are played by every instrument of every font, as far as the instrument has them.

    Attributes:
        use: what it may be used for.
        fonts: that play it.
        notes: MIDI notes.
        velocities: of each.
    """

    use: Literal["train", "validation"]
    fonts: tuple[Font, ...]
    notes: range
    velocities: tuple[int, ...]

    def sounds(self) -> Iterator[tuple[Font, Instrument, int, int]]:
        """Give font, instrument, note and velocity of each sound."""
        for font in self.fonts:
            for instrument in INSTRUMENTS:
                for note in self.notes:
                    if instrument.lowest <= note <= instrument.highest:
                        for velocity in self.velocities:
                            yield font, instrument, note, velocity


HOLD, DURATION = 0.7, 1.0
"""Seconds that a key is held, and that a sound lasts: the environments' own."""

FONTS = Path("/usr/share/sounds/sf2")
"""Where Debian's packages put soundfonts."""

INSTRUMENTS = (
    Instrument(1, "grand-piano", 21, 108),
    Instrument(5, "electric-piano", 28, 103),
    Instrument(7, "harpsichord", 29, 89),
    Instrument(12, "vibraphone", 53, 89),
    Instrument(13, "marimba", 45, 96),
    Instrument(14, "xylophone", 65, 108),
    Instrument(20, "church-organ", 36, 96),
    Instrument(25, "nylon-guitar", 40, 84),
    Instrument(27, "jazz-guitar", 40, 86),
    Instrument(33, "acoustic-bass", 28, 60),
    Instrument(34, "fingered-bass", 28, 65),
    Instrument(39, "synth-bass", 28, 60),
    Instrument(41, "violin", 55, 103),
    Instrument(43, "cello", 36, 76),
    Instrument(49, "string-ensemble", 28, 96),
    Instrument(53, "choir", 43, 84),
    Instrument(57, "trumpet", 52, 84),
    Instrument(58, "trombone", 34, 72),
    Instrument(59, "tuba", 28, 58),
    Instrument(61, "french-horn", 34, 77),
    Instrument(66, "alto-sax", 49, 81),
    Instrument(69, "oboe", 58, 91),
    Instrument(71, "bassoon", 34, 75),
    Instrument(72, "clarinet", 50, 94),
    Instrument(74, "flute", 60, 98),
    Instrument(81, "square-lead", 36, 96),
    Instrument(82, "saw-lead", 36, 88),
)

TIMGM6MB = Font("TimGM6mb.sf2", "timgm6mb-soundfont", "GPL-2", "timgm6mb")
OPL3 = Font("OPL-3_FM_128M.sf2", "opl3-soundfont", "CC-BY-SA-4.0", "opl3")
FLUIDR3 = Font("FluidR3_GM.sf2", "fluid-soundfont-gm", "MIT", "fluidr3")

SETS = {
    "train": SoundSet("train", (TIMGM6MB, OPL3), range(21, 109, 5), (45, 80, 115)),
    "validation": SoundSet("validation", (FLUIDR3,), range(21, 109, 7), (64, 100)),
}
