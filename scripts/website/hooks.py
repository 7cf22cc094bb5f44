"""How MkDocs puts the site together: what was rendered, notebooks, and pages that lie outside of docs."""

from __future__ import annotations

import html
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
DOCS, NOTEBOOKS = ROOT / "docs", ROOT / "notebooks"
PAGES = {
    "changelog.md": ROOT / "CHANGELOG.md",
    "contributing.md": ROOT / "CONTRIBUTING.md",
    "embedding.md": ROOT / "synthgym" / "features" / "embedding.md",
    "pretrained.md": ROOT / "agents" / "guided" / "pretrained" / "Dexed6Op-v0.md",
    **{f"notebooks/{path.stem}.md": path for path in sorted(NOTEBOOKS.glob("*.ipynb"))},
}
"""Pages that are made of files beside docs, by their place on the site."""
_LOG = logging.getLogger("mkdocs.plugins.synthgym")
_LINK = re.compile(r"\]\(([^):#]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not in docs."""
    for uri, path in PAGES.items():
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = _as_page(json.loads(text), path.name)
            files.append(File.generated(config, f"notebooks/{path.name}", abs_src_path=str(path)))
        files.append(File.generated(config, uri, content=text))
    if not _index(config):
        _LOG.warning("nothing can be heard: run `make site`, which renders it first")
        return files
    media = _media(config)
    for path in sorted(media.rglob("*")):
        if path.is_file() and path.name != "index.json":
            uri = f"media/{path.relative_to(media).as_posix()}"
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to the site; add sounds and films to pages of environments, and matches to the gallery."""
    index, uri = _index(config), page.file.src_uri
    markdown = _for_site(markdown, uri)
    if not index:
        return markdown
    name = Path(uri).stem
    if uri == "gallery.md":
        return markdown + "\n".join(_match(one) for one in index["matches"])
    if uri.startswith("environments/") and name in index["environments"]:
        title, rest = markdown.split("\n", 1)
        return f"{title}\n\n{_heard(name, index['environments'][name])}\n{rest}"
    return markdown


def _media(config: MkDocsConfig) -> Path:
    return ROOT / str(config.extra["media"])


def _index(config: MkDocsConfig) -> dict[str, Any]:
    """Return what was rendered; nothing if it was not, or not to its end."""
    path = _media(config) / "index.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _heard(env_id: str, found: dict[str, Any]) -> str:
    """Return the sounds and the film of an environment."""
    folder = f"../media/{env_id}"
    sounds = "\n".join(
        _figure("", f"{folder}/{one['file']}", one["name"], f"{one['name']}: {env_id}")
        for one in found["sounds"]
    )
    film = found["film"]
    return f"""<div class="sounds" markdown="0">
{sounds}
</div>

An agent at work: the target, what it finds on the way, and its match.

<video controls preload="metadata" src="{folder}/{film["file"]}" aria-label="an agent searches"></video>

```
{film["command"]} --out film.mp4
```
"""


def _match(found: dict[str, Any]) -> str:
    """Return a match of the gallery: target and match side by side."""
    folder, title = f"media/{found['folder']}", f"{found['name']}, {found['env']}"
    sides = "\n".join(
        _figure(
            f'<img src="{folder}/{side}.png" alt="spectrogram of the {side}" loading="lazy">',
            f"{folder}/{side}.ogg",
            side,
            f"{side}: {title}",
        )
        for side in ("target", "match")
    )
    return f"""
## {title}

Distance {found["distance"]:.3f}, spectra {found["decibels"]:.1f} dB apart, by `{found["agent"]}` after
{found["renders"]:,} renders: [its page]({folder}/match.html), [its preset]({folder}/{found["preset"]}).

<div class="match" markdown="0">
{sides}
</div>

```
{found["command"]}
```
"""


def _figure(picture: str, sound: str, caption: str, label: str) -> str:
    """Return a sound with its caption, below a picture if there is one."""
    player = f'<audio controls preload="none" src="{sound}" aria-label="{html.escape(label)}"></audio>'
    return f"<figure>{picture}{player}<figcaption>{caption}</figcaption></figure>"


def _for_site(markdown: str, uri: str) -> str:
    """Return a page whose links lead to pages of the site, where they led to files of the repository."""
    folder = (PAGES[uri] if uri in PAGES else DOCS / uri).parent

    def moved(link: re.Match[str]) -> str:
        path, anchor = (folder / link[1]).resolve(), link[2] or ""
        to = next((own for own, source in PAGES.items() if source == path), None)
        if to is None and path.is_relative_to(DOCS):
            to = path.relative_to(DOCS).as_posix()
        if to is None:
            return link[0]
        return f"]({Path(os.path.relpath(to, Path(uri).parent)).as_posix()}{anchor})"

    return _LINK.sub(moved, markdown)


def _as_page(notebook: dict[str, Any], name: str) -> str:
    """Return a notebook as Markdown, with a link to itself below its title."""
    parts = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    command = f"pip install jupyterlab && jupyter lab notebooks/{name}"
    parts.insert(1, f"[The notebook]({name}), to be run in a clone: `{command}`.")
    return "\n\n".join(parts) + "\n"
