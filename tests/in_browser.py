"""Pages in a browser, as tests open them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")


@contextmanager
def chromium(*options: str) -> Iterator[Any]:
    """Run a browser without a window; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no chromium here; Debian's package chromium has it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *options])
        yield browser
        browser.close()


def new_page(browser: Any, width: int, height: int) -> tuple[Any, list[str]]:
    """A page of a size in pixels, and the errors that it has from then on."""
    page = browser.new_page(viewport={"width": width, "height": height})
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return page, errors
