"""Files of DX7 voices as people have them."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgym.errors import PresetError
from synthgym.parameters import Native
from synthgym.synths import dx7_prior, make_synth
from synthgym.synths.dx7_voice import Voice, read_voices, write_bank, write_syx
from synthgym.synths.midi_files import system_exclusive

NAMES = [f"VOICE {i:4}" for i in range(32)]
OTHER = bytes.fromhex("f07e7f0902f7")
HEADER = bytes.fromhex("f04300092000")


@pytest.fixture(scope="module")
def rows() -> Native:
    return dx7_prior.human_like([np.random.default_rng(i) for i in range(32)])


@pytest.fixture(scope="module")
def bank(rows: Native, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A bank with its header and its end."""
    path = tmp_path_factory.mktemp("bank") / "bank.syx"
    write_bank(path, rows, NAMES)
    return path.read_bytes()


def read(folder: Path, data: bytes, name: str = "x.syx") -> list[Voice]:
    (folder / name).write_bytes(data)
    return read_voices(folder / name)


def midi(*messages: bytes, ended: bool = True) -> bytes:
    """A MIDI file with system-exclusive messages as its events."""
    track = b"\x00\xff\x03\x04bank"  # its name
    for message in messages:
        length = len(message) - 1
        digits = [length & 0x7F]
        while length := length >> 7:
            digits.insert(0, length & 0x7F | 0x80)
        track += b"\x83\x60\xf0" + bytes(digits) + message[1:]
    track += b"\x00\xff\x2f\x00" if ended else b""
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(track)) + track


def in_parts(message: bytes, *cuts: int) -> bytes:
    """A MIDI file with a message in several events, cut at those bytes of it."""
    ends = [*cuts, len(message)]
    others = [b"\xf0" + message[begin:end] for begin, end in zip(cuts, ends[1:], strict=True)]
    first = midi(message[: cuts[0]], ended=False)
    more = midi(*others).partition(b"bank")[2]
    return first + more.replace(b"\x83\x60\xf0", b"\x83\x60\xf7")


SAME: dict[str, Callable[[bytes], bytes]] = {
    "as it should be": lambda bank: bank,
    "hexter's count": lambda bank: bank[:4] + b"\x10" + bank[5:],
    "no count": lambda bank: bank[:4] + b"\0\0" + bank[6:],
    "the header of Dexed 0.9.1": lambda bank: bank[:3] + b"\x00\x20\x00" + bank[6:],
    "channel 16": lambda bank: bank[:2] + b"\x0f" + bank[3:],
    "active sensing and clock": lambda bank: (
        bank[:1000] + b"\xfe" + bank[1000:2500] + b"\xf8\xf8" + bank[2500:]
    ),
    "clock in the header": lambda bank: bank[:3] + b"\xf8" + bank[3:],
    "clock before the checksum": lambda bank: bank[:-2] + b"\xf8" + bank[-2:],
    "among other messages": lambda bank: OTHER + bank + b"\xb0\x07\x7f",
    "in a MIDI file": lambda bank: midi(bank),
    "in a MIDI file without an end": lambda bank: midi(bank, ended=False),
    "behind another message in one": lambda bank: midi(OTHER, bank),
    "in a RIFF MIDI file": lambda bank: b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + midi(bank),
    "in parts in a MIDI file": lambda bank: in_parts(bank, 1000, 4000),
    "in one byte and the rest in a MIDI file": lambda bank: in_parts(bank, 1),
    "as it is sent in a MIDI file": lambda bank: midi(b"\xf0" + bank).replace(b"\x83\x60\xf0", b"\0\xf7"),
    "in parts of two bytes": lambda bank: in_parts(bank, *range(2, len(bank), 2)),
    "in parts with a text between": lambda bank: in_parts(bank, 9, 4000).replace(
        b"\x83\x60\xf7", b"\0\xff\x01\x02hi\x83\x60\xf7"
    ),
    "behind notes in running status": lambda bank: midi(bank).replace(
        b"\x83\x60\xf0", b"\0\x90\x3c\x40\0\x3d\x40\x83\x60\xf0", 1
    ),
    "in a MIDI file of a Macintosh": lambda bank: b"\0\x05b.mid" + bytes(121) + midi(bank),
    "bare, of a Macintosh": lambda bank: b"\0\x05b.syx" + bytes(121) + bank[6:-2],
    "behind a clock in a MIDI file": lambda bank: midi(bank).replace(b"\x83\x60\xf0", b"\0\xf8\0\xf0"),
    "behind a name of another length": lambda bank: midi(bank).replace(b"\x04bank", b"\x02bank"),
    "with a length that counts its first byte": lambda bank: midi(bank).replace(
        b"\xf0\xa0\x07", b"\xf0\xa0\x08"
    ),
    "without its first byte": lambda bank: bank[1:],
    "without it, and hexter's count": lambda bank: bank[1:4] + b"\x10" + bank[5:],
    "bare, filled up with zeros": lambda bank: bank[6:-2] + bytes(4096),
    "bare": lambda bank: bank[6:-2],
    "bare, with the end of its dump": lambda bank: bank[6:],
    "bare, with the checksum of its dump": lambda bank: bank[6:-1],
    "bare, with the last byte of its dump": lambda bank: bank[6:-2] + b"\xf7",
    "bare, with the end of a line": lambda bank: bank[6:-2] + b"\r\n",
    "bare, with the end of a file": lambda bank: bank[6:-2] + b"\x1a",
}


