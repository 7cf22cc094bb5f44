"""Presets and banks of VST2 plugins: whose they are, and whether they are whole.

Hosts, as JUCE under DawDreamer, hand a plugin what another plugin's file holds, and what stands behind the
end of one that was cut. A file begins with ``CcnK``, its size, what it holds, a version, and the id of its
plugin; all numbers have their first byte first.
"""

from __future__ import annotations

import numpy as np

_PARAMETERS, _CHUNK, _BANK, _BANK_CHUNK = b"FxCk", b"FPCh", b"FxBk", b"FBCh"
_BEGINS = {_PARAMETERS: 56, _CHUNK: 56, _BANK: 156, _BANK_CHUNK: 156}
"""Where what a file holds begins, by its kind."""
_BEYOND = 0.01
"""By so much a value may be out of its range, from 0 to 1."""


def plugin_of(state: bytes) -> bytes | None:
    """Return the id, four bytes, of the VST2 plugin whose preset, bank or state it is; None if it is none."""
    return state[16:20] if state.startswith(b"CcnK") and len(state) >= 20 else None


def check_vst2(data: bytes, own: bytes | None) -> int:
    """Return how long a whole preset or bank of a plugin is; ValueError, with the cause, if it is none.

    The size that a file says it has is not looked at: many programs write a wrong one.

    Args:
        data: the content of an .fxp or .fxb; more may follow.
        own: the id of the plugin; None if it is not known.

    Returns:
        Its length in bytes.

    Raises:
        ValueError: it is something else, of another plugin, cut, or holds values that are none.
    """
    end = _end(data, own, 0)
    if data[8:12] == _BANK:
        for _ in range(int.from_bytes(data[24:28], "big")):  # presets, each with a head of its own
            if data[end + 8 : end + 12] not in (_PARAMETERS, _CHUNK):
                raise ValueError("it holds fewer presets than it says, or was cut off")
            end = _end(data, own, end)
    return end


def _end(data: bytes, own: bytes | None, at: int) -> int:
    """Return where the preset that begins at a place ends, or the head of a bank of presets."""
    head = data[at : at + 28]
    kind, plugin = head[8:12], plugin_of(head)
    if plugin is None or kind not in _BEGINS:
        raise ValueError("it is no preset or bank of a VST2 plugin, or was cut off")
    if own not in (None, plugin):
        raise ValueError(f"it is of another plugin, with the id {plugin!r}, not {own!r}")
    begin, count = at + _BEGINS[kind], int.from_bytes(head[24:28], "big")
    if len(data) < begin or (not count and kind in (_BANK, _PARAMETERS)):
        raise ValueError("it is empty or was cut off")
    if kind == _BANK:
        return begin
    if kind == _PARAMETERS:
        end = begin + 4 * count
    else:
        begin += 4
        end = begin + int.from_bytes(data[begin - 4 : begin], "big")
    if not begin < end <= len(data):
        raise ValueError(f"it is empty or was cut off: it ends at byte {len(data):,}, and says {end:,}")
    if kind == _PARAMETERS:
        values = np.frombuffer(data, ">f4", count, begin)
        if not ((values >= -_BEYOND) & (values <= 1 + _BEYOND)).all():  # NaN is in no range
            raise ValueError("it is damaged: a parameter is not from 0 to 1")
    return end
