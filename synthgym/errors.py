"""What synthgym raises on bad input: one clear line that names the thing and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Self


def installing(extra: str) -> str:
    """Return how an extra is installed, for a message."""
    return f'pip install "synthgym[{extra}]" (in a clone: ".[{extra}]")'


def one_line(text: str) -> str:
    """Return a message as one line: names may hold line ends, and what a terminal takes for orders."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


class SynthgymError(ValueError):
    """Bad input. Every error that synthgym raises on purpose is one of these; its message is one line."""

    def __str__(self) -> str:
        return one_line(super().__str__())


def quoted(value: Any, most: int = 80) -> str:
    """Return a value as a message shows it: Python writes no whole number of thousands of digits.

    Args:
        value: anything.
        most: so many characters of it.

    Returns:
        One line, unless what the value says of itself has several.
    """
    try:
        return f"{value!r:.{most}}"
    except ValueError:
        return f"a {type(value).__name__} that is too long to be shown"


class UnknownNameError(SynthgymError):
    """A synth, feature, reward, parameter, option or agent of that name does not exist.

    Args:
        kind: of what it is, such as "synth".
        name: that was given.
        known: names that exist, of which near ones are named.
    """

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} {quoted(name)}; {_remedy(name, known)}")

    def __reduce__(self) -> tuple[Any, ...]:
        # By its message, not by the names that made it: it may come out of another process.
        return _unpickled, (type(self), self.args)


def _unpickled(kind: type[UnknownNameError], args: tuple[Any, ...]) -> UnknownNameError:
    error = kind.__new__(kind)
    error.args = args
    return error


class UnknownKeywordError(UnknownNameError, TypeError):
    """A keyword that nothing takes: a TypeError too, which wrappers that try keywords expect."""

    def __init__(self, message: str) -> None:
        SynthgymError.__init__(self, message)  # Gymnasium makes it anew with more words

    @classmethod
    def of(cls, name: object, known: Iterable[str]) -> Self:
        """Return the error of a keyword by name, in Python's own words: TorchRL looks for them.

        Args:
            name: the keyword that was given.
            known: the keywords that exist, of which near ones are named.

        Returns:
            The error, not raised yet.
        """
        return cls(f"got an unexpected keyword argument {name!r}; {_remedy(name, known)}")


def _remedy(name: object, known: Iterable[str]) -> str:
    known, text = list(known), name if isinstance(name, str) else quoted(name)
    by_fold = {k.casefold(): k for k in known}
    near = difflib.get_close_matches(text.casefold(), by_fold, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(repr(by_fold[n]) for n in near) + "?"
    return "known: " + ", ".join(known if len(known) <= 12 else [*known[:12], "..."])


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
