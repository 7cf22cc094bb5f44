"""The site: every environment has its page on it, and all of it is built, linked, shown and heard."""

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from types import FunctionType, ModuleType
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from conftest import ROOT
from in_browser import CHROMIUM

import agents
import synthgym.datasets
import synthgym.envs
import synthgym.features
from envs_registry import ENVIRONMENTS, missing

GUIDES = ("first-steps", "your-own-synth", "train", "datasets", "match", "evaluate", "extend")


def test_every_environment_and_guide_is_in_the_navigation() -> None:
    # Its tags are of MkDocs, so that YAML alone cannot read it. Order, and what is missing, matter.
    lines = [line.strip().removeprefix("- ") for line in (ROOT / "mkdocs.yml").read_text().splitlines()]
    places = [lines.index(f"guides/{name}.md") for name in GUIDES]
    assert places == sorted(places)
    assert {f"environments/{env_id}.md" for env_id in ENVIRONMENTS} <= {*lines}
    listed = (ROOT / "docs/environments/index.md").read_text(encoding="utf-8")
    assert [env_id for env_id in ENVIRONMENTS if f"({env_id}.md)" not in listed] == []


@pytest.mark.parametrize("module", [synthgym, synthgym.envs, synthgym.features, synthgym.datasets, agents])
def test_public_names_are_in_the_api(module: ModuleType) -> None:
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs/api").glob("*.md")]
    shown = set(re.findall(r"^::: \S+\.(\w+)$", "\n".join(pages), re.M))
    shown.add("SynthgymError")  # with all other errors
    public = [name for name in module.__all__ if isinstance(getattr(module, name), type | FunctionType)]
    assert [name for name in public if name not in shown] == []


def test_links_of_pages_lead_to_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the slow test finds without building the site: links to folders, and to what is not on it."""
    pytest.importorskip("mkdocs")
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from website.hooks import PAGES

    shown = {*PAGES.values(), *(path for path in (ROOT / "docs").rglob("*") if path.is_file())}
    dead = [
        f"{page.relative_to(ROOT)}: {to}"
        for page in shown
        if page.suffix == ".md"
        for to in re.findall(r"\]\(([^):#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if (page.parent / unquote(to)).resolve() not in shown
    ]
    assert dead == []


class References(HTMLParser):
    """What a page refers to, and the names of its parts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.to: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.to += [value for name in ("href", "src") if (value := found.get(name))]
        self.ids.add(found.get("id") or "")


def dead_links(site: Path) -> list[str]:
    """The links, sounds and pictures of all pages that lead nowhere."""
    pages = {page: References(page.read_text(encoding="utf-8")) for page in sorted(site.rglob("*.html"))}
    dead = []
    for page, references in pages.items():
        if page.name == "404.html":  # its links are of a server's root
            continue
        for to in references.to:
            if urlsplit(to).scheme in ("https", "http", "data", "mailto"):
                continue
            address, anchor = urldefrag(urljoin(page.as_uri(), to))
            path = Path(unquote(urlsplit(address).path))
            found = path / "index.html" if path.is_dir() else path
            if not found.exists() or (anchor and found in pages and unquote(anchor) not in pages[found].ids):
                dead.append(f"{page.relative_to(site)}: {to}")
    return dead


def test_dead_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a b.ogg").touch()
    (tmp_path / "other.html").write_text('<h2 id="here">', encoding="utf-8")
    good = (
        '<a href="other.html#here">',
        '<audio src="a%20b.ogg">',
        '<a href="https://example.org/x">',
        '<a href=".">',
    )
    bad = '<a href="none.html">', '<a href="other.html#there">', '<img src="a.png">', '<a href="#nowhere">'
    (tmp_path / "index.html").write_text("".join(good + bad), encoding="utf-8")
    named = ["none.html", "other.html#there", "a.png", "#nowhere"]
    assert dead_links(tmp_path) == [f"index.html: {name}" for name in named]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder, served on this machine; gives its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.slow
def test_the_site_is_built_linked_shown_and_heard(tmp_path: Path) -> None:
    """As `make site` does it, once, and not in the clone."""
    site, media = tmp_path / "site", tmp_path / "media"
    environment = {**os.environ, "SYNTHGYM_SITE_MEDIA": str(media), "NO_MKDOCS_2_WARNING": "1"}
    for command in (
        [ROOT / "scripts/render_site.py", "--out", media],
        ["-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", site],
    ):
        done = subprocess.run(
            [sys.executable, *map(str, command)], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert dead_links(site) == []
    for env_id in ENVIRONMENTS:
        page = (site / f"environments/{env_id}.html").read_text(encoding="utf-8")
        here = missing(env_id) is None
        assert (page.count("<audio"), page.count("<video")) == ((4, 1) if here else (0, 0))
    gallery = (site / "gallery.html").read_text(encoding="utf-8")
    assert gallery.count("<audio") == 2 * len(re.findall(r"media/match-\d+/match\.html", gallery)) == 22
    if CHROMIUM is not None:
        show(site, CHROMIUM)


def show(site: Path, chromium: str) -> None:
    """Open every page in a browser: no error, nothing from elsewhere, no wider than a phone; and play."""
    from playwright.sync_api import sync_playwright

    faults: list[str] = []
    with served(site) as address, sync_playwright() as playwright:
        options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.on("console", lambda m: faults.append(f"{page.url}: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
        page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.on("request", lambda r: None if r.url.startswith((address, "data:")) else faults.append(r.url))
        for path in sorted(site.rglob("*.html")):
            page.goto(address + path.relative_to(site).as_posix())
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if wide > 0:
                faults.append(f"{page.url} is {wide} pixels too wide")
        for name, element in (("index.html", "video"), ("gallery.html", "audio")):
            page.goto(address + name)
            page.evaluate(f"document.querySelector('{element}').play()")
            page.wait_for_function(f"document.querySelector('{element}').currentTime > 0.2")
        page.locator("audio").nth(1).evaluate("sound => sound.play()")
        page.wait_for_function("document.querySelectorAll('audio')[0].paused")  # one sound at a time
        page.goto(address + "index.html")
        page.locator("label[for=__search]").first.click()
        page.locator("input[name=query]").press_sequentially("hexter")
        page.wait_for_selector(".md-search-result__link")
        browser.close()
    assert faults == []
