"""Sounds, films and matches of the site, made by the commands that its pages show."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from agents.matching.folder import MATCH, PAGE, TARGET
from agents.reports.media import ogg, png
from envs_registry import EXAMPLES, example
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.patches import PatchStream
from synthgym.recordings import playback_gain
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

ROOT = Path(__file__).parents[2]
PATCHES = 3
"""So many patches of each environment can be heard, besides its default."""
HOME = (
    "--env Dexed6Op-v0 --agent pretrained --budget 5000 --scenes 8 "
    "--target examples/targets/electric_piano.wav"
)
_FILMED = {"Dexed": "--agent halving --budget 2000", "Plugin": "--budget 300", "Vital": "--budget 100"}
"""How an environment is searched for its film, by the beginning of its id; the others as ``_USUAL``."""
_USUAL = "--agent hill_climber --budget 300"
_TARGETS = sorted((ROOT / "examples" / "targets").glob("*.wav"))
GALLERY = [
    *(f"{path.relative_to(ROOT)} --budget 3000" for path in _TARGETS),
    # Six knobs cannot make a marimba: what is far off is to be heard, too.
    *(
        f"examples/targets/{name}.wav --env FM-v0 --agent cma_es --budget 2000"
        for name in ("marimba", "square_lead", "string_ensemble")
    ),
]
"""What follows ``scripts/match.py`` for each match of the gallery. A budget finds the same each time."""


def sounds(env_id: str, out: Path) -> list[dict[str, str]]:
    """Write the sounds of the default patch and of some of the train stream, with one gain.

    Args:
        env_id: id of the environment.
        out: folder of its files.

    Returns:
        ``name`` and ``file`` of each.
    """
    with closing(make_task(env_id, example(env_id))) as task:
        (default,) = _rendered(task, task.space.to_unit(task.space.row({}))[None])
        patches = task.make_patches(PatchStream("train", 0).ids(range(PATCHES)), audio=True).rendered.audio
        assert patches is not None
        gain = np.float32(playback_gain(default, *patches))
        human = task.prior.describe()["patches"] == "human"
        more = "a patch such as people make" if human else "a random patch"
        found = []
        for number, sound in enumerate([default, *patches]):
            file = f"patch-{number}.ogg"
            _write_ogg(out / file, sound * gain, task.synth.sample_rate)
            found.append({"name": f"{more}, {number}" if number else "the default patch", "file": file})
    return found


def film_arguments(env_id: str) -> str:
    """Return what follows ``scripts/watch.py`` for the film of an environment."""
    search = next((text for name, text in _FILMED.items() if env_id.startswith(name)), _USUAL)
    needed = "".join(f" {name}={value}" for name, value in EXAMPLES.get(env_id, {}).items())
    return f"--env {env_id} {search} --scenes 4" + (f" --env-kwargs{needed}" if needed else "")


def film(arguments: str, path: Path) -> dict[str, str]:
    """Write the film of a search by ``scripts/watch.py``; return the command."""
    return {"file": path.name, "command": _command("watch", arguments, path)}


def match(arguments: str, out: Path) -> dict[str, Any]:
    """Match a recording by ``scripts/match.py``, and write what the gallery shows of it.

    Args:
        arguments: of the command.
        out: folder of the page, the preset, both sounds and pictures of their features.

    Returns:
        What the gallery says about it.
    """
    found = out / "found"
    command = _command("match", arguments, found)
    about = json.loads((found / MATCH).read_text(encoding="utf-8"))
    with closing(make_task(about["env"], about["env_kwargs"])) as task:
        for name, file in (("target", TARGET), ("match", "match.wav")):
            sound, rate = soundfile.read(found / file, dtype="float32")
            _write_ogg(out / f"{name}.ogg", sound, rate)
            (values,) = task.extract((sound / np.float32(about["playback_gain"]))[None]).features[0]
            (out / f"{name}.png").write_bytes(base64.b64decode(png(values, task.feature)))
    preset = about["answers"][0]["preset"]
    for file in (PAGE, preset):
        shutil.copy(found / file, out / file)
    shutil.rmtree(found)
    return {
        "name": Path(about["target"]).stem.replace("_", " "),
        "folder": out.name,
        "env": about["env"],
        "agent": about["agent"],
        "renders": len(about["history"]),
        "distance": about["best_distance"],
        "decibels": about["measures"]["log_spectral"],
        "preset": preset,
        "command": command,
    }


def _command(name: str, arguments: str, out: Path) -> str:
    """Run a command from the clone's root; return it as a reader would give it.

    It runs in this process, where all that it imports is loaded already; no other may be run meanwhile.
    """
    sys.argv = [f"{name}.py", *arguments.split(), "--out", str(out)]
    os.chdir(ROOT)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        code = import_module(f"agents.commands.{name}").main()
    if code:
        raise SynthgymError(f"scripts/{name}.py {arguments} failed: {said.getvalue()}")
    return f"python scripts/{name}.py {arguments}"


def _rendered(task: SoundMatchingTask, unit: Any) -> Sequence[Audio]:
    audio = task.render(unit, audio=True).audio
    assert audio is not None
    return list(audio)


def _write_ogg(path: Path, sound: Audio, sample_rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(ogg(sound, sample_rate)))
