"""The report: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthgym.files import replaced
from synthgym.rendering import usable_cores

from .section import Effort, Row, Section

PACKAGES = ("numpy", "gymnasium", "stable-baselines3", "dawdreamer", "dexed-py")


def machine() -> dict[str, Any]:
    """Return what the figures depend on: cores, CPU, and versions."""
    versions = {name: version(name) for name in PACKAGES}
    return {"cores": usable_cores(), "cpu": _cpu(), "python": platform.python_version(), **versions}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def heading(facts: dict[str, Any], effort: Effort) -> str:
    """Return the title, and the machine on which it was measured.

    Args:
        facts: of the machine.
        effort: how much was measured.

    Returns:
        Markdown.
    """
    described = ", ".join(f"{name} {value}" for name, value in facts.items())
    return (
        f"# Benchmark\n\n{described}.\n\nMedians of {effort.rounds} rounds, ratios of each round's ratio. "
        "In a round all that is compared takes its turn, one right after the other.\n"
    )


def table(section: Section, rows: list[Row]) -> str:
    """Return a section in Markdown: what it is, its table, what is required and where it is missed.

    Args:
        section: that was measured.
        rows: what was measured.

    Returns:
        Markdown.
    """
    lines = [f"## {section.title}", "", section.text, "", _line(section.columns.values())]
    numeric = [all(isinstance(row[key], (int, float)) for row in rows) for key in section.columns]
    lines.append(_line("---:" if right else "---" for right in numeric))
    lines += [_line(_cell(row[key]) for key in section.columns) for row in rows]
    if section.required:
        bounds = [
            f"{section.columns[key]} {side} {limit:g}" for key, (side, limit) in section.required.items()
        ]
        missed = section.missed(rows)
        kept = "Missed by " + "; ".join(missed) if missed else "Kept by all"
        lines += ["", f"Required: {', '.join(bounds)}. {kept}."]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def content(
    facts: dict[str, Any], effort: Effort, results: list[tuple[Section, list[Row]]]
) -> dict[str, Any]:
    """Return the report for programs, which holds every round too.

    Args:
        facts: of the machine.
        effort: how much was measured.
        results: sections, and what was measured in each.

    Returns:
        Plain values, as JSON has them.
    """
    sections = {
        section.name: {
            "title": section.title,
            "columns": dict(section.columns),
            "required": {key: {side: limit} for key, (side, limit) in section.required.items()},
            "missed": section.missed(rows),
            "rows": rows,
        }
        for section, rows in results
    }
    return {"machine": facts, "rounds": effort.rounds, "steps": effort.steps, "sections": sections}


def write(
    folder: Path, facts: dict[str, Any], effort: Effort, results: list[tuple[Section, list[Row]]]
) -> None:
    """Write benchmark.md and benchmark.json.

    Args:
        folder: that is there.
        facts: of the machine.
        effort: how much was measured.
        results: sections, and what was measured in each.
    """
    with replaced(folder / "benchmark.json") as temporary:
        temporary.write_text(json.dumps(content(facts, effort, results), indent=1))
    tables = [heading(facts, effort), *(table(section, rows) for section, rows in results)]
    with replaced(folder / "benchmark.md") as temporary:
        temporary.write_text("\n".join(tables))
