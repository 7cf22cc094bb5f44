"""The page of a studio, as tests use it in a browser."""

from __future__ import annotations

import base64
from typing import Any

from in_browser import new_page
from studio_client import tone, wav_bytes


def opened(browser: Any, studio: str, width: int = 1280, height: int = 900) -> tuple[Any, list[str]]:
    """The page at an address, and the errors that it has from then on."""
    page, errors = new_page(browser, width, height)
    page.goto(studio)
    page.locator("#instrument option").first.wait_for(state="attached")
    return page, errors


def drop(page: Any, *names_and_notes: tuple[str, int]) -> None:
    """Drop recordings on the page, as a mouse does."""
    files = [
        (name, base64.b64encode(wav_bytes(tone(note))).decode("ascii")) for name, note in names_and_notes
    ]
    page.evaluate(
        """files => {
            const dataTransfer = new DataTransfer();
            for (const [name, data] of files)
                dataTransfer.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name));
            for (const kind of ["dragover", "drop"])
                document.getElementById("drop").dispatchEvent(
                    new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        files,
    )


def faults(page: Any) -> list[str]:
    """The serious faults that axe-core finds."""
    from axe_playwright_python.sync_playwright import Axe

    # The page runs no script that it has not served; axe is put in beside it.
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html']}" for v in found if v["impact"] in ("serious", "critical")]
