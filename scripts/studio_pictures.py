"""Take the pictures of the studio and of a match that README and docs show, by Chromium.

    python scripts/studio_pictures.py --out docs/media

The DX7 matches the bundled electric piano for twenty seconds, at the width of a desktop and of a phone; the
page of the first match is taken, too.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agents.commands.cli import new_parser, run, writing_to
from agents.matching.octaves import voices_of
from synthgym.errors import SynthgymError
from synthgym.files import replaced
from synthgym.notes import MIDDLE_C

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "examples" / "targets" / "electric_piano.wav"
SECONDS = 20
WIDE, PHONE = (1280, 1000), (390, 844)
"""Width and height in pixels."""
_LONGEST = 120_000
"""Milliseconds that a match may take in all."""


def main() -> int:
    """Take them."""
    out = parser().parse_args().out
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SynthgymError("no chromium here; Debian's package chromium has it")
    from playwright.sync_api import sync_playwright

    voices_of("Dexed6Op-v0", 44_100, MIDDLE_C)  # which a first search would not wait for
    with served() as address, sync_playwright() as playwright, writing_to(out):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, size in (("studio", WIDE), ("studio-phone", PHONE)):
            page = matched(browser, address, size)
            taken(page, out / f"{name}.png")
            if size == WIDE:
                with page.expect_download() as download:
                    page.get_by_role("button", name="Page of the match").click()
                found = browser.new_page(viewport={"width": WIDE[0], "height": 900})
                found.set_content(download.value.path().read_text(encoding="utf-8"))
                taken(found, out / "match.png")
            page.close()
        browser.close()
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "media", help="(default: docs/media)")
    return parser


@contextmanager
def served() -> Iterator[str]:
    """Serve a studio; gives its address."""
    command = [sys.executable, str(ROOT / "scripts" / "studio.py"), "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as studio:
        try:
            assert studio.stdout is not None
            said = re.search(r"http://\S+", studio.stdout.readline())
            if said is None:
                raise SynthgymError("the studio did not begin; the lines above say why")
            yield said[0]
        finally:
            studio.terminate()


def matched(browser: Any, address: str, size: tuple[int, int]) -> Any:
    """Return a page of a size on which the recording is matched."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, device_scale_factor=1)
    page.goto(address)
    page.locator("#instrument option").first.wait_for(state="attached")
    page.select_option("#seconds", str(SECONDS))
    page.set_input_files("#file", TARGET)
    page.locator("#state", has_text=re.compile("^Done")).wait_for(timeout=_LONGEST)
    page.locator("#knobs details").first.wait_for()
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(500)
    return page


def taken(page: Any, path: Path) -> None:
    """Keep what a page shows."""
    with replaced(path) as temporary:
        page.screenshot(path=temporary)
    print(path)


if __name__ == "__main__":
    run(main)
