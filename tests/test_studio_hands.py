"""What a person does on the studio's page beside dropping a recording, and what goes wrong meanwhile."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import AMSYNTH, ROOT, needs, read_until, started
from in_browser import chromium
from studio_client import served
from studio_page import drop, faults, opened

from agents.studio.serving import listening_on
from synthgym.making import make_task
from synthgym.synths.plugin_kinds import look

pytestmark = pytest.mark.slow
ANSWERED = re.compile("^Done")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def studio() -> Iterator[str]:
    with served(patience=60) as (port, _):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def matched(browser: Any, studio: str) -> Iterator[Any]:
    """A page on which FM has matched a tone, without errors until the end."""
    from playwright.sync_api import expect

    page, errors = opened(browser, studio)
    page.select_option("#instrument", "FM-v0")
    page.select_option("#seconds", "5")
    drop(page, ("tone.wav", 57))
    expect(page.locator("#state")).to_have_text(ANSWERED, timeout=150_000)
    expect(page.locator("#patchName")).to_have_text(re.compile("^answer 1"))
    yield page
    assert page.locator("#notice").text_content() == ""
    assert errors == []
    page.close()


def test_who_has_no_recording_tries_the_example(browser: Any, studio: str) -> None:
    from playwright.sync_api import expect

    page, errors = opened(browser, studio)
    page.select_option("#instrument", "FM-v0")
    page.select_option("#seconds", "5")
    page.click("#example")
    expect(page.locator("#name")).to_have_text("electric piano.flac", timeout=60_000)
    expect(page.locator("#heard")).to_have_text("heard as C4")
    expect(page.locator("#example")).to_be_hidden()
    expect(page.locator("#patchName")).to_have_text(re.compile("^answer 1"), timeout=150_000)
    page.click("#remove")
    expect(page.locator("#example")).to_be_visible()
    assert errors == []
    page.close()


def test_a_part_and_a_note_are_corrected(matched: Any) -> None:
    from playwright.sync_api import expect

    matched.locator("#begin").focus()
    for _ in range(5):
        matched.keyboard.press("ArrowRight")
    matched.locator("#end").fill("0.45")
    expect(matched.locator("#beginText")).to_have_text("0.05 s")
    expect(matched.locator("#endText")).to_have_text("0.45 s")
    matched.select_option("#note", "59")
    with matched.expect_request("**/search") as sent:
        matched.get_by_role("button", name="Match", exact=True).click()
    assert {name: sent.value.post_data_json[name] for name in ("begin", "end", "note")} == {
        "begin": 0.05,
        "end": 0.45,
        "note": 59,
    }
    expect(matched.locator("#state")).not_to_have_text(ANSWERED)
    expect(matched.locator("#state")).to_have_text(ANSWERED, timeout=150_000)
    take = "() => import('/state.js').then(({ takes, view }) => takes.get(view.chosen))"
    found = matched.evaluate(take)
    assert (found["begin"], found["end"], found["note"], found["played"]["note"]) == (0.05, 0.45, 59, 59)


def test_keys_hear_the_recording_the_answers_and_what_is_chosen(matched: Any) -> None:
    matched.evaluate(
        """() => {
            const { start, stop } = AudioBufferSourceNode.prototype;
            window.heard = { started: 0, stopped: 0 };
            AudioBufferSourceNode.prototype.start = function (...given) {
                window.heard.started++; return start.apply(this, given); };
            AudioBufferSourceNode.prototype.stop = function (...given) {
                window.heard.stopped++; return stop.apply(this, given); };
        }"""
    )
    kinds = (("0", "**/sounds/0.wav*"), ("2", "**/sounds/2.wav*"), (" ", "**/sound"))
    for sounds, (key, asked) in enumerate(kinds, 1):
        with matched.expect_response(asked) as answered:
            matched.keyboard.press(key)
        assert answered.value.ok
        for _ in range(100):
            if matched.evaluate("window.heard.started") == sounds:
                break
            matched.wait_for_timeout(50)
        assert matched.evaluate("window.heard.started") == sounds
    stopped = matched.evaluate("window.heard.stopped")
    matched.keyboard.press("Escape")
    assert matched.evaluate("window.heard.stopped") == stopped + 1
    for touch, velocity in (("soft", 45), ("hard", 110)):
        matched.select_option("#velocity", label=touch)
        with matched.expect_request("**/key") as sent:
            matched.get_by_role("button", name="C4", exact=True).click()
        assert sent.value.post_data_json["velocity"] == velocity
        assert sent.value.post_data_json["note"] == 60


def test_a_patch_is_varied_more_undone_and_searched_from(matched: Any) -> None:
    from playwright.sync_api import expect

    before = matched.locator("#patchName").text_content()
    with matched.expect_request("**/vary") as sent:
        matched.get_by_role("button", name="Vary more").click()
    assert sent.value.post_data_json["how"] == "more"
    expect(matched.locator("#patchName")).to_have_text(re.compile("^a variation"))
    matched.get_by_role("button", name="Undo").click()
    expect(matched.locator("#patchName")).to_have_text(before)
    matched.get_by_role("button", name="Use answer 2").click()
    expect(matched.locator("#patchName")).to_have_text(re.compile("^answer 2"))
    expect(matched.get_by_role("button", name="Use answer 2")).to_have_attribute("aria-pressed", "true")
    matched.get_by_role("button", name="Search from here").click()
    expect(matched.locator("#state")).not_to_have_text(ANSWERED)
    expect(matched.locator("#state")).to_have_text(ANSWERED, timeout=150_000)
    with matched.expect_download() as download:
        matched.get_by_role("button", name="Page of the match").click()
    assert download.value.suggested_filename == "tone.html"


@needs.amsynth
def test_a_plugin_is_chosen_and_its_preset_taken_away(browser: Any, studio: str, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    assert look(AMSYNTH)
    page, errors = opened(browser, studio)
    page.select_option("#instrument", AMSYNTH)
    page.select_option("#seconds", "5")
    drop(page, ("tone.wav", 57))
    expect(page.locator("#state")).to_have_text(ANSWERED, timeout=150_000)
    with page.expect_download() as download:
        page.locator("#preset").click()
    assert not page.locator("#neighbours").is_visible(), "a plugin has no banks"
    kept = tmp_path / download.value.suggested_filename
    download.value.save_as(kept)
    unit = page.evaluate(
        "() => import('/state.js').then(({ patches, view }) => patches.get(view.chosen).unit)"
    )
    with closing(make_task("Plugin-v0", {"plugin": AMSYNTH})) as task:
        assert kept.suffix == task.synth.preset_suffix
        native = task.synth.load_preset(kept)
        assert task.space.to_unit(native) == pytest.approx(unit, abs=1e-4)
    assert faults(page) == []
    assert errors == []
    page.close()


def test_a_copy_of_the_page_in_a_second_tab_is_a_page_of_its_own(matched: Any, studio: str) -> None:
    from playwright.sync_api import expect

    with matched.expect_popup() as second:  # which has a copy of what the first page keeps
        matched.evaluate("address => { window.open(address); }", studio)
    copy = second.value
    assert copy.evaluate("sessionStorage.getItem('page')")
    copy.locator("#instrument option").first.wait_for(state="attached")
    copy.set_input_files("#file", {"name": "x.wav", "mimeType": "audio/wav", "buffer": b"no sound"})
    expect(copy.locator("#notice")).to_have_text(re.compile("x.wav.* is not audio"), timeout=10_000)
    assert faults(copy) == []
    expect(copy.locator("#takes li")).to_have_count(0)
    expect(matched.locator("#takes li")).to_have_count(1)
    assert copy.evaluate("sessionStorage.getItem('page')") != matched.evaluate(
        "sessionStorage.getItem('page')"
    )
    copy.close()


@contextmanager
def studio_at(port: int) -> Iterator[None]:
    """A studio of its own at a port, which is killed in the end."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    command = (ROOT / "scripts" / "studio.py", "--port", port, "--no-browser")
    with started(*command, **pipes) as studio:
        read_until(studio.stdout, "studio: http")
        yield


