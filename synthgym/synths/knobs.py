"""The knobs of a plugin: what kind each is, and the host value of each of its steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgym.parameters import Parameter

MOST_STEPS = 64
"""A parameter that shows at most this many texts over its range is discrete."""
SAMPLED = 200
"""Steps over its range at which a parameter is asked for its text."""

PSEUDO = re.compile(
    r"^(bypass|programs?|program (change|no\.?|number)|presets?)$|\bmidi[ _-]?cc\b|^cc[ _]?\d+"
    r"|\bmidi[ _-]?ch(an(nel)?)?\b|\bchannel$",
    re.IGNORECASE,
)
"""Names of what hosts see as parameters but no knob is: they are left as they are unless asked for."""

Texts = Sequence[tuple[float, float, str]]
"""What a parameter shows from 0 to 1: (least host value, host value of the next text, text)."""


@dataclass(frozen=True)
class Knob:
    """A parameter of a plugin and how it is set.

    Attributes:
        index: its place in the plugin.
        parameter: the knob an agent turns. Continuous ones are native in the host's 0 to 1.
        hosts: the host value of each step of a discrete one, otherwise empty.
        texts: what the plugin shows from 0 to 1.
        pseudo: whether it is no knob of the sound, as a MIDI channel: it is not sent unless asked for.
    """

    index: int
    parameter: Parameter
    hosts: tuple[float, ...]
    texts: tuple[tuple[float, float, str], ...]
    pseudo: bool = False

    @property
    def steps(self) -> int:
        """How many steps of it may be tried; 0 if it is continuous, or no knob of the sound."""
        return 0 if self.pseudo else len(self.hosts)

    def host(self, native: float) -> float:
        """Return the host's value, 0 to 1, of a native one."""
        return self.hosts[round(native)] if self.hosts else native

    def native(self, host: float) -> float:
        """Return the native value of a host's, 0 to 1."""
        return float(np.abs(np.array(self.hosts) - host).argmin()) if self.hosts else min(max(host, 0.0), 1.0)


def read_knobs(described: Iterable[Mapping[str, Any]]) -> tuple[Knob, ...]:
    """Return the knobs of the parameters that a plugin engine describes.

    A name that occurs more than once gets its index behind it, as ``Level (12)``.
    """
    described = list(described)
    names = [readable(p["name"]) or "parameter" for p in described]
    counts = Counter(names)
    return tuple(
        read_knob(
            i,
            f"{name} ({i})" if counts[name] > 1 else name,
            p["default"],
            p["texts"],
            pseudo=PSEUDO.search(name) is not None,
        )
        for i, (name, p) in enumerate(zip(names, described, strict=True))
    )


def read_knob(index: int, name: str, default: float, texts: Texts, *, pseudo: bool = False) -> Knob:
    """Return the knob of a parameter: discrete if it shows few texts, otherwise continuous.

    Discrete values that read as successive numbers are integers, others categories. The step at which the
    plugin stands when it is loaded is sent as the plugin has it, so that the default sounds like it.

    Args:
        index: of the parameter in the plugin.
        name: of the parameter.
        default: the host value in [0, 1] at which it is loaded; others are clipped.
        texts: what the plugin shows, with the lowest and the highest host value in [0, 1] of each.
        pseudo: kept with the knob as it is.

    Returns:
        The knob, its parameter continuous, integer or categorical.
    """
    default = min(max(default, 0.0), 1.0)
    texts = tuple((low, high, readable(text)) for low, high, text in texts)
    labels = [text for *_, text in texts]
    continuous = Knob(index, Parameter(name, "continuous", 0, 1, default), (), texts, pseudo)
    if not 2 <= len(set(labels)) <= MOST_STEPS or len(set(labels)) < len(labels):
        return continuous
    hosts = _hosts(texts)
    start = int(np.abs(hosts - default).argmin())
    numbers = _numbers(labels)
    if numbers is not None and abs(hosts[start] - default) > 0.02 / (len(hosts) - 1):
        return continuous  # it stands between two steps: its text is only rounded
    hosts[start] = default
    if len(labels) > 2 and numbers is not None and set(np.diff(numbers)) == {1.0}:
        # Steps are counted from 0; what the plugin shows for them are labels where it counts otherwise.
        shown = () if numbers[0] == 0 else tuple(labels)
        parameter = Parameter(name, "integer", 0, len(labels) - 1, start, shown)
    else:
        parameter = Parameter(name, "categorical", 0, len(labels) - 1, start, tuple(labels))
    return Knob(index, parameter, tuple(hosts.tolist()), texts, pseudo)


def readable(text: str) -> str:
    """Return a text of a plugin as it was meant: hosts read the UTF-8 of some as Latin-1."""
    try:
        return text.strip().encode("latin-1").decode()
    except UnicodeError:
        return text.strip()


def _hosts(texts: Texts) -> NDArray[np.float64]:
    """Return the host value of each step: k / (n - 1), as hosts send steps.

    A text may be rounded, up or down: it begins or ends where its step is. Only steps that are not even, so
    that k / (n - 1) shows another's text, are sent at the middles of their texts.
    """
    count = len(texts)
    even = np.arange(count) / (count - 1)
    near = 1.5 / SAMPLED
    if all(low - near <= v <= high + near for v, (low, high, _) in zip(even, texts, strict=True)):
        return even
    return np.array([(low + high) / 2 for low, high, _ in texts])


def _numbers(labels: Sequence[str]) -> list[float] | None:
    try:
        return [float(text) for text in labels]
    except ValueError:
        return None
