"""What a Faust program offers: its controls, read from its compiled interface without running it."""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from dawdreamer import faust

from synthgym.errors import PluginCrashed, SynthError
from synthgym.files import reason
from synthgym.hosting import open_engine
from synthgym.hosting.engines import COMPILING
from synthgym.parameters import Parameter

PLAYED = ("freq", "gain", "gate")
"""The controls by which Faust instruments are played (Faust manual, "MIDI Polyphony Support")."""
HELD = "synthgym held samples"
"""What stands for a gate, where it is open for a number of samples."""

_CALL = re.compile(
    r'ui_interface->(declare|open\w+Box|closeBox|add\w+)\((?:&?\w+, )?(?:"((?:[^"\\]|\\.)*)")?(.*)\);'
)
_CHANNELS = re.compile(r"virtual int getNum(?:In|Out)puts\(\) \{\s*return (\d+);")
_REMAINDER = re.compile(r"% (?!-?[1-9])")
"""Of whole numbers, by what is no number; of others it is fmod, and a quotient is never of whole numbers."""
_NUMBER = re.compile(r"FAUSTFLOAT\(([^)]+)\)")
_QUOTED = re.compile(
    r'//[^\n]*|/\*.*?\*/|\b(?:import|component|library)\s*\(\s*"[^"\n]*"'
    r'|(?P<label>"(?:[^"\\\n]|\\.)*")',
    re.DOTALL,
)
"""Where quotes are: in comments, about names of files, and about labels."""
_NAMED = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]+')
"""Paths that a text of Faust's can hold; the program of another is put in its place."""
_UTF16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
_TO_ESCAPE = re.compile(r"_(?=u[01])|[^\x00-\x7f]")
_ESCAPED = re.compile(r"_u(0[0-9a-f]{5}|10[0-9a-f]{4})_")
_INCLUDED = re.compile(r'"([^"\n]*)"')
_CHOICE = re.compile(r"'([^']*)'\s*:\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?=[;}]|$)")


@dataclass(frozen=True)
class Control:
    """A control of a Faust program.

    Attributes:
        label: what it is called; of several that are called alike, its groups and that.
        place: its number among all controls and displays of the program, by which DawDreamer finds it. Paths
            may be shared: for Faust, what is beyond ASCII in them is all the same.
        parameter: the knob an agent turns, named by the label; None if it has one value only.
    """

    label: str
    place: int
    parameter: Parameter | None


@dataclass(frozen=True)
class Program:
    """The interface of a Faust program.

    Attributes:
        controls: in their order.
        soundfiles: labels of the sounds it reads.
        inputs: count of channels.
        outputs: count of channels.
        divides: whether it takes a remainder by what may be zero: by zero, it ends its process (SIGFPE).
    """

    controls: tuple[Control, ...]
    soundfiles: tuple[str, ...]
    inputs: int
    outputs: int
    divides: bool


@dataclass(frozen=True)
class Written:
    """A Faust expression of a program, its labels in ASCII.

    Attributes:
        code: the expression.
        escaped: whether its labels are, as ``escaped`` writes them.
        risky: whether it may end the process that compiles it: it has a label that goes up, as ``../x``,
            which does so beside the gate that is put in, or includes a file that may have one.
    """

    code: str
    escaped: bool
    risky: bool = False

    def label(self, label: str) -> str:
        """Return how a label stands in it."""
        return escaped(label) if self.escaped else label

    def read(self, text: str) -> str:
        """Return a text of its interface as it was meant."""
        return unescaped(text) if self.escaped else text


