"""The studio's server: from a recording to a preset, and what it refuses."""

import errno
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import numpy as np
import psutil
import pytest
import soundfile
from conftest import present, stub_plugin
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from studio_client import Client, served, tone, wav_bytes

from agents.evaluation.pitch import note_of
from agents.studio import requests
from agents.studio.instruments import Instrument
from agents.studio.player import Player
from agents.studio.session import Session, Sessions
from synthgym.making import make_task
from synthgym.patches import PatchStream
from synthgym.synths.plugin_kinds import look

FM = "FM-v0"
Matched = tuple[Client, dict[str, Any]]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served(patience=600) as (port, _):  # a page of one test is asked again by another, minutes later
        yield port


@pytest.fixture(scope="module")
def matched(port: int) -> Matched:
    """A page on which FM has matched a tone."""
    client = Client(port)
    status, take = client.drop(wav_bytes(tone(62)), "a tone.wav")
    assert status == 200
    assert take["heard"] == {"note": 62, "clear": True}
    order = {"instrument": FM, "note": 62, "seconds": 1.5}
    client.json("POST", client.at(take["take"], "search"), order)
    return client, client.until(take["take"], "done")


def sound_of(data: bytes) -> tuple[np.ndarray, int]:
    sound, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    return sound, rate


def test_a_recording_is_matched_and_heard(matched: Matched) -> None:
    client, shown = matched
    distances = [answer["distance"] for answer in shown["answers"]]
    assert distances == sorted(distances)
    assert distances[0] < 0.3
    assert shown["curve"][-1][1] == distances[0]
    assert shown["played"] == {"note": 62.0, "velocity": 100.0, "hold": pytest.approx(0.6, abs=0.2)}
    for i in range(1 + len(distances)):
        status, data = client.ask("GET", client.at(shown["take"], f"sounds/{i}.wav"))
        assert status == 200
        sound, rate = sound_of(data)
        assert note_of(sound, rate) == 62
    for number in ("9", "9" * 5000):
        assert client.ask("GET", client.at(shown["take"], f"sounds/{number}.wav"))[0] == 404
    assert client.ask("POST", f"/api/pages/{client.page}/takes/{'9' * 5000}/stop")[0] == 405
    status, page = client.ask("GET", client.at(shown["take"], "match.html"))
    assert status == 200
    assert b"a tone.wav by FM" in page


def test_an_answer_is_played_turned_and_varied(matched: Matched) -> None:
    client, shown = matched
    take, unit = shown["take"], shown["answers"][0]["unit"]
    for note in (50, 74):
        status, data = client.ask(
            "POST", client.at(take, "key"), json.dumps({"unit": unit, "note": note}).encode()
        )
        assert status == 200
        assert note_of(*sound_of(data)) == note
    asked = [json.dumps({"unit": unit, "note": 62, "velocity": velocity}).encode() for velocity in (100, 40)]
    loud, soft = (
        np.abs(sound_of(client.ask("POST", client.at(take, "key"), one)[1])[0]).max() for one in asked
    )
    assert soft < loud
    patch = client.json("POST", client.at(take, "patch"), {"unit": unit})
    assert patch["distance"] == pytest.approx(shown["answers"][0]["distance"], abs=1e-5)
    names = [p["name"] for group in patch["groups"] for p in group["parameters"]]
    with closing(make_task(FM)) as task:
        assert sorted(names) == sorted(task.space.names)
    near = client.json("POST", client.at(take, "vary"), {"unit": unit, "how": "little", "seed": 1})
    far = client.json("POST", client.at(take, "vary"), {"unit": unit, "how": "more", "seed": 1})
    sounds = []
    for one in (unit, near["unit"], far["unit"]):
        status, data = client.ask("POST", client.at(take, "sound"), json.dumps({"unit": one}).encode())
        assert note_of(*sound_of(data)) == 62
        sounds.append(sound_of(data)[0])
    own, little, more = sounds
    assert 0 < np.abs(little - own).mean() < np.abs(more - own).mean()


