"""Labels of Faust programs: as they are written, in any script, whatever they look like."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgym.errors import SynthError
from synthgym.synths import faust
from synthgym.synths.faust import FaustSynth
from synthgym.synths.faust_program import read_program
from synthgym.synths.faust_text import Escapes

VOICE = 'os.osc(hslider("freq", 440, 20, 2000, 1)) * button("gate") * hslider("{}", .5, .1, 1, .01)'


def made(folder: Path, code: str, **keywords: Any) -> FaustSynth:
    (folder / "x.dsp").write_text(code, encoding="utf-8")
    return FaustSynth(dsp=str(folder / "x.dsp"), duration=0.1, hold=0.1, **keywords)


@pytest.mark.parametrize("included", [False, True])
@pytest.mark.parametrize("label", ["../v", "../../v"])
def test_a_label_that_goes_up_does_not_end_the_process(label: str, included: bool, tmp_path: Path) -> None:
    code = f'import("stdfaust.lib"); process = vgroup("b", {VOICE.format(label)});'
    if included:
        (tmp_path / "inner.dsp").write_text(code)
        code = 'process = component("inner.dsp");'
    with pytest.raises(SynthError, match=r"x\.dsp does not compile: .*; a label that goes up does that"):
        made(tmp_path, code)


def test_a_label_that_goes_up_within_its_own_path_is_read(tmp_path: Path) -> None:
    code = f'import("stdfaust.lib"); process = vgroup("b", {VOICE.format("h:a/../v")}); // ../'
    assert made(tmp_path, code).space.names == ("v",)


def test_a_label_beyond_ascii_in_a_file_that_is_included_is_named(tmp_path: Path) -> None:
    (tmp_path / "inner.dsp").write_text(f'import("stdfaust.lib"); process = {VOICE.format("Größe")};')
    with pytest.raises(SynthError, match=r"x\.dsp includes another file that has 'Größe' for a label"):
        made(tmp_path, 'process = component("inner.dsp");')


@pytest.mark.parametrize("choice", ["'a':0;'b':1-", "'a':.;'b':1", "'a':0;'b':e5"])
def test_a_menu_whose_numbers_are_none_is_a_knob(choice: str, tmp_path: Path) -> None:
    label = f"v[style:menu{{{choice}}}]"
    code = f'import("stdfaust.lib"); process = {VOICE.format("w")} * nentry("{label}", 0, 0, 1, 1);'
    assert made(tmp_path, code).space.names == ("v", "w")


PIECES = st.sampled_from(
    ["_0u", "_", "0", "u", "0_", "1_", "99999999999_", "ä", "音", "\N{MUSICAL SYMBOL G CLEF}"]
)


@given(st.text() | st.lists(PIECES).map("".join))
def test_a_label_that_was_escaped_is_read_as_it_was(label: str) -> None:
    escapes = Escapes()
    escaped = escapes.escaped(label)
    assert escaped.isascii()
    assert escapes.unescaped(escaped) == label
    assert escapes.escaped(label) == escaped


@pytest.mark.parametrize("label", ["osc_0u2_level", "a_0u99999999999_", "_0u0_", "_u0_"])
@pytest.mark.parametrize("comment", ["", " // ä"])
@pytest.mark.parametrize("other", ["", '+ 1e-9 * hslider("ä", 0, 0, 1, .1)'])
def test_what_looks_like_a_number_is_a_label(label: str, comment: str, other: str, tmp_path: Path) -> None:
    code = f'import("stdfaust.lib"); process = {VOICE.format(label)} {other};{comment}'
    synth = made(tmp_path, code)
    assert set(synth.space.names) == {label, *(["ä"] if other else [])}
    assert np.abs(synth.render(synth.space.row({label: 1.0})[None])).max() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "before",
    [
        'import("stdfaust.lib"); ',
        'import ( "stdfaust.lib" ); ',
        'os = library("oscillators.lib"); ',
        'other = component("other.dsp"); import("stdfaust.lib"); ',
        'import("stdfaust.lib"); /* " */ ',
        'import("stdfaust.lib"); declare name "see http://x"; ',
    ],
)
def test_a_label_beyond_ascii_stands_behind_other_quotes_in_its_line(before: str, tmp_path: Path) -> None:
    (tmp_path / "other.dsp").write_text("process = _;")
    synth = made(tmp_path, f"{before}process = {VOICE.format('Größe')};")
    assert synth.space.names == ("Größe",)
    assert np.abs(synth.render(synth.space.row({"Größe": 1.0})[None])).max() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("comment", ["", " // ä"])
def test_sounds_are_found_by_labels_that_look_like_numbers(comment: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "tone.wav", np.sin(np.arange(44100) * 0.05), 44100)
    code = (
        'import("stdfaust.lib"); process = 0, int(ba.time * hslider("x", 1, .5, 2, .1)) : '
        'soundfile("a_u0000e4_", 1) : !, !, _ : *(button("gate") * hslider("freq", 1, 0, 2000, 1) / 440);'
    )
    synth = made(tmp_path, code + comment, soundfiles={"a_u0000e4_": str(tmp_path / "tone.wav")})
    assert np.abs(synth.render(synth.space.row({})[None])).max() > 0.1


def test_a_program_is_compiled_once_for_its_interface(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Any] = []

    def counted(*given: Any, **more: Any) -> Any:
        compiled.append(given)
        return read_program(*given, **more)

    monkeypatch.setattr(faust, "read_program", counted)
    made(tmp_path, f'import("stdfaust.lib"); process = {VOICE.format("x")};')
    assert len(compiled) == 1


def test_a_program_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(SynthError, match=r"cannot read the Faust program .*x\.dsp: Permission denied"):
        made(tmp_path, "process = 0;")


@pytest.mark.parametrize("label", ["vol", "Größe"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le with its mark"])
def test_marks_of_the_encoding_are_left_out(label: str, encoding: str, tmp_path: Path) -> None:
    code = f'import("stdfaust.lib"); process = {VOICE.format(label)};'
    mark = "\ufeff" if "mark" in encoding else ""
    (tmp_path / "x.dsp").write_bytes((mark + code).encode(encoding.split()[0]))
    synth = FaustSynth(dsp=str(tmp_path / "x.dsp"), duration=0.1, hold=0.1)
    assert synth.space.names == (label,)
    assert np.abs(synth.render(synth.space.row({label: 1.0})[None])).max() == pytest.approx(1, abs=0.01)


def test_every_control_of_the_note_is_played_whatever_its_group(tmp_path: Path) -> None:
    groups = ['hslider("v:{}/freq", 440, 20, 2000, 1)', 'button("v:{}/gate")']
    groups.append('hslider("v:{}/gain", 1, 0, 1, .1)')
    voices = ["os.osc({}) * {} * {}".format(*(each.format(group) for each in groups)) for group in "ab"]
    volume = 'hslider("vol", .5, .1, 1, .01)'
    sounds = []
    for each in (voices, [voices[0]] * 2):
        synth = made(tmp_path, f'import("stdfaust.lib"); process = ({" + ".join(each)}) / 2 * {volume};')
        assert synth.space.names == ("vol",)
        sounds.append(synth.render(synth.space.row({})[None], np.array([[72, 64, 0.05]])))
    np.testing.assert_array_equal(sounds[0], sounds[1])
    assert np.abs(sounds[0]).max() == pytest.approx(0.5 * 64 / 127, rel=0.01)
    assert not sounds[0][0, round(0.06 * 44100) :].any()


@given(st.sampled_from(["hslider", "vslider", "nentry"]), st.sampled_from(["vol", "b/vol"]))
@settings(max_examples=4, deadline=None)
def test_controls_that_differ_in_range_alone_are_named(kind: str, label: str) -> None:
    group, _, name = label.rpartition("/")
    first, second = (f'{kind}("{f"v:{group}/" if group else ""}{name}", {x}, .1, 1, .01)' for x in (0.5, 0.6))
    with TemporaryDirectory() as folder, pytest.raises(SynthError, match=f"^x.dsp has 2 controls {label}; "):
        made(Path(folder), f'import("stdfaust.lib"); process = {VOICE.format("x")} * {first} * {second};')


def test_labels_of_many_letters_beyond_ascii_are_set(tmp_path: Path) -> None:
    groups = ["Полифонический синтезатор", "Генератор колебаний", "Огибающая амплитуды"]
    voice = VOICE.format("Уровень удержания")
    for group in groups:
        voice = f'vgroup("{group}", {voice})'
    synth = made(tmp_path, f'import("stdfaust.lib"); process = {voice};')
    assert synth.space.names == ("Уровень удержания",)
    loud, soft = (np.abs(synth.render(np.array([[v]]))).max() for v in (1, 0.5))
    assert (loud, soft) == pytest.approx((1, 0.5), abs=0.01)


@pytest.mark.parametrize(("letters", "is_set"), [(500, True), (501, False)])
def test_a_path_that_is_too_long_is_named(letters: int, is_set: bool, tmp_path: Path) -> None:
    code = f'import("stdfaust.lib"); process = {VOICE.format("v" * letters)};'
    if is_set:
        assert made(tmp_path, code).render(np.array([[1.0]])).max() == pytest.approx(1, abs=0.01)
    else:
        with pytest.raises(
            SynthError, match="more than 512 letters in all, which cannot be set; give shorter"
        ):
            made(tmp_path, code)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("", "x.dsp does not compile: it has no process"),
        ("vol = 1;", "x.dsp does not compile: it has no process"),
        (f'import("stdfaust.lib"); process = {VOICE.format("v")} * os.oscc(1);', "oscc is not defined"),
        (
            f'import("stdfaust.lib"); process = {VOICE.format("a b")} * {VOICE.format("a(b")};',
            "have the path /",
        ),
        (f'import("stdfaust.lib"); process = {VOICE.format("v")} : hbargraph("v", 0, 1);', "have the path /"),
        (
            f'import("stdfaust.lib"); process = {VOICE.format("v")} * hslider("w", 5, 0, 1, .01);',
            r"range in 'hslider\(\"w\",5.0f,0.0f,1.0f,0.01f\)'$",
        ),
        (
            'import("my.lib"); process = voice;',
            r"Faust does not read .*my\.lib, which begins with a byte order",
        ),
    ],
)
def test_what_does_not_compile_is_said_with_a_remedy(code: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "my.lib").write_text("voice = 1;", encoding="utf-8-sig")
    with pytest.raises(SynthError, match=says):
        made(tmp_path, code).render(np.array([[1.0, 1.0]]))
