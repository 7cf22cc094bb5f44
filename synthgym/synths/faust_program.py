"""What a Faust program offers: its controls, read from its compiled interface without running it."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from dawdreamer import faust

from synthgym.errors import PluginCrashed, SynthError
from synthgym.hosting import open_engine
from synthgym.hosting.engines import COMPILING
from synthgym.parameters import Parameter
from synthgym.synths.faust_text import LONGEST_PATH, told

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
            raise SynthError(f"{name} does not compile: {read(told(error))}") from error
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
        label = read(text)
        if call == "declare":
            value = re.search(r'"((?:[^"\\]|\\.)*)"', read(rest))
            metadata[label] = value.group(1) if value else ""
            continue
        if call.startswith("open"):
            groups.append(text)
        elif call == "closeBox":
            groups.pop()
        elif call == "addSoundfile":
            soundfiles.append(label)
        else:
            if "Bargraph" not in call:
                if len("/".join(("", *groups, text))) > LONGEST_PATH:
                    raise SynthError(
                        f"{name}: the groups of {label!r:.80} and it have names of more than "
                        f"{LONGEST_PATH} letters in all, which cannot be set; give shorter ones"
                    )
                numbers = [float(n) for n in _NUMBER.findall(rest)]
                control = Control(label, place, _parameter(label, call, numbers, metadata))
                controls.append(((*map(read, groups[1:]), label), control))
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
        return told(error)
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