def written(path: Path) -> Written:
    """Return a Faust expression of the program in a file.

    DawDreamer does not set a control whose path has characters beyond ASCII, so that they are written as
    numbers. What is in neither UTF-8 nor UTF-16 is taken for Latin-1; marks of the encoding are left out.

    Raises:
        SynthError: the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SynthError(f"cannot read the Faust program {path}: {reason(error)}") from error
    try:
        text = data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    risky = any(_is_risky(found, path.parent) for found in _QUOTED.finditer(text))
    if data.isascii() and _NAMED.fullmatch(str(path)):
        return Written(f'component("{path}")', False, risky)
    text = _QUOTED.sub(lambda found: escaped(found[0]) if found["label"] else found[0], text)
    return Written(f"environment {{\n{text}\n}}.process", True, risky)


def _is_risky(quoted: re.Match[str], folder: Path) -> bool:
    if quoted["label"]:
        return "../" in quoted["label"]
    included = _INCLUDED.search(quoted[0]) if quoted[0][0] != "/" else None  # or it is a comment
    return included is not None and os.path.isfile(folder / included[1])  # noqa: PTH113, it may be too long


def escaped(label: str) -> str:
    """Return a label in ASCII: what is beyond it as its number, and what looks like one likewise."""
    return _TO_ESCAPE.sub(lambda found: f"_u{ord(found[0]):06x}_", label)


def unescaped(text: str) -> str:
    """Return a text that was escaped."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def read_program(
    code: str, folder: str, name: str, read: Callable[[str], str] = str, *, risky: bool = False
) -> Program:
    """Compile a program for its interface.

    Args:
        code: the program.
        folder: where it finds what it imports.
        name: what error messages call it.
        read: returns a text of the interface as it was meant.
        risky: whether it is compiled in a process of its own first.

    Returns:
        Its controls, sound files and channels.

    Raises:
        SynthError: it does not compile, with Faust's own message and line; or denormal numbers are zero in
            this thread, as some audio libraries leave it: Faust would abort the process.
    """
    if sys.float_info.min / 2 == 0:
        raise SynthError(
            f"{name} cannot be compiled: denormal numbers are zero in this thread (a library set that, as "
            "torch.set_flush_denormal does); make the environment before, or in another process"
        )
    if risky and (why := _refused(code, folder)):
        raise SynthError(f"{name} does not compile: {why}")
    with COMPILING:
        try:
            with faust.FaustContext():
                box = faust.box.boxFromDSP(code, ["-I", folder])
                source = faust.box.boxToSource(box, "cpp", "program", ["-double", "-I", folder])
        except RuntimeError as error:
            message = " ".join(str(error).split())
            raise SynthError(f"{name} does not compile: {message}") from error
    if not _CHANNELS.search(source):  # it is told why only by compiling it to the end
        raise SynthError(f"{name} does not compile: {_refused(code, folder) or 'Faust gives no reason'}")
    groups: list[str] = []
    metadata: dict[str, str] = {}
    controls: list[tuple[tuple[str, ...], Control]] = []
    place = 0
    soundfiles: list[str] = []
    for call, text, rest in _CALL.findall(source):
        if not text.isascii() and call.startswith(("open", "add")) and "Bargraph" not in call:
            raise SynthError(
                f"{name} includes another file that has {text!r} for a label, which cannot be set so; "
                "call it by characters of ASCII there"
            )
        text, rest = read(text), read(rest)
        if call == "declare":
            value = re.search(r'"((?:[^"\\]|\\.)*)"', rest)
            metadata[text] = value.group(1) if value else ""
            continue
        if call.startswith("open"):
            groups.append(text)
        elif call == "closeBox":
            groups.pop()
        elif call == "addSoundfile":
            soundfiles.append(text)
        else:
            if "Bargraph" not in call:
                numbers = [float(n) for n in _NUMBER.findall(rest)]
                control = Control(text, place, _parameter(text, call, numbers, metadata))
                controls.append(((*groups[1:], text), control))
            place += 1
        metadata = {}
    inputs, outputs = (int(n) for n in _CHANNELS.findall(source))
    for path, count in Counter(path for path, _ in controls).items():
        if count > 1:  # DawDreamer plays no such program
            raise SynthError(f"{name} has {count} controls {'/'.join(path)}; call them by names of their own")
    divides = _REMAINDER.search(source) is not None
    return Program(tuple(_uniquely_named(controls)), tuple(soundfiles), inputs, outputs, divides)


def _refused(code: str, folder: str) -> str | None:
    """Return what Faust says of a program, in a process of its own; None if it compiles to the end."""
    options = {"soundfiles": {}, "sample_rate": 44100, "samples": 1, "constants": {}, "controls": []}
    try:
        open_engine("faust", {"code": code, "folder": folder, **options}, "process", "Faust").close()
    except PluginCrashed as error:
        return f"{error}; a label that goes up does that: leave ../ out"
    except SynthError as error:
        return " ".join(str(error).split(". Check the faustlibraries")[0].split())
    return None


def _parameter(label: str, call: str, numbers: list[float], metadata: dict[str, str]) -> Parameter | None:
    if call in ("addButton", "addCheckButton"):
        return Parameter(label, "categorical", 0, 1, 0, ("off", "on"))
    initial, low, high, step = numbers
    if low == high:
        return None
    style = metadata.get("style", "")
    choices = {float(value): text for text, value in _CHOICE.findall(style)}
    if style.startswith(("menu", "radio")) and sorted(choices) == list(np.arange(low, high + 1)):
        return Parameter(label, "categorical", low, high, initial, tuple(choices[v] for v in sorted(choices)))
    if step == 1 and all(n == round(n) for n in (initial, low, high)):
        return Parameter(label, "integer", low, high, initial)
    log = metadata.get("scale") == "log" and low > 0
    return Parameter(label, "continuous", low, high, initial, log=log, step=step)


def _uniquely_named(controls: list[tuple[tuple[str, ...], Control]]) -> list[Control]:
    """Put the groups before a label that is not the only one of its kind, unless by it a note is played."""
    counts = Counter(control.label for _, control in controls)
    named = []
    for path, control in controls:
        if counts[control.label] > 1 and control.label not in (*PLAYED, HELD):
            label = "/".join(path)
            parameter = control.parameter and replace(control.parameter, name=label)
            control = Control(label, control.place, parameter)
        named.append(control)
    return named
