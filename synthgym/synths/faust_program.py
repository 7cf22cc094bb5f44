"""What a Faust program offers: its controls, read from its compiled interface without running it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from dawdreamer import faust

from synthgym.errors import SynthError
from synthgym.hosting import open_engine
from synthgym.hosting.engines import COMPILING
from synthgym.parameters import Parameter

PLAYED = ("freq", "gain", "gate")
"""The controls by which Faust instruments are played (Faust manual, "MIDI Polyphony Support")."""

_CALL = re.compile(
    r'ui_interface->(declare|open\w+Box|closeBox|add\w+)\((?:&?\w+, )?(?:"((?:[^"\\]|\\.)*)")?(.*)\);'
)
_CHANNELS = re.compile(r"virtual int getNum(?:In|Out)puts\(\) \{\s*return (\d+);")
_NUMBER = re.compile(r"FAUSTFLOAT\(([^)]+)\)")
_QUOTED = re.compile(r'(?<!import\()(?<!component\()(?<!library\()"(?:[^"\\\n]|\\.)*"')
_ESCAPED = re.compile(r"_u([0-9a-f]+)_")
_CHOICE = re.compile(r"'([^']*)'\s*:\s*([-+.\deE]+)")


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
    """The interface of a Faust program: its controls in their order, and the sounds it reads."""

    controls: tuple[Control, ...]
    soundfiles: tuple[str, ...]
    inputs: int
    outputs: int


def written(path: Path) -> str:
    """Return a Faust expression of the program in a file, its labels in ASCII.

    DawDreamer does not set a control whose path has other characters, so that they are written as numbers.
    What is not in UTF-8 is taken for Latin-1.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if text.isascii():
        return f'component("{path}")'
    return f"environment {{\n{_QUOTED.sub(lambda quoted: escaped(quoted[0]), text)}\n}}.process"


def escaped(label: str) -> str:
    """Return a label as it is written to the program that is played, in ASCII."""
    return "".join(c if c.isascii() else f"_u{ord(c):x}_" for c in label)


def _read(label: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), label)


def read_program(code: str, folder: Path, name: str) -> Program:
    """Compile a program for its interface; ``name`` is what error messages call it.

    Raises:
        SynthError: it does not compile, with Faust's own message and line.
    """
    with COMPILING:
        try:
            with faust.FaustContext():
                box = faust.box.boxFromDSP(code, ["-I", str(folder)])
                source = faust.box.boxToSource(box, "cpp", "program", ["-double", "-I", str(folder)])
        except RuntimeError as error:
            message = " ".join(str(error).split())
            raise SynthError(f"{name} does not compile: {message}") from error
    if not _CHANNELS.search(source):  # it is told why only by compiling it to the end
        raise SynthError(f"{name} does not compile: {_reason(code, folder)}")
    groups: list[str] = []
    metadata: dict[str, str] = {}
    controls: list[tuple[tuple[str, ...], Control]] = []
    place = 0
    soundfiles: list[str] = []
    for call, text, rest in ((call, _read(text), _read(rest)) for call, text, rest in _CALL.findall(source)):
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
    return Program(tuple(_uniquely_named(controls)), tuple(soundfiles), inputs, outputs)


def _reason(code: str, folder: Path) -> str:
    """Return what Faust says of a program that does not compile."""
    options = {"soundfiles": {}, "sample_rate": 44100, "samples": 1, "constants": {}, "controls": []}
    try:
        open_engine("faust", {"code": code, "folder": str(folder), **options}, "process", "Faust").close()
    except SynthError as error:
        return " ".join(str(error).split(". Check the faustlibraries")[0].split())
    return "Faust gives no reason"


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
    """Put the groups before a label that is not the only one of its kind."""
    counts = Counter(control.label for _, control in controls)
    named = []
    for path, control in controls:
        if counts[control.label] > 1:
            label = "/".join(path)
            parameter = control.parameter and replace(control.parameter, name=label)
            control = Control(label, control.place, parameter)
        named.append(control)
    return named