def test_a_lost_connection_is_said_and_the_page_goes_on_with_another_studio(browser: Any) -> None:
    from playwright.sync_api import expect

    with listening_on(0) as listening:
        port = listening.getsockname()[1]
    with studio_at(port):
        page, _ = opened(browser, f"http://127.0.0.1:{port}/")
        page.select_option("#instrument", "FM-v0")
        page.select_option("#seconds", "60")
        drop(page, ("tone.wav", 57))
        expect(page.locator("#found")).to_be_visible(timeout=150_000)
    notice = page.locator("#notice")
    expect(notice).to_have_text(re.compile("^The connection to the studio is lost"), timeout=10_000)
    page.get_by_role("button", name="Stop").click()
    expect(notice).to_have_text(re.compile("^The studio does not answer"))
    assert faults(page) == []
    with studio_at(port):
        expect(notice).to_have_text(re.compile("^This page's searches have ended"), timeout=150_000)
        expect(page.locator("#welcome")).to_be_visible()
        page.select_option("#seconds", "5")
        drop(page, ("again.wav", 57), ("lower.wav", 45))
        expect(page.locator("#takes li")).to_have_count(2, timeout=30_000)
        expect(page.locator("#state")).to_have_text(ANSWERED, timeout=150_000)
        expect(notice).to_have_text("")
        page.close()
