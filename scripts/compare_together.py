"""Compare the voice of three recordings of an instrument with that of the middle one alone; print a table.

    python scripts/compare_together.py --budget 3000 --out results/together

Each of twenty instruments of FluidR3 plays three notes an octave apart, by FluidSynth. One voice is sought
for all three (match.py --together), another for the middle note alone, with as many renders. Then both play
those notes and three notes between them that nobody gave, by their .syx, in dexed-py. Stopped at any moment,
the same command goes on with the next instrument. Needs Debian's fluidsynth and fluid-soundfont-gm.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from agents.catalogue import parse
from agents.commands.cli import new_parser, run, writing_to
from agents.evaluation.fluidsynth import RATE, render_notes
from agents.evaluation.soundfonts import FLUIDR3, FONTS, INSTRUMENTS, Instrument
from agents.evaluation.statistics import wilcoxon
from agents.matching.recording import Recording
from agents.matching.search import Search
from agents.matching.together import Together
from agents.matching.usual import ready, usual_search
from synthgym.checks import whole
from synthgym.features import distance
from synthgym.files import replaced
from synthgym.making import make_task
from synthgym.notes import Notes
from synthgym.settings import check_same_settings
from synthgym.synths import Audio

ENV = "Dexed6Op-v0"
OCTAVE = 12
GIVEN, BETWEEN = (-OCTAVE, 0, OCTAVE), (-6, 4, 8)
"""Semitones from the middle note of an instrument."""
MIDDLE = 1
COUNT, STEP = 20, 7
VOICES = ("together", "alone")


def instruments(count: int) -> list[Instrument]:
    """Return the first so many of COUNT instruments, which are from all of the table wherever they end."""
    places = np.linspace(0, len(INSTRUMENTS) - 1, COUNT).round().astype(int)
    return [INSTRUMENTS[places[STEP * i % COUNT]] for i in range(count)]


def recordings_of(instrument: Instrument) -> Together:
    """Return what is given of an instrument, and then what is between, with their own levels."""
    middle = (instrument.lowest + instrument.highest) // 2
    notes = [middle + semitones for semitones in (*GIVEN, *BETWEEN)]
    recordings = []
    for note in notes:
        audio = render_notes(FONTS / FLUIDR3.file, instrument.program, [note], 100)
        recordings.append(Recording.of(Path(f"{instrument.name}-{note}.wav"), audio[:, None], RATE))
    return Together(recordings, notes, [100] * len(notes))


def compare(instrument: Instrument, search: Search, out: Path) -> dict[str, Any]:
    """Seek both voices of an instrument and return how far each is from every note, by voice.

    Args:
        instrument: that is played.
        search: for each of the voices.
        out: folder that their .syx go to.

    Returns:
        As JSON: the middle note, and the distances of GIVEN and BETWEEN by each of VOICES.
    """
    whole_set = recordings_of(instrument)
    env_kwargs, _ = whole_set.env_kwargs({}, None)
    notes = whole_set.played(env_kwargs)
    given = notes[: len(GIVEN)]
    with closing(make_task(ENV, {**env_kwargs, "engine": "dexed-py"})) as task:
        clips = whole_set.target(task.synth.sample_rate, task.synth.samples)
        aim = task.extract(clips[None]).features[0]
        kept: dict[str, Any] = {"note": int(given[MIDDLE, 0]), "renders": {}, "farther": {}}
        for voice, rows in zip(VOICES, (slice(len(GIVEN)), slice(MIDDLE, MIDDLE + 1)), strict=True):
            path = out / f"{instrument.name}-{voice}.syx"
            found, renders = seek(clips[rows], given[rows], env_kwargs, search, path)
            native = task.synth.load_preset(path)
            played = task.render_native(native[None], notes).features[0]
            far = distance(played[0], aim[0])
            kept[voice] = far.tolist()
            kept["renders"][voice] = renders
            kept["farther"][voice] = float(np.abs(far[rows] - found).max())
    return kept


def seek(
    clips: Audio, notes: Notes, env_kwargs: dict[str, Any], search: Search, path: Path
) -> tuple[NDArray[np.float32], int]:
    """Seek the voice of clips (k, samples) at notes (k, 3), and write it as a .syx.

    Args:
        clips: one or more.
        notes: that they are of.
        env_kwargs: of the environment that plays more notes than those.
        search: that is made.
        path: of the .syx.

    Returns:
        The distances of the notes as the search found them, (k,), and how many renders it made.
    """
    low, high = notes.min(axis=0).tolist(), notes.max(axis=0).tolist()
    ranges: dict[str, Any] = {
        "note": [int(low[0]), int(high[0])],
        "hold": [low[2], high[2]],
        "notes_per_target": len(notes),
    }
    several = len(notes) > 1
    with closing(make_task(ENV, {**env_kwargs, **ranges}, rendering="auto")) as task:
        made, agent, _ = ready(search, task)
        target = clips if several else clips[0]
        trial = made.run(task, target, agent, played=notes if several else None)
        if trial.signals.caught is not None:
            raise KeyboardInterrupt
        best = trial.answers.best[0]
        task.synth.save_preset(task.space.to_native(best.unit), path)
        aims = trial.target.features[0].reshape(len(notes), *best.feature.shape[-2:])
        return distance(best.feature.reshape(aims.shape), aims), trial.renders


def table(rows: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Return a Markdown table of what was compared, means, and the paired tests."""
    lines = [
        "| instrument | middle note | given: together | alone | between: together | alone |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    figures = []
    for name, kept in rows:
        each = [
            np.mean(kept[v][part]) for part in (slice(len(GIVEN)), slice(len(GIVEN), None)) for v in VOICES
        ]
        figures.append(each)
        lines.append(f"| {name} | {kept['note']} | " + " | ".join(f"{value:.3f}" for value in each) + " |")
    by_column = np.array(figures).T
    lines.append("| mean | | " + " | ".join(f"{column.mean():.3f}" for column in by_column) + " |")
    tests = [wilcoxon(by_column[0], by_column[1]), wilcoxon(by_column[2], by_column[3])]
    farther = max(value for _, kept in rows for value in kept["farther"].values())
    semitones = GIVEN + BETWEEN
    lines += ["", f"| semitones from the middle | {' | '.join(map(str, semitones))} |"]
    lines.append("| --- |" + " ---: |" * len(semitones))
    for voice in VOICES:
        by_note = np.mean([kept[voice] for _, kept in rows], axis=0)
        lines.append(f"| {voice} | " + " | ".join(f"{value:.3f}" for value in by_note) + " |")
    lines += [
        "",
        f"p = {tests[0]:.2g} of the given notes and {tests[1]:.2g} of those between (paired, two-sided "
        f"Wilcoxon over {len(rows)} instruments). By its .syx in dexed-py each voice is within "
        f"{farther:.1g} of the distances that its search found.",
    ]
    return "\n".join(lines)


def main() -> int:
    """Read the command line, seek the voices, and print the table."""
    parser = new_parser(__doc__)
    parser.add_argument("--budget", type=int, default=50_000, help="renders of each search (default: 50,000)")
    parser.add_argument(
        "--instruments", type=int, default=COUNT, help=f"the first so many (default: {COUNT})"
    )
    parser.add_argument("--agent", help="that searches (default: as match.py)")
    parser.add_argument("--seed", type=int, default=0, help="of the searches (default: 0)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the voices and figures")
    args = parser.parse_args()
    count = whole("instruments", args.instruments, 2, COUNT)
    options: dict[str, Any] = {
        "budget": whole("budget", args.budget, 10, 10**9),
        "seed": whole("seed", args.seed, 0, 2**31),
    }
    search = usual_search(ENV, **options)
    if args.agent is not None:
        search = Search(agent=parse(args.agent), sources=search.sources, voices=ENV, **options)
    asked = {"env": ENV, "agent": str(search.agent), **options}
    rows = []
    with writing_to(args.out):
        args.out.mkdir(parents=True, exist_ok=True)
        for instrument in tqdm(instruments(count), unit=" instruments", desc="comparing"):
            path = args.out / f"{instrument.name}.json"
            if not path.exists():
                kept = {"asked": asked, **compare(instrument, search, args.out)}
                with replaced(path) as temporary:
                    temporary.write_text(json.dumps(kept, indent=1), encoding="utf-8")
            kept = json.loads(path.read_text(encoding="utf-8"))
            check_same_settings(f"{path} is a comparison", kept["asked"], asked, "choose another --out")
            rows.append((instrument.name, kept))
    print(table(rows))
    return 0


if __name__ == "__main__":
    run(main)