@pytest.mark.parametrize("kind", SAME)
@pytest.mark.parametrize("name", ["x.syx", "x.dx7", "x.MID", "x"])
def test_a_bank_is_read_in_any_dress(kind: str, name: str, rows: Native, bank: bytes, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        voices = read(tmp_path, SAME[kind](bank), name)
    assert [voice.name for voice in voices] == NAMES
    np.testing.assert_array_equal([voice.native for voice in voices], rows)


def with_top_bits(data: bytes) -> bytes:
    return bytes(byte | 0x80 for byte in data)


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "wrong checksum": (lambda bank: bank[:-2] + bytes([bank[-2] ^ 1, 0xF7]), "wrong checksum"),
    "no F7": (lambda bank: bank[:-1], "the end of the dump is missing"),
    "no checksum": (lambda bank: bank[:-2], "the end of the dump is missing"),
    "F7 without a checksum": (
        lambda bank: bank[:-2] + b"\xf7",
        "a byte of the dump is missing: its checksum",
    ),
    "no F7, and more": (
        lambda bank: bank[:-1] + b"\xf0\x7e\x7f\x09\x02\xf7",
        "the end of the dump is missing",
    ),
    "a clock, and no checksum": (
        lambda bank: bank[:1000] + b"\xfe" + bank[1000:-2],
        "the end of the dump is missing",
    ),
    "top bits, in its header, too": (lambda bank: b"\xf0" + with_top_bits(bank[1:-1]) + b"\xf7", "above 7F"),
    "top bits": (lambda bank: bank[:100] + bytes(b | 0x80 for b in bank[100:140]) + bank[140:], "above 7F"),
    "top bits, bare": (lambda bank: with_top_bits(bank[6:-2]), "above 7F"),
    "top bits, bare, with the last byte of its dump": (
        lambda bank: with_top_bits(bank[6:-2]) + b"\xf7",
        "above 7F",
    ),
    "behind one that is cut": (lambda bank: bank[:-10] + bank, "a dump of 4,088 bytes is neither"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_bank_is_read_with_a_warning(kind: str, rows: Native, bank: bytes, tmp_path: Path) -> None:
    damage, message = DAMAGED[kind]
    with pytest.warns(UserWarning, match=message):
        voices = read(tmp_path, damage(bank))
    np.testing.assert_array_equal([voice.native for voice in voices], rows)


def test_several_banks_and_voices_are_read_in_their_order(rows: Native, bank: bytes, tmp_path: Path) -> None:
    write_syx(tmp_path / "single.syx", rows[5], "ONE")
    single = (tmp_path / "single.syx").read_bytes()
    bare = bank[6:-2]
    for data, count in ((bare + bare, 64), (bank + single + bank, 65), (midi(bank, single, bank), 65)):
        assert len(read(tmp_path, data)) == count
    assert read(tmp_path, bank + single)[32].name == "ONE"
    for size in (1, 5, 33):
        assert len(read(tmp_path, (bare * 2)[: size * 128], "few.dx7")) == size


def test_banks_of_a_midi_file_are_found_behind_what_cannot_be_read(bank: bytes, tmp_path: Path) -> None:
    for broken in (
        midi(bank, bank).replace(b"\x83\x60\xf0", b"\0\xf8\0\xf0"),
        midi(bank, bank).replace(b"\x83\x60\xf0\xa0\x07", b"\0\xf0\xa0\x08"),
        midi(bank) + midi(bank)[18:],
        midi(bank, ended=False) + b"\0\x40\0\0" + midi(bank)[30:],
    ):
        assert len(read(tmp_path, broken)) == 64


def test_a_bank_is_no_file_of_a_macintosh(bank: bytes, tmp_path: Path) -> None:
    flat = b"\0\x3f" + b"2" * 63 + bytes(63)
    assert len(read(tmp_path, flat + bank[6 + 128 : -2])) == 32
    assert len(read(tmp_path, bank[6:-130] + bytes(128))) == 32, "nor less than a bank"


def test_single_voices_need_no_headers(rows: Native, tmp_path: Path) -> None:
    dumps = []
    for row in rows[:3]:
        write_syx(tmp_path / "single.syx", row)
        dumps.append((tmp_path / "single.syx").read_bytes())
    for end in (-2, -1, None):  # with its checksum, and F7
        voices = read(tmp_path, b"".join(dump[6:end] for dump in dumps))
        np.testing.assert_array_equal([voice.native for voice in voices], rows[:3])
    clock = dumps[1][:3] + b"\xfe" + dumps[1][3:]
    assert len(read(tmp_path, dumps[0] + clock)) == 2, "real-time bytes in one header of several"


@given(st.binary(max_size=300))
def test_the_messages_of_a_midi_file_are_no_longer_than_it(data: bytes) -> None:
    """Lengths within lengths once made copies of the rest of the file without an end."""
    nested = b"\xf0\xff\xff\xff\x7f\x43\0\0\0\0" * 50
    for track in (data, nested, nested + data):
        whole = midi(ended=False) + track
        assert len(system_exclusive(whole)) <= len(whole)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize("suffix", [".syx", ".json"])
def test_a_pipe_is_not_waited_for(suffix: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(PresetError, match="it is no file"):
        make_synth("dexed", operators=6).load_preset(tmp_path / f"pipe{suffix}")


FOUR_OPERATORS = bytes.fromhex("f04300042000") + bytes(4096) + b"\x00\xf7"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 bytes"),
        (b"\xf0\x43", "2 bytes"),
        (b"\0", "1 bytes"),
        (b"\x80" * 155 + b"\xf7", "156 bytes"),
        (np.random.default_rng(0).bytes(4096) + b"\xf7", "4,097 bytes"),
        (b"RIFF" * 50, "200 bytes"),
        (bytes(4095), "4,095 bytes"),
        (bytes(4096), "4,096 bytes of text or zeros"),
        (b"<html><p>404 Not Found" + b"." * 490, "512 bytes of text"),
        ("Readme\r\n".encode("utf-16-le") * 8, "128 bytes of text"),
        (bytes(163), "163 bytes"),
        (b"\xf0\x41\0" + bytes(50) + b"a" * 74 + b"\xf7", "128 bytes"),
        (b"\xf0" + bytes(161), "162 bytes"),
        (HEADER + bytes(3000), "3,006 bytes"),
        (np.random.default_rng(0).bytes(4096), "4,096 bytes"),
        (FOUR_OPERATORS, "another Yamaha, with four operators"),
        (midi(OTHER), "a MIDI file without a dump"),
    ],
)
def test_what_holds_no_voice_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(PresetError, match=message):
        read(tmp_path, data)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match=r"cannot read .*nope\.syx"):
        read_voices(tmp_path / "nope.syx")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_whatever_is_in_a_file_is_read_or_refused(bank: bytes, tmp_path: Path, data: st.DataObject) -> None:
    made = bytearray(data.draw(st.sampled_from([bank, midi(bank), bank[6:-2] * 2, bank[:-1] + bank])))
    for _ in range(data.draw(st.integers(0, 8))):
        place = data.draw(st.integers(0, len(made) - 1))
        made[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            voices = read(tmp_path, bytes(made))
        except PresetError:
            return
    synth = make_synth("dexed", operators=6)
    for voice in voices:
        assert all(
            p.low <= value <= p.high for p, value in zip(synth.space.parameters, voice.native, strict=True)
        )


def test_a_voice_of_a_bank_is_named_by_its_number(
    rows: Native, bank: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "bank.syx"
    path.write_bytes(bank)
    synth = make_synth("dexed", operators=6)
    np.testing.assert_array_equal(synth.load_preset(f"{path}:7"), rows[6])
    np.testing.assert_array_equal(synth.load_presets(Path(f"{path}:32")), rows[31:])
    assert not caplog.messages
    np.testing.assert_array_equal(synth.load_preset(path), rows[0])
    (message,) = caplog.messages
    assert "holds 32 voices; the first is taken" in message
    assert "bank.syx:2 'VOICE    1'" in message
    for number in (0, 33):
        with pytest.raises(PresetError, match=f"bank.syx holds voices 1 to 32; got {number}"):
            synth.load_preset(f"{path}:{number}")
    odd = tmp_path / "x:7"  # a name as any other
    with pytest.raises(PresetError, match=r"are \.syx or"):
        synth.load_preset(odd)


def test_a_name_has_only_what_a_dx7_shows(rows: Native, tmp_path: Path) -> None:
    names = ["new\nline", "tab\there", "Größe", "\x7f\0\x1b[31m", "日本", "much longer than ten"]
    write_bank(tmp_path / "bank.syx", rows[:6], names)
    data = (tmp_path / "bank.syx").read_bytes()[6:-2]
    assert all(0x20 <= byte <= 0x7E for at in range(0, 4096, 128) for byte in data[at + 118 : at + 128])
    assert [voice.name for voice in read_voices(tmp_path / "bank.syx")][:3] == [
        "new?line",
        "tab?here",
        "Gr??e",
    ]
