"""What is kept of the trials: a line of JSON for each, as it ends, so that the same command goes on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from synthgym.errors import SynthgymError

Outcome = Literal["result", "refused", "fault", "skipped"]
"""It worked; one line said why not, or the command ended as it promises; it did neither; it was not tried."""


class Numbers(dict[str, float]):
    """What a trial measured, by name."""


_LONGEST, _SHORT = 600, 80
"""Letters of what is kept in words, and of what is as it should be."""


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        section: of the campaign, as ``inputs``.
        kind: what was tried, as ``recordings``.
        seed: of the campaign.
        index: of the trial, which with the seed decides all of it.
        outcome: what came of it.
        what: in words: the message, or what is wrong.
        seconds: that it took.
        numbers: what was measured.
    """

    section: str
    kind: str
    seed: int
    index: int
    outcome: Outcome
    what: str = ""
    seconds: float = 0.0
    numbers: dict[str, float] = field(default_factory=Numbers)

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What tells it apart."""
        return self.section, self.kind, self.seed, self.index


class Log:
    """The trials in a file, a line each.

    Args:
        path: of the file; what it holds is not tried again.

    Raises:
        SynthgymError: a line of it is damaged. A last line that was cut off is removed.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self.trials = path, [] if not path.exists() else _read(path)
        self._done = {trial.key for trial in self.trials}

    def add(self, trial: Trial) -> None:
        """Write down a trial that has ended."""
        most = _LONGEST if trial.outcome == "fault" or trial.numbers else _SHORT
        row = {**asdict(trial), "what": trial.what[:most], "seconds": round(trial.seconds, 3)}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.trials.append(trial)
        self._done.add(trial.key)

    def missing(self, section: str, kind: str, seed: int, count: int) -> list[int]:
        """Return which of the first ``count`` trials of a kind are not done."""
        return [index for index in range(count) if (section, kind, seed, index) not in self._done]


def _read(path: Path) -> list[Trial]:
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
        path.write_bytes(b"".join(lines))
    return [_trial(path, number, line) for number, line in enumerate(lines, 1)]


def _trial(path: Path, number: int, line: bytes) -> Trial:
    try:
        row: dict[str, Any] = json.loads(line)
        return Trial(**row)
    except (ValueError, TypeError) as error:
        raise SynthgymError(f"{path}, line {number} is damaged ({error}); delete it") from error
