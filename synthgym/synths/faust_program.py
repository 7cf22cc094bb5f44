"""What a Faust program offers: its controls, read from its compiled interface without running it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from dawdreamer import faust

from synthgym.errors import SynthError
from synthgym.hosting.engines import COMPILING
from synthgym.parameters import Parameter

PLAYED = ("freq", "gain", "gate")
"""The controls by which Faust instruments are played (Faust manual, "MIDI Polyphony Support")."""

_CALL = re.compile(
    r'ui_interface->(declare|open\w+Box|closeBox|add\w+)\((?:&?\w+, )?(?:"((?:[^"\\]|\\.)*)")?(.*)\);'
)
_CHANNELS = re.compile(r"virtual int getNum(?:In|Out)puts\(\) \{\s*return (\d+);")
_NUMBER = re.compile(r"FAUSTFLOAT\(([^)]+)\)")
_CHOICE = re.compile(r"'([^']*)'\s*:\s*([-+.\deE]+)")


@dataclass(frozen=True)
class Control:
    """A control of a Faust program.

    Attributes:
        label: what it is called.
        path: where DawDreamer finds it: its groups and its label.
        parameter: the knob an agent turns, named by the label.
    """

    label: str
    path: str
    parameter: Parameter


@dataclass(frozen=True)
class Program:
    """The interface of a Faust program: its controls in their order, and the sounds it reads."""

    controls: tuple[Control, ...]
    soundfiles: tuple[str, ...]
    inputs: int
    outputs: int


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
    groups: list[str] = []
    metadata: dict[str, str] = {}
    controls: list[Control] = []
    soundfiles: list[str] = []
    for call, text, rest in _CALL.findall(source):
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
        elif "Bargraph" not in call:
            path = "/" + "/".join(re.sub(r"\W", "_", part) for part in (*groups, text))
            numbers = [float(n) for n in _NUMBER.findall(rest)]
            controls.append(Control(text, path, _parameter(text, call, numbers, metadata)))
        metadata = {}
    inputs, outputs = (int(n) for n in _CHANNELS.findall(source))
    return Program(tuple(_uniquely_named(controls)), tuple(soundfiles), inputs, outputs)


def _parameter(label: str, call: str, numbers: list[float], metadata: dict[str, str]) -> Parameter:
    if call in ("addButton", "addCheckButton"):
        return Parameter(label, "categorical", 0, 1, 0, ("off", "on"))
    initial, low, high, step = numbers
    style = metadata.get("style", "")
    choices = {float(value): text for text, value in _CHOICE.findall(style)}
    if style.startswith(("menu", "radio")) and sorted(choices) == list(np.arange(low, high + 1)):
        return Parameter(label, "categorical", low, high, initial, tuple(choices[v] for v in sorted(choices)))
    if step == 1 and all(n == round(n) for n in (initial, low, high)):
        return Parameter(label, "integer", low, high, initial)
    log = metadata.get("scale") == "log" and low > 0
    return Parameter(label, "continuous", low, high, initial, log=log, step=step)


def _uniquely_named(controls: list[Control]) -> list[Control]:
    """Put the group before a label that two groups share."""
    counts = Counter(control.label for control in controls)
    named = []
    for control in controls:
        if counts[control.label] > 1:
            label = "/".join(control.path.split("/")[2:])
            control = Control(label, control.path, replace(control.parameter, name=label))
        named.append(control)
    return named