@pytest.mark.parametrize("env_id", ["FM-v0", pytest.param("Vital-v0", marks=pytest.mark.slow)])
def test_a_key_of_a_slow_synth_begins_before_the_whole_has_come(
    env_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its beginning has the bytes of the whole, but for the last 10 ms, where its key is let go."""
    with closing(make_task(env_id)) as task:
        unit = task.space.sample(np.random.default_rng(3))
        played = {"note": 60, "velocity": 100, "hold": 0.5, "duration": 1.0}
        player = Player(
            Instrument(env_id, env_id, env_id), task.space, played, np.full(44100, 0.1, np.float32)
        )
    with closing(player):
        monkeypatch.setattr("agents.studio.player.SLOW", 60.0)
        whole, complete = player.key_begins(unit, 48, 90)
        assert (complete, len(whole)) == (True, 88200)
        monkeypatch.setattr("agents.studio.player.SLOW", 0.0)
        until = time.monotonic() + 60
        while complete:
            assert time.monotonic() < until
            begun, complete = player.key_begins(unit, 48, 90)
        same = len(begun) - 441
        assert 0.25 < same / 44100 < 0.5
        assert begun.any()
        np.testing.assert_array_equal(begun[:same], whole[:same])


def test_a_bank_has_neighbours_that_differ_and_have_the_pitch() -> None:
    played = {"note": 60, "velocity": 100, "hold": 0.5, "duration": 1.0}
    with closing(make_task("Dexed1Op-v0", played)) as task:
        patches = task.make_patches(PatchStream("validation", 5).ids([0]), audio=True)
        space, unit, (sound,) = task.space, patches.unit[0], present(patches.rendered.audio)
    player = Player(Instrument("Dexed1Op-v0", "DX7", "Dexed1Op-v0"), space, played, sound)
    with closing(player):
        natives = player.neighbours(unit, 32, np.random.default_rng(0))
        assert len(np.unique(natives, axis=0)) == 32
        np.testing.assert_array_equal(natives[0], space.to_native(unit))
        pitches = [note_of(player.sound(space.to_unit(native)), 44100) for native in natives]
        assert pitches == [pitches[0]] * 32


def test_a_page_is_told_whether_a_key_is_complete(matched: Matched) -> None:
    client, shown = matched
    asked = {"unit": shown["answers"][0]["unit"], "note": 50, "begin": True}
    url = f"http://127.0.0.1:{client.port}{client.at(shown['take'], 'key')}"
    with urlopen(Request(url, json.dumps(asked).encode())) as answer:
        assert answer.headers["Synthgym-Complete"] in ("yes", "no")
        sound, rate = sound_of(answer.read())
    assert note_of(sound, rate) == 50


def test_a_search_goes_on_from_a_patch(matched: Matched) -> None:
    client, shown = matched
    take, first = shown["take"], shown["answers"][0]
    order = {"instrument": FM, "note": 62, "seconds": 1, "begin": shown["begin"], "end": shown["end"]}
    client.json("POST", client.at(take, "search"), {**order, "starts": [first["unit"]]})
    again = client.until(take, "done")
    assert again["curve"][0] == [1, pytest.approx(first["distance"], abs=1e-6)]
    assert again["answers"][0]["distance"] <= first["distance"] + 1e-6
    for begin, end in ((0.3, 0.2), (0.2, 0.21), (0, 99)):
        asked = {**order, "begin": begin, "end": end}
        assert client.json("POST", client.at(take, "search"), asked, 400)["error"]
    other = {**order, "note": 50, "starts": [first["unit"]]}
    assert "new search" in client.json("POST", client.at(take, "search"), other, 400)["error"]


def test_a_dx7_voice_that_is_downloaded_is_what_was_heard(
    port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("agents.matching.voices.SIZE", 60)
    client = Client(port)
    takes = []
    for note in (48, 60):
        _, take = client.drop(wav_bytes(tone(note)), f"tone {note}.wav")
        client.json(
            "POST",
            client.at(take["take"], "search"),
            {"instrument": "Dexed6Op-v0", "note": note, "seconds": 3},
        )
        takes.append(client.until(take["take"], "done", 120))
    shown = takes[-1]
    unit = shown["answers"][0]["unit"]
    asked = json.dumps({"unit": unit, "what": "preset"}).encode()
    status, syx = client.ask("POST", client.at(shown["take"], "download"), asked)
    assert status == 200
    (tmp_path / "got.syx").write_bytes(syx)
    heard, rate = sound_of(client.ask("GET", client.at(shown["take"], "sounds/1.wav"))[1])
    played = {"hold": shown["played"]["hold"], "duration": len(heard) / rate, "note": 60, "sample_rate": rate}
    with closing(make_task("Dexed6Op-v0", played)) as task:
        native = task.synth.load_preset(tmp_path / "got.syx")
        sounds = task.render_native(native[None]).audio
        assert sounds is not None
        ours = sounds[0] / np.abs(sounds).max()
        np.testing.assert_allclose(ours, heard / np.abs(heard).max(), atol=2e-4)
        for body, count in ((b"{}", 2), (json.dumps({"unit": unit, "what": "bank"}).encode(), 32)):
            page = f"/api/pages/{client.page}/bank" if count == 2 else client.at(shown["take"], "download")
            status, bank = client.ask("POST", page, body)
            assert status == 200
            (tmp_path / "bank.syx").write_bytes(bank)
            voices = np.stack(task.synth.load_presets(tmp_path / "bank.syx"))
            different = len(np.unique(voices, axis=0))
            # Two voices and INIT; or the voice and neighbours, all of which some voices have not.
            assert different == 3 if count == 2 else 2 < different <= 32
            assert (voices == native).all(axis=1).any()


def test_one_preset_suits_several_recordings(port: int) -> None:
    client = Client(port)
    low, high, third = (
        client.drop(wav_bytes(tone(note)), f"tone {note}.wav")[1]["take"] for note in (48, 60, 72)
    )
    order = {"instrument": FM, "note": 48, "seconds": 1, "others": [{"take": high, "note": 60}]}
    client.json("POST", client.at(low, "search"), order)
    shown = client.until(low, "done")
    best, each = shown["answers"][0], shown["together"]
    assert [(one["recording"], one["note"]) for one in each] == [("tone 48.wav", 48), ("tone 60.wav", 60)]
    assert np.mean([one["distance"] for one in each]) == pytest.approx(best["distance"], abs=1e-6)
    assert shown["curve"][-1][0] <= shown["renders"]
    # What is played and drawn is at the note of the recording that is looked at.
    assert shown["played"]["note"] == 48
    patch = client.json("POST", client.at(low, "patch"), {"unit": best["unit"]})
    assert patch["distance"] == pytest.approx(each[0]["distance"], abs=1e-3)
    page = client.ask("GET", client.at(low, "match.html"))[1].decode()
    assert "tone 48+tone 60.wav" in page
    on = {**order, "others": shown["others"], "starts": [best["unit"]]}
    client.json("POST", client.at(low, "search"), on)
    assert client.until(low, "done")["answers"][0]["distance"] <= best["distance"]
    for others, says in (
        ([{"take": low, "note": 50}], "named twice"),
        ([{"take": 99, "note": 50}], "no recording 99"),
        ([{"take": third}], "note must be"),
        ("all", "must be a list"),
        ([high], "must be a list"),
    ):
        said = client.json("POST", client.at(low, "search"), {**order, "others": others}, 400)["error"]
        assert says in said
    client.json("POST", client.at(low, "search"), {**order, "others": [{"take": third, "note": 48}]})
    assert "both of note 48" in client.until(low, "failed")["message"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"this is no sound", "not audio"),
        (b"", "not audio"),
        (wav_bytes(np.zeros(9000, np.float32)), "silent"),
        (wav_bytes(np.full(9000, np.nan, np.float32)), "NaN"),
        (wav_bytes(np.ones(700_000, np.float32), 1000), "up to 10 minutes"),
    ],
    ids=["text", "empty", "silent", "nan", "long"],
)
def test_what_is_no_sound_is_said(port: int, data: bytes, said: str) -> None:
    client = Client(port)
    status, answer = client.drop(data, "<b>x</b>.wav")
    assert status == 400
    assert said in answer["error"]
    assert "/" not in answer["error"].replace("</b>", "")  # no path of this machine


def test_a_chord_is_told(port: int) -> None:
    chord = tone(60) + tone(64) + tone(67)
    status, take = Client(port).drop(wav_bytes(chord))
    assert status == 200
    assert take["heard"] is None or not take["heard"]["clear"]


def test_uploads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.studio.requests.MOST_BYTES", 10_000)
    with served() as (port, sessions):
        client = Client(port)
        status, answer = client.drop(bytes(20_000))
        assert status == 413
        assert "larger" in answer["error"]
        page = sessions.of(client.page)
        assert not list(page.folder.iterdir())
        page.folder.joinpath("2.sound").symlink_to("/dev/full")
        status, answer = client.drop(bytes(9_000))
        assert status == 507
        assert "space" in answer["error"]


def test_a_full_disk_is_said_wherever_the_studio_writes(
    matched: Matched, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, shown = matched

    def full(*args: object, **kwargs: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/secret")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    order = json.dumps({"unit": shown["answers"][0]["unit"], "what": "preset"}).encode()
    for path in (client.at(shown["take"], "download"), "/api/pages"):
        status, answer = client.ask("POST", path, order)
        assert status == 507
        why = (
            "The studio cannot write its files: No space left on device. Make room on the disk, and try again"
        )
        assert json.loads(answer) == {"error": f"{why}."}
    monkeypatch.undo()
    assert client.ask("POST", client.at(shown["take"], "download"), order)[0] == 200, "it goes on"


def test_a_full_disk_keeps_what_a_search_has_found(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("agents.studio.take.write", full)
    client = Client(port)
    number = client.drop(wav_bytes(tone(60)))[1]["take"]
    client.json("POST", client.at(number, "search"), {"instrument": FM, "note": 60, "seconds": 1})
    shown = client.until(number, "failed")
    said = "the page of the match cannot be written: No space left on device; make room on the disk"
    assert shown["message"] == said
    asked = json.dumps({"unit": shown["answers"][0]["unit"], "what": "preset"}).encode()
    assert client.ask("POST", client.at(number, "download"), asked)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_it_answers_its_own_page_only(port: int, headers: dict[str, str]) -> None:
    client = Client(port)
    for method, path in (("GET", "/"), ("GET", "/api/instruments"), ("POST", "/api/pages")):
        assert client.ask(method, path, headers=headers)[0] == 403


def test_its_own_page_is_answered(port: int) -> None:
    client = Client(port)
    for host in ("127.0.0.1", "localhost"):
        home = f"{host}:{port}"
        own = {"Host": home, "Origin": f"http://{home}", "Sec-Fetch-Site": "same-origin"}
        assert client.ask("POST", "/api/pages", headers=own)[0] == 200
        assert client.ask("GET", "/", headers={"Host": home})[0] == 200


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)
_FIELDS = [
    "unit",
    "note",
    "velocity",
    "how",
    "seed",
    "what",
    "instrument",
    "seconds",
    "begin",
    "end",
    "starts",
]


@given(
    st.sampled_from(
        ["key", "patch", "sound", "vary", "download", "search", "stop", "../../../etc/passwd", "x"]
    ),
    st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(_FIELDS), _ANY).map(lambda d: json.dumps(d).encode()),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_malformed_requests_are_refused(matched: Matched, what: str, body: bytes) -> None:
    client, shown = matched
    status, answer = client.ask("POST", client.at(shown["take"], quote(what)), body)
    assert status in (204, 400, 404, 405, 413)
    if status == 400:
        assert json.loads(answer)["error"]
    assert client.ask("GET", "/api/instruments")[0] == 200


def test_many_at_once(port: int) -> None:
    client, states = Client(port), []

    def drop() -> None:
        status, take = client.drop(wav_bytes(tone(55)))
        states.append((status, take["take"]))

    threads = [threading.Thread(target=drop) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states) == [(200, number) for number in sorted(take for _, take in states)]
    assert len({take for _, take in states}) == 20


def test_the_name_of_a_recording_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder := tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with served() as (port, _):
        client = Client(port)
        for name in (
            "../../evil.wav",
            "/evil.wav",
            "..",
            "",
            "a/../../evil.wav",
            "..\\evil.wav",
            "evil\0.wav",
        ):
            status, take = client.drop(wav_bytes(tone(60)), name)
            assert status == 200, take
        order = {"instrument": FM, "note": 60, "seconds": 1}
        client.json("POST", client.at(1, "search"), order)
        client.until(1, "done")
        left = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
        assert len(left) > 7
        # And a lock of what is compiled.
        assert {path.parts[1].rpartition("-")[0] for path in left} <= {"synthgym-studio", "synthgym-numba"}
        assert not [path for path in left if "evil" in path.name]
    assert not [*folder.glob("synthgym-studio-*")]


def test_a_search_ends_with_its_page() -> None:
    with served(patience=0.5) as (port, sessions):
        client = Client(port)
        _, take = client.drop(wav_bytes(tone()))
        client.json("POST", client.at(take["take"], "search"), {"instrument": FM, "note": 60, "seconds": 60})
        client.until(take["take"], "searching")
        page = sessions.of(client.page)
        end = time.monotonic() + 30
        while page.folder.exists() and time.monotonic() < end:
            time.sleep(0.1)
        assert not page.folder.exists()
        assert page.takes[take["take"]].stop.caught is not None
        status, _ = client.ask("GET", f"/api/pages/{client.page}/events")
        assert status == 404


def test_a_search_is_stopped_and_its_recording_removed(port: int) -> None:
    client, other = Client(port), Client(port)
    number = client.drop(wav_bytes(tone()))[1]["take"]
    order = {"instrument": FM, "note": 60, "seconds": 60}
    client.json("POST", client.at(number, "search"), order)
    client.until(number, "searching", found=True)
    assert "stop that first" in client.json("POST", client.at(number, "search"), order, 400)["error"]
    assert other.ask("POST", other.at(number, "stop"))[0] == 400  # it is of another page
    assert client.ask("POST", client.at(number, "stop"))[0] == 204
    assert client.until(number, "done")["answers"]
    assert client.ask("DELETE", client.at(number, "")[:-1])[0] == 204
    assert client.ask("POST", client.at(number, "stop"))[0] == 400


def test_a_recording_that_is_removed_is_not_searched(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be removed while the order of its search is read."""
    client = Client(port)
    number = client.drop(wav_bytes(tone()))[1]["take"]
    read = requests.order

    def removed_meanwhile(*arguments: Any) -> Any:
        order = read(*arguments)
        assert client.ask("DELETE", client.at(number, "")[:-1])[0] == 204
        return order

    monkeypatch.setattr(requests, "order", removed_meanwhile)
    order = {"instrument": FM, "note": 60, "seconds": 60}
    assert "no recording" in client.json("POST", client.at(number, "search"), order, 400)["error"]


def test_a_search_that_fails_leaves_no_answers_of_another(port: int) -> None:
    client = Client(port)
    sound = np.concatenate([tone(), np.zeros(22050, np.float32)])
    number = client.drop(wav_bytes(sound))[1]["take"]
    order = {"instrument": FM, "note": 60, "seconds": 1}
    client.json("POST", client.at(number, "search"), order)
    shown = client.until(number, "done")
    client.json("POST", client.at(number, "search"), {**order, "begin": 0.8, "end": 1.0})
    failed = client.until(number, "failed")
    assert "silent" in failed["message"]
    # What was found stays, and is what it was found for: a search goes on from there.
    assert (failed["begin"], failed["end"]) == (shown["begin"], shown["end"])
    again = {**order, "begin": shown["begin"], "end": shown["end"], "starts": [shown["answers"][0]["unit"]]}
    client.json("POST", client.at(number, "search"), again)
    assert client.until(number, "done")["answers"][0]["distance"] <= shown["answers"][0]["distance"] + 1e-6


@pytest.mark.filterwarnings("ignore:.*taken for silence")
def test_a_plugin_that_crashes_ends_nothing(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does with two of five random patches; the search goes on with the others."""
    for variable, folder in (("VST_PATH", "vst"), ("VST3_PATH", "none"), ("LV2_PATH", "none")):
        monkeypatch.setenv(variable, str(tmp_path / folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "vst").mkdir()
    crashes = "-DON_NOTE=if (values[2] > 0.6) abort()"
    plugin = stub_plugin(tmp_path / "vst/Crash.so", "-DCALM", '-DLAST="Last"', "-DSTEPS=5", crashes)
    client = Client(port)
    assert look(plugin)
    offered = client.json("GET", "/api/instruments")["instruments"]
    assert {"key": plugin, "name": "Crash"} in offered
    number = client.drop(wav_bytes(tone(60)))[1]["take"]
    order = {"instrument": plugin, "note": 60, "seconds": 5}
    client.json("POST", client.at(number, "search"), order)
    shown = client.until(number, "done", 120)
    unit = shown["answers"][0]["unit"]
    described = client.json("POST", client.at(number, "patch"), {"unit": unit})
    (knob,) = (p for group in described["groups"] for p in group["parameters"] if p["name"] == "Pitch")
    assert unit[knob["index"]] <= 0.6
    turned = [1.0 if i == knob["index"] else value for i, value in enumerate(unit)]
    for what in ("sound", "key", "patch"):
        asked = {"unit": turned, "note": 60}
        assert "SIGABRT" in client.json("POST", client.at(number, what), asked, 400)["error"]
    asked = {"unit": unit, "note": 50}
    assert client.ask("POST", client.at(number, "key"), json.dumps(asked).encode())[0] == 200


def test_a_recording_that_waits_is_stopped_at_once(port: int) -> None:
    client = Client(port)
    first, second = (client.drop(wav_bytes(tone()))[1]["take"] for _ in range(2))
    for number in (first, second):
        client.json("POST", client.at(number, "search"), {"instrument": FM, "note": 60, "seconds": 60})
    client.until(first, "searching")
    assert client.ask("POST", client.at(second, "stop"))[0] == 204
    assert "before it began" in client.until(second, "ready", 5)["message"]
    client.json("POST", client.at(second, "search"), {"instrument": FM, "note": 60, "seconds": 1})
    client.ask("POST", client.at(first, "stop"))
    assert client.until(second, "done")["answers"]


def test_a_page_that_is_closed_while_it_sends_is_no_fault(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(port)
    at = f"/api/pages/{client.page}/takes"
    with socket.create_connection(("127.0.0.1", port)) as closed:
        head = f"POST {at} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 99999\r\n\r\n"
        closed.sendall(head.encode() + b"RIFF")
    assert client.drop(wav_bytes(tone()))[0] == 200
    assert "Exception" not in caplog.text


def test_what_a_killed_studio_has_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed, running, begun, old = (tmp_path / f"synthgym-studio-{name}" for name in "abcd")
    for folder in (killed, running, begun, old):
        folder.mkdir()
        (folder / "1.sound").write_bytes(b"x")
    (killed / "lock").touch()
    os.utime(old, (0, 0))
    with FileLock(running / "lock"):
        sessions = Sessions()
        assert len(list(tmp_path.iterdir())) == 3
        sessions.close()
        # One that begins has no lock yet.
        assert sorted(tmp_path.iterdir()) == [running, begun]


@pytest.mark.slow
def test_memory_stays_flat_under_malformed_requests_and_uploads(matched: Matched) -> None:
    client, shown = matched
    rng, process = np.random.default_rng(0), psutil.Process()

    def flood(requests: int) -> None:
        for number in range(requests):
            what = ("key", "patch", "search", "download", "vary", "stop")[number % 6]
            client.ask("POST", client.at(shown["take"], what), rng.bytes(int(rng.integers(2000))))
            client.ask("POST", f"/api/pages/{client.page}/takes", rng.bytes(int(rng.integers(2000))))
        for _ in range(20):
            status, take = client.drop(wav_bytes(tone(seconds=5)))
            assert status == 200
            assert client.ask("DELETE", client.at(take["take"], "")[:-1])[0] == 204

    flood(50)
    before = process.memory_info().rss
    flood(250)
    assert process.memory_info().rss - before < 60e6
    assert client.ask("GET", "/api/instruments")[0] == 200


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
def test_searches_give_way_to_keys(tmp_path: Path) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    session = Session(tmp_path)

    def began_with(threads: Executor) -> int:
        niceness = [sys.executable, "-c", "import os; print(os.nice(0))"]
        return int(threads.submit(subprocess.run, niceness, capture_output=True).result().stdout)

    try:
        assert began_with(session._searches) >= own + 5
        # What plays the keys is asked for by a search, and does not give way with it.
        assert session._searches.submit(began_with, session._keys).result() == own
        assert os.getpriority(os.PRIO_PROCESS, 0) == own
    finally:
        session.close()
