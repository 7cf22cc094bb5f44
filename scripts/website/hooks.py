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
DOCS, MEDIA, NOTEBOOKS = ROOT / "docs", ROOT / "build" / "media", ROOT / "notebooks"
# Where they are read beside the code, their links lead from there.
PAGES = {
    "changelog.md": ROOT / "CHANGELOG.md",
    "contributing.md": ROOT / "CONTRIBUTING.md",
    "pretrained.md": ROOT / "agents" / "guided" / "pretrained" / "Dexed6Op-v0.md",
}
_LOG = logging.getLogger("mkdocs.plugins.synthgym")
_LINK = re.compile(r"\]\(([^):#]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not in docs."""
    for uri, path in PAGES.items():
        files.append(File.generated(config, uri, content=_moved(path.read_text(encoding="utf-8"), path)))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        text = _as_page(json.loads(path.read_text(encoding="utf-8")), path.name)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
        files.append(File.generated(config, f"notebooks/{path.name}", abs_src_path=str(path)))
    if not (MEDIA / "index.json").exists():
        _LOG.warning("nothing can be heard: run `make site`, which renders it first")
        return files
    for path in sorted(MEDIA.rglob("*")):
        if path.is_file() and path.name != "index.json":
            uri = f"media/{path.relative_to(MEDIA).as_posix()}"
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Add sounds and films to the pages of environments, and matches to the gallery."""
    if not (MEDIA / "index.json").exists():
        return markdown
    index = json.loads((MEDIA / "index.json").read_text(encoding="utf-8"))
    uri = page.file.src_uri
    name = Path(uri).stem
    if uri == "gallery.md":
        return markdown + "\n".join(_match(one) for one in index["matches"])
    if uri.startswith("environments/") and name in index["environments"]:
        title, rest = markdown.split("\n", 1)
        return f"{title}\n\n{_heard(name, index['environments'][name])}\n{rest}"
    return markdown


def _heard(env_id: str, found: dict[str, Any]) -> str:
    """Return the sounds and the film of an environment."""
    folder = f"../media/{env_id}"
    sounds = "\n".join(
        f"<figure>{_player(folder + '/' + one['file'], one['name'])}<figcaption>{one['name']}</figcaption></figure>"
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
        f'<figure><img src="{folder}/{side}.png" alt="spectrogram of the {side}" loading="lazy">'
        f"{_player(f'{folder}/{side}.ogg', f'{side}: {title}')}<figcaption>{side}</figcaption></figure>"
        for side in ("target", "match")
    )
    return f"""
## {title}

Distance {found["distance"]:.3f}, spectra {found["decibels"]:.1f} dB apart, by `{found["agent"]}` after {found["renders"]:,} renders:
[its page]({folder}/match.html), [its preset]({folder}/{found["preset"]}).

<div class="match" markdown="0">
{sides}
</div>

```
{found["command"]}
```
"""


def _player(source: str, label: str) -> str:
    return f'<audio controls preload="none" src="{source}" aria-label="{html.escape(label, quote=True)}"></audio>'


def _moved(text: str, path: Path) -> str:
    """Return a page with links that lead from docs, instead of from its own folder."""

    def moved(link: re.Match[str]) -> str:
        target, anchor = link.groups()
        where = (path.parent / target).resolve()
        own = {source: uri for uri, source in PAGES.items()}
        uri = own.get(where) or Path(os.path.relpath(where, DOCS)).as_posix()
        return f"]({uri}{anchor or ''})"

    return _LINK.sub(moved, text)


def _as_page(notebook: dict[str, Any], name: str) -> str:
    """Return a notebook as Markdown, with a link to itself below its title."""
    parts = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    parts.insert(1, f"[The notebook]({name}), to be run in a clone: `jupyter lab notebooks/{name}`.")
    return "\n\n".join(parts) + "\n"
