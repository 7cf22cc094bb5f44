"""The studio's page in a browser, from a dropped file to a preset that renders to what was heard."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from in_browser import chromium
from studio_client import served
from studio_page import drop, faults, opened

from synthgym.making import make_task

pytestmark = pytest.mark.slow
MARKUP = "<img src=x onerror=alert(1)>.wav"
"""The name of a recording."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as browser:
        yield browser


@pytest.fixture(scope="module")
def studio() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agents.matching.voices.SIZE", 60)
        patch.setattr("agents.studio.player.SLOW", 0)  # so that keys sound as those of slow synths
        with served(patience=5) as (port, _):
            yield f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)], ids=["desktop", "phone"])
def test_from_a_dropped_file_to_a_preset(browser: Any, studio: str, size: Any, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    page, errors = opened(browser, studio, *size)
    assert faults(page) == []
    page.select_option("#seconds", "5")
    drop(page, (MARKUP, 57))
    expect(page.locator("#name")).to_have_text(MARKUP)
    expect(page.locator("#heard")).to_have_text("heard as A3")
    expect(page.locator(".card")).to_have_count(4, timeout=150_000)
    expect(page.locator("#state")).to_have_text(re.compile("^Done"), timeout=150_000)
    expect(page.locator("#patchName")).to_have_text(re.compile("^answer 1"))
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    kept = {}
    for what, button in (("wav", "WAV"), ("syx", "Preset (.syx)")):
        with page.expect_download() as download:
            page.get_by_role("button", name=button, exact=True).click()
        kept[what] = tmp_path / f"got.{what}"
        download.value.save_as(kept[what])
    import soundfile

    heard, rate = soundfile.read(kept["wav"], dtype="float32")
    played = {"note": 57, "duration": len(heard) / rate, "sample_rate": rate, "hold": hold_of(page)}
    with closing(make_task("Dexed6Op-v0", played)) as task:
        sounds = task.render_native(task.synth.load_preset(kept["syx"])[None]).audio
        assert sounds is not None
        np.testing.assert_allclose(sounds[0] / np.abs(sounds).max(), heard / np.abs(heard).max(), atol=2e-4)
    before = page.locator("#patchName").text_content()
    page.get_by_role("button", name="Vary a little").click()
    expect(page.locator("#patchName")).to_have_text(re.compile("^a variation"))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#patchName")).to_have_text(before)
    knob = page.get_by_role("slider", name="FEEDBACK")
    if not knob.is_visible():  # groups are folded on a phone
        page.locator("summary").first.click()
    knob.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#patchName")).to_have_text(re.compile("^turned by hand"))
    page.get_by_role("button", name="A3", exact=True).focus()
    page.keyboard.press("Enter")
    with page.expect_response(lambda answer: answer.headers.get("synthgym-complete") == "no"):
        for key in ("C4", "D4", "E4", "F4", "G4"):
            page.get_by_role("button", name=key, exact=True).click()
            page.wait_for_timeout(200)
    page.keyboard.press("a")
    assert page.locator("#notice").text_content() == ""
    assert errors == []
    page.close()


def hold_of(page: Any) -> float:
    """How long the key was held, as the page was told."""
    return float(
        page.evaluate(
            "() => import('/state.js').then(({ takes, view }) => takes.get(view.chosen).played.hold)"
        )
    )


def test_pages_do_not_disturb_each_other_and_one_that_is_loaded_anew_goes_on(
    browser: Any, studio: str
) -> None:
    from playwright.sync_api import expect

    one, errors = opened(browser, studio)
    other, _ = opened(browser, studio)
    for page, name, note in ((one, "one.wav", 60), (other, "other.wav", 64)):
        page.select_option("#instrument", "FM-v0")
        page.select_option("#seconds", "20")
        drop(page, (name, note))
        expect(page.locator(".card").nth(1)).to_be_visible(timeout=150_000)
    one.reload()
    expect(one.locator("#name")).to_have_text("one.wav")
    expect(one.locator("#state")).to_have_text(re.compile("^Searching"))
    expect(one.locator("#takes li")).to_have_count(1)
    expect(other.locator("#takes li")).to_have_count(1)
    one.get_by_role("button", name="Stop").click()
    expect(one.locator("#state")).to_have_text(re.compile("^Done"), timeout=150_000)
    expect(other.locator("#state")).to_have_text(re.compile("^Searching"))
    one.get_by_role("button", name="Search from here").click()
    expect(one.locator("#state")).to_have_text(re.compile("^Searching"))
    one.get_by_role("button", name="Remove").click()
    expect(one.locator("#welcome")).to_be_visible()
    one.set_input_files("#file", {"name": "x.wav", "mimeType": "audio/wav", "buffer": b"no sound"})
    expect(one.locator("#notice")).to_have_text(re.compile("x.wav.* is not audio"))
    one.get_by_role("button", name="Record from").click()
    one.wait_for_timeout(1000)
    one.get_by_role("button", name="Recording: press").click()
    expect(one.locator("#name")).to_have_text("recording 1.wav", timeout=20_000)
    # What the browser says of a refused upload is no fault of the page.
    assert [error for error in errors if "400" not in error] == []
    one.close()
    other.close()


def test_ctrl_c_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    for wait in (0.0, 3.0):
        command = [sys.executable, str(ROOT / "scripts" / "studio.py"), "--port", "0", "--no-browser"]
        studio = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert studio.stdout is not None
        assert re.match(r"studio: http://127.0.0.1:\d+/", studio.stdout.readline())
        time.sleep(wait)
        studio.send_signal(signal.SIGINT)
        _, errors = studio.communicate(timeout=120)
        assert studio.returncode == 0, errors
        assert "FATAL" not in errors
        assert "Traceback" not in errors
        assert not list(tmp_path.glob("synthgym-studio-*"))


def test_one_preset_for_all_recordings(browser: Any, studio: str) -> None:
    from playwright.sync_api import expect

    page, errors = opened(browser, studio)
    page.select_option("#instrument", "FM-v0")
    page.select_option("#seconds", "5")
    button = page.get_by_role("button", name="One preset for all of them")
    for name, note in (("low.wav", 48), ("high.wav", 60)):
        expect(button).to_be_hidden()
        drop(page, (name, note))
        expect(page.locator("#name")).to_have_text(name)
        expect(page.locator("#state")).to_have_text(re.compile("^Done"), timeout=150_000)
    button.click()
    each = page.locator("#apart li")
    expect(each).to_have_text(
        [re.compile(r"^C4, high\.wav: 0\.\d+"), re.compile(r"^C3, low\.wav")], timeout=150_000
    )
    expect(page.locator("#state")).to_have_text(re.compile("^Done"), timeout=150_000)
    page.get_by_role("button", name="Keep searching").click()
    expect(page.locator("#state")).to_have_text(re.compile("^Searching"), timeout=150_000)
    expect(each).to_have_count(2)
    assert page.locator("#notice").text_content() == ""
    assert faults(page) == []
    assert errors == []
    page.close()
