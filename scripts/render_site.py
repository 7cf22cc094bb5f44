"""Render what the site shows and plays, by the real engines: sounds, films and matches.

    python scripts/render_site.py --out build/media

`make site` does so, and then builds the pages, which find these files by index.json.
"""

from __future__ import annotations

import os

# Two commands at a time, of one thread each. Must stand before NumPy's import.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import json
import shutil
import sys
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

# This clone comes first: it need not be installed, and another distribution has a package "agents" as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from tqdm import tqdm
from website.media import GALLERY, HOME, film, film_arguments, match, sounds

from agents.commands.cli import new_parser, run, writing_to
from envs_registry import ENVIRONMENTS, missing

SIDE_BY_SIDE = 2
"""Commands at a time."""


def main() -> int:
    """Render everything, and write index.json last: a folder without it is half done."""
    parser = new_parser(__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/media"), help="(default: build/media)")
    out = parser.parse_args().out.resolve()
    ids = []
    for env_id in ENVIRONMENTS:
        if reason := missing(env_id):
            print(f"not heard: {reason}")
        else:
            ids.append(env_id)
    with writing_to(out):
        if out.exists():
            (out / "index.json").unlink(missing_ok=True)
            shutil.rmtree(out)
        for name in ["home", *ids, *(f"match-{number}" for number in range(len(GALLERY)))]:
            (out / name).mkdir(parents=True)
    with ProcessPoolExecutor(SIDE_BY_SIDE, get_context("spawn")) as pool:
        home = pool.submit(film, HOME, out / "home" / "film.mp4")
        matches = [pool.submit(match, text, out / f"match-{number}") for number, text in enumerate(GALLERY)]
        films = {i: pool.submit(film, film_arguments(i), out / i / "film.mp4") for i in ids}
        heard = {i: pool.submit(sounds, i, out / i) for i in ids}
        jobs: list[Future[Any]] = [home, *matches, *films.values(), *heard.values()]
        for job in tqdm(as_completed(jobs), total=len(jobs), unit=" files", desc="rendering"):
            if job.exception():
                pool.shutdown(cancel_futures=True)
            job.result()
    index = {
        "home": home.result(),
        "environments": {i: {"sounds": heard[i].result(), "film": films[i].result()} for i in ids},
        "matches": sorted((job.result() for job in matches), key=lambda one: one["distance"]),
    }
    with writing_to(out):
        (out / "index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
    print(f"rendered: {out}")
    return 0


if __name__ == "__main__":
    run(main)
