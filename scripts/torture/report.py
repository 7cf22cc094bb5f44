"""What the trials came to, as a table of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .log import Trial

_SHOWN = 10
"""Faults of a kind that are told."""


def report(trials: Sequence[Trial]) -> str:
    """Return a table of sections and kinds, and every kind of fault below it.

    Args:
        trials: of a campaign, in any order; of one that was made twice, the last counts.

    Returns:
        Markdown.
    """
    last = list({trial.key: trial for trial in trials}.values())
    lines = [
        "| section | tried | times | worked | refused in one line | faults | minutes |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    faults = []
    for section, kind in dict.fromkeys((trial.section, trial.kind) for trial in last):
        of = [trial for trial in last if (trial.section, trial.kind) == (section, kind)]
        if skipped := [trial for trial in of if trial.outcome == "skipped"]:
            of = [trial for trial in of if trial.outcome != "skipped"]
            faults.append(f"- {section}, {kind}: {len(skipped)} skipped, {skipped[0].what}")
        count = {name: sum(trial.outcome == name for trial in of) for name in ("result", "refused", "fault")}
        times = f"{len(of):,}" + _counted(of)
        numbers = " | ".join(f"{n:,}" for n in count.values())
        minutes = sum(trial.seconds for trial in of) / 60
        lines.append(f"| {section} | {kind} | {times} | {numbers} | {minutes:,.1f} |")
        bad = [trial for trial in of if trial.outcome == "fault"]
        faults += [
            f"- {section}, {kind}, seed {t.seed}, {t.index}: {' '.join(t.what.split())}" for t in bad[:_SHOWN]
        ]
    return "\n".join([*lines, *(["", *faults] if faults else [])]) + "\n"


def _counted(trials: Sequence[Trial]) -> str:
    said = ""
    for name in ("kills", "times"):
        if total := sum(trial.numbers.get(name, 0) for trial in trials):
            said += f" ({total:,.0f} {name})"
    return said
