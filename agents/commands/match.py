"""Let an agent make a synthesiser sound like recordings.

    python scripts/match.py marimba.wav
    python scripts/match.py *.wav --seconds 20 --top 3 --out matches
    python scripts/match.py --together C2.wav C4.wav C6.wav soft.wav
    python scripts/match.py marimba.wav --env Dexed1Op-v0 --model runs/first/final_model.zip --out OUT
    python scripts/match.py marimba.wav --env /usr/lib/vst/amsynth_vst.so --budget 5000
    python scripts/match.py --render match.syx --note 48 --out x.wav
    python scripts/match.py --render matches/marimba-amsynth_vst/match.fxp --out x.wav

Ctrl-C ends it with the best so far. Writes target.wav, match.wav, the preset, match.json and a page of all
of it, match.html; what every parameter is is in match.json, and told with --log-level debug.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from synthgym.checks import number, whole
from synthgym.errors import SynthgymError
from synthgym.making import make_task

from ..baselines.nearest import note_of_dataset
from ..catalogue import AGENTS, Sources, parse
from ..matching.folder import MATCH, begin_folder, check_banks, check_folder, check_inputs, folders_of
from ..matching.learned import check_one_note, within
from ..matching.presets import Found, bank_paths, render_to_wav, rendered_by, write_banks
from ..matching.recording import Recording
from ..matching.search import MOST, Search
from ..matching.together import Together, outliers
from ..matching.usual import ready, usual_search
from ..matching.writing import Heard, write
from ..training.learners import has_learned, origin_of
from ..trials.answers import Answer
from ..trials.signals import Signals
from .cli import (
    ENV_KWARGS,
    SYNTH,
    add_agent,
    add_keywords,
    answer,
    new_parser,
    read_keywords,
    synth_id,
    whole_paths,
    writing_to,
)
from .noted import add_notes, check_of_one_note, one_note, together

logger = logging.getLogger(__name__)

SECONDS = 60
ENV = "Dexed6Op-v0"
FROM_VOICES = ("guided", "pretrained")
"""Agents that begin at the nearest of human-like voices, as the default one does."""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__, "what was found and where it is")
    parser.add_argument(
        "targets", type=Path, nargs="*", metavar="TARGET", help="WAV, FLAC, OGG, AIFF or MP3 of any rate"
    )
    synth = parser.add_argument_group("synth and note")
    synth.add_argument(
        "--env",
        help=f"{SYNTH} (default: {ENV}, a DX7; with --render, as the match.json beside the preset says)",
    )
    add_keywords(synth, "--env-kwargs", f"{ENV_KWARGS} (default: those that the model was trained with)")
    add_notes(synth)
    search = parser.add_argument_group("search")
    add_agent(
        search,
        AGENTS,
        "pretrained where a network comes with synthgym, otherwise halving; for Dexed from the nearest of "
        "9,000 voices near its note, made on first use; with --model ppo, with --dataset nearest+halving",
    )
    search.add_argument(
        "--seconds", type=float, help=f"to search (default: {SECONDS}, if no --budget is given)"
    )
    search.add_argument("--budget", type=int, help="renders to spend (default, with --model: 50)")
    search.add_argument("--start", type=Path, metavar="PRESET", help="preset to begin with")
    search.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    results = parser.add_argument_group("results")
    results.add_argument("--top", type=int, default=1, help="answers that sound different (default: 1)")
    results.add_argument(
        "--out", type=Path, help="folder for the results (default: a new one, matches/TARGET-ENV)"
    )
    results.add_argument(
        "--render",
        type=Path,
        metavar="PRESET",
        help="instead of a match, render a preset to --out, a WAV file",
    )
    return parser


def main() -> int:
    """Read the command line, match each recording, and say where everything is."""
    args = parser().parse_args()
    keywords = read_keywords(args.env_kwargs)
    if args.render is not None:
        if args.targets or args.out is None or args.together:
            raise SynthgymError("--render PRESET takes --out x.wav, and no recording and no --together")
        asked = None if args.env is None else synth_id(args.env, {})
        noted = whole_paths({**keywords, **one_note(args)})
        env_id, env_kwargs = rendered_by(args.render, asked, noted, ENV)
        # Of a match of several notes it is one of them, so that it is said which.
        paths, played = render_to_wav(args.render, args.out, env_id, env_kwargs)
        for path in paths:
            print(f"audio: {path}", *(f"{name} {value}" for name, value in played.items()), sep=", ")
        answer({"audio": paths, **played})
        return 0
    args.env = args.env or ENV
    env_id, env_kwargs = synth_id(args.env, keywords)
    if not args.targets:
        raise SynthgymError("name a recording to match, or a preset to --render")
    search = searching(args, env_id)
    recordings: list[Recording | Together] = (
        [together(args)] if args.together else [*map(Recording.read, args.targets)]
    )
    folders = folders_of(args.out, args.env, [one.path for one in recordings])
    check_inputs([args.targets] if args.together else [[path] for path in args.targets], folders)
    found: list[Found] = []
    for place, (recording, out) in enumerate(zip(recordings, folders, strict=True)):
        if len(recordings) > 1:
            print(f"{recording.path} ({place + 1} of {len(recordings)})")
        stopped = match(recording, search, args, env_id, env_kwargs, out, found)
        if stopped and place + 1 < len(recordings):
            raise KeyboardInterrupt
    answer([found_in(out) for out in folders])
    return 0


def found_in(out: Path) -> dict[str, Any]:
    """Return what is written of a match in its folder, without the distance after each render."""
    kept = json.loads((out / MATCH).read_text(encoding="utf-8"))
    return {"folder": out, **{name: value for name, value in kept.items() if name != "history"}}


def searching(args: argparse.Namespace, env_id: str) -> Search:
    """Return what the command line asks to do for each recording.

    Args:
        args: the command line.
        env_id: id of the environment.

    Returns:
        The search.
    """
    seconds, budget = args.seconds, args.budget
    if seconds is None and budget is None:
        seconds, budget = (SECONDS, None) if args.model is None else (None, 50)
    options: dict[str, Any] = {
        "budget": whole("budget", MOST if budget is None else budget, 1, MOST),
        "seconds": None if seconds is None else number("seconds", seconds, 0.1, 1e6),
        "seed": whole("seed", args.seed, 0, 2**32 - 1),
        "top": whole("top", args.top, 1, 100),
        "start": args.start,
    }
    if args.model is None and args.dataset is None and args.agent is None:
        return usual_search(env_id, **options)
    spec = parse(args.agent or ("nearest+halving" if args.model is None else "ppo"))
    if args.model is not None:
        spec = spec.with_model(args.model)
    from_voices = spec.parts[0].name in FROM_VOICES
    sources = Sources(env=env_id, dataset=args.dataset)
    return Search(agent=spec, sources=sources, voices=env_id if from_voices else None, **options)


def match(
    recording: Recording | Together,
    search: Search,
    args: argparse.Namespace,
    env_id: str,
    env_kwargs: dict[str, Any],
    out: Path,
    found: list[Found],
) -> bool:
    """Match a recording and write the results; return whether it was stopped.

    Args:
        recording: to be matched.
        search: what is done for it.
        args: the command line.
        env_id: id of the environment.
        env_kwargs: keywords of it that were asked for.
        out: folder of the results.
        found: parameters of the matches so far, to which this one is added.

    Returns:
        Whether a signal stopped it.
    """
    asked = env_kwargs if args.together else {**env_kwargs, **one_note(args)}
    if isinstance(recording, Together):
        env_kwargs, remarks = recording.env_kwargs(env_kwargs, None)
    elif args.model is not None:
        origin = origin_of(search.agent, args.model, env_id)
        check_of_one_note(args.model, origin)
        played, remarks = within(recording, origin.note, asked)
        env_kwargs = {**origin.env_kwargs, **played, **asked}
    elif args.dataset is not None:
        played, remarks = within(recording, note_of_dataset(args.dataset), asked)
        env_kwargs = {**played, **asked}
    elif has_learned(search.agent):  # of a run, which refuses what it has not learned
        env_kwargs, remarks = asked, []
    else:
        env_kwargs, remarks = recording.env_kwargs(asked, None)
    env_kwargs = whole_paths(env_kwargs)  # a model's, too
    with closing(make_task(env_id, env_kwargs, rendering="auto")) as task:
        notes = recording.played(env_kwargs) if isinstance(recording, Together) else None
        if notes is None:
            check_one_note(task)
        synth, total = task.synth, 1 if args.together else len(args.targets)
        banks = bank_paths(out.parent, synth, total)
        with writing_to(out):
            check_folder(out, search.top, synth.preset_suffix)
            if not found:
                check_banks(banks)
        target = recording.target(synth.sample_rate, synth.samples)
        search, agent, more = ready(search, task)
        remarks = [*remarks, *more]
        with writing_to(out):
            begin_folder(out)
        for remark in remarks:
            print(remark if args.together else f"{recording.path}: {remark}", file=sys.stderr)
        about = search.about(recording.path, env_id, env_kwargs)
        if args.together:
            about["target"] = [str(path) for path in args.targets]
        about |= {"remarks": remarks, "banks": [bank.name for bank in banks]}

        def keep(answer: Answer) -> None:
            # A signal waits until the files are of one answer.
            with writing_to(out), Signals(patient=True) as held:
                Heard.of(task, target, [answer], out, notes).write(out, task, target, {**about, "banks": []})
            if held.caught is not None:
                signal.raise_signal(held.caught)

        # A match that was there before stays until there is a whole one.
        early = None if (out / MATCH).exists() else keep
        try:
            trial = search.run(task, target, agent, early, notes)
        except BaseException:
            with suppress(OSError):  # it is not empty
                out.rmdir()
            raise
        stopped = trial.signals.caught is not None
        if not stopped and trial.spent < 1:
            print(f"{search.agent} has nothing more to try", file=sys.stderr)
        best = trial.answers.best[0]
        if isinstance(recording, Together):
            about["recordings"] = recording.found(trial, best)
            more = outliers(about["recordings"])
            about["remarks"] = [*remarks, *more]
            for remark in more:
                print(remark, file=sys.stderr)
        title = f"{recording.path.name} by {Path(args.env).stem}, {args.agent or search.agent.parts[0].name}"
        # A second Ctrl-C waits, too: in a callback of libsndfile it would be lost, and half a sound left.
        with writing_to(out), Signals(patient=True) as late:
            result = write(out, task, target, trial, trial.answers.best, about, title)
            native = task.space.to_native(best.unit)
            found.append(Found(recording.path.stem, native))
            banks = write_banks(out.parent, synth, found, total)
    _print_table(result, out, banks)
    return stopped or late.caught is not None


def _print_table(result: dict[str, Any], out: Path, banks: list[Path]) -> None:
    """Print how near the match is, and where its files are; its free parameters are for a log of all."""
    for p in result["parameters"]:
        if p["free"]:
            logger.debug("%s: %s", p["name"], p["text"])
    print(
        f"distance: {result['start_distance']:.3f} at the start, "
        f"{result['best_distance']:.3f} at best, after {result['renders']} renders"
    )
    for one in result.get("recordings", []):
        print(f"note {one['note']} at velocity {one['velocity']}: {one['distance']:.3f}, {one['recording']}")
    pitch, in_tune = result["measures"]["pitch"], result["measures"]["in_tune"]
    off = "no pitch to compare" if pitch is None else f"{pitch:.2f} semitones off"
    tuned = "" if in_tune is None else f", {100 * in_tune:.0f}% of its energy in tune"
    print(f"pitch:  {off}{tuned}; spectra: {result['measures']['log_spectral']:.1f} dB apart")
    for other in result["answers"][1:]:
        print(f"also:   {out / other['preset']} at {other['distance']:.3f}")
    print(f"page:   {out / 'match.html'}")
    print(f"audio:  {out / 'match.wav'} (target: {out / 'target.wav'})")
    print(f"preset: {out / result['answers'][0]['preset']}")
    print(f"all:    {out / 'match.json'}")
    for bank in banks:
        print(f"bank:   {bank}")
