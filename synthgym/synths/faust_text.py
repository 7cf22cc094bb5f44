"""What Faust is given to compile, and what it says of it: labels in ASCII, and messages with a remedy."""

from __future__ import annotations

import codecs
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from synthgym.errors import SynthError
from synthgym.files import reason

_QUOTED = re.compile(
    r'//[^\n]*|/\*.*?\*/|\b(?:import|component|library)\s*\(\s*"[^"\n]*"'
    r'|(?P<label>"(?:[^"\\\n]|\\.)*")',
    re.DOTALL,
)
"""Where quotes are: in comments, about names of files, and about labels."""
_NAMED = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]+')
"""Paths that a text of Faust's can hold; the program of another is put in its place."""
_UTF8, _UTF16 = codecs.BOM_UTF8, (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TO_ESCAPE = re.compile(r"_(?=0u[0-9])|[^\x00-\x7f]+")
_ESCAPED = re.compile(r"_0u([0-9]+)_")
_INCLUDED = re.compile(r'"([^"\n]*)"')
_UNDEFINED = re.compile(r"BoxIdent\[(\w+)\] is defined here")
"""What Faust says of a symbol that is not defined, where it knows no line."""
COMPILE = "FaustProcessor::compile(): "
"""What messages of DawDreamer's begin with, if Faust refuses a program."""
_USED = re.compile(r"path '([^']*)' is already used")
LONGEST_PATH = 512
"""Letters of the names of groups and a control, a stroke before each, beyond which DawDreamer sets none."""


@dataclass(frozen=True)
class Escapes:
    """How labels stand in a program: a run of what is beyond ASCII as its number among such runs.

    Attributes:
        runs: the number of each run, from 0 in the order in which they were met.
    """

    runs: dict[str, int] = field(default_factory=dict)

    def escaped(self, text: str) -> str:
        """Return a text in ASCII; what looks like a number in it is escaped, too."""
        return _TO_ESCAPE.sub(lambda found: f"_0u{self.runs.setdefault(found[0], len(self.runs))}_", text)

    def unescaped(self, text: str) -> str:
        """Return a text that was escaped."""
        runs = list(self.runs)

        def run(found: re.Match[str]) -> str:
            number = found[1]
            return runs[int(number)] if len(number) < 10 and int(number) < len(runs) else found[0]

        return _ESCAPED.sub(run, text)


@dataclass(frozen=True)
class Written:
    """A Faust expression of a program, its labels in ASCII.

    Attributes:
        code: the expression.
        escapes: of its labels, none if all of the program is ASCII.
        risky: whether it may end the process that compiles it: it has a label that goes up, as ``../x``,
            which does so beside the gate that is put in, or includes a file that may have one.
    """

    code: str
    escapes: Escapes | None
    risky: bool = False

    def label(self, label: str) -> str:
        """Return how a label stands in it."""
        return label if self.escapes is None else self.escapes.escaped(label)

    def read(self, text: str) -> str:
        """Return a text of its interface as it was meant."""
        return text if self.escapes is None else self.escapes.unescaped(text)


def written(path: Path) -> Written:
    """Return a Faust expression of the program in a file.

    DawDreamer does not set a control whose path has characters beyond ASCII, or is longer than 512 letters,
    so that they are written as short numbers. What is in neither UTF-8 nor UTF-16 is taken for Latin-1;
    marks of the encoding are left out.

    Raises:
        SynthError: the file, or one that it includes, cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SynthError(f"cannot read the Faust program {path}: {reason(error)}") from error
    try:
        text = data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    risks = [_is_risky(found, path.parent) for found in _QUOTED.finditer(text)]
    risky = any(risks)
    if data.isascii() and _NAMED.fullmatch(str(path)):
        return Written(f'component("{path}")', None, risky)
    escapes = Escapes()
    text = _QUOTED.sub(lambda found: escapes.escaped(found[0]) if found["label"] else found[0], text)
    return Written(f"environment {{\n{text}\n}}.process", escapes, risky)


def _is_risky(quoted: re.Match[str], folder: Path) -> bool:
    if quoted["label"]:
        return "../" in quoted["label"]
    included = _INCLUDED.search(quoted[0]) if quoted[0][0] != "/" else None  # or it is a comment
    if included is None or not os.path.isfile(path := folder / included[1]):  # noqa: PTH113, it may be too long
        return False
    try:
        with path.open("rb") as file:
            begins_with_mark = file.read(len(_UTF8)) == _UTF8
    except OSError as error:
        raise SynthError(f"cannot read {path}, which the Faust program includes: {reason(error)}") from error
    if begins_with_mark:
        raise SynthError(f"Faust does not read {path}, which begins with a byte order mark; save it without")
    return True


def told(error: Exception) -> str:
    """Return what Faust says of a program that does not compile, in one line, with a remedy.

    Args:
        error: DawDreamer's, or one that holds its message.

    Returns:
        A line.
    """
    text = str(error).rpartition(COMPILE)[2].replace("\\n", " ").split(". Check the faustlibraries")[0]
    text = " ".join(text.split())
    if found := _USED.search(text):
        return (
            f"several controls or displays have the path {found[1]}, in which spaces and marks are as _; "
            "call them by names of their own"
        )
    if found := _UNDEFINED.search(text):
        return "it has no process" if found[1] == "process" else f"{found[1]} is not defined"
    return text
