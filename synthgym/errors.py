"""What synthgym raises on bad input: one clear line that names the thing and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SynthgymError(ValueError):
    """Bad input. Every error that synthgym raises on purpose is one of these."""


class UnknownNameError(SynthgymError):
    """A synth, feature, reward, parameter, option or agent of that name does not exist."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        known = list(known)
        by_fold = {k.casefold(): k for k in known}
        near = difflib.get_close_matches(str(name).casefold(), by_fold, n=3, cutoff=0.5)
        if near:
            remedy = "did you mean " + " or ".join(repr(by_fold[n]) for n in near) + "?"
        else:
            shown = known if len(known) <= 12 else [*known[:12], "..."]
            remedy = "known: " + ", ".join(shown)
        super().__init__(f"unknown {kind} {name!r}; {remedy}")


class ParameterError(SynthgymError):
    """A parameter value or vector that the parameter space cannot take."""


class ActionError(SynthgymError):
    """An action that is not a finite vector of the environment's length."""


class SynthError(SynthgymError):
    """A synthesiser was asked for something it cannot render."""


class SoundError(SynthgymError):
    """A recording or other sound that cannot be used: missing, empty, silent, no audio, of a wrong length."""


class PresetError(SynthgymError):
    """A preset file that cannot be read or written."""


class PluginCrashed(SynthgymError):
    """A plugin crashed or hung, and did so again when the render was tried once more."""
