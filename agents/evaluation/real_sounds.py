"""Real sounds: single notes of soundfonts, played by FluidSynth into a folder with a manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from synthgym.errors import SynthgymError
from synthgym.files import replaced, unwritable
from synthgym.recorded_notes import MANIFEST, whole_manifest
from synthgym.recordings import SILENT_PEAK, write_wav
from synthgym.settings import check_same_settings
from synthgym.synths import Audio

from .fluidsynth import RATE, render_notes, version
from .soundfonts import DURATION, FONTS, HOLD, SETS, Font, SoundSet


def write_real_sounds(out: Path, name: str, fonts: Path = FONTS) -> int:
    """Render a set of real sounds into a folder, but for those that are there; return how many were made.

    Sounds are mono WAV files of 24 bits, as loud as FluidSynth plays them, without its reverb and chorus, and
    of the same bytes wherever font and FluidSynth are the same. The manifest is there before them.

    Args:
        out: folder.
        name: of the set, in ``SETS``.
        fonts: folder of the soundfonts.

    Returns:
        The number of files that are new.

    Raises:
        SynthgymError: FluidSynth or a font is missing, the folder holds another set or something else, a font
            plays nothing, or the folder cannot be written to.
    """
    manifest = manifest_of(name, fonts)
    made = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        _keep_manifest(out, manifest)
        for file, sound in tqdm(manifest["sounds"].items(), unit=" sounds", desc=f"rendering {name}"):
            if not (out / file).exists():
                write_wav(out / file, _rendered(sound, fonts), RATE, "PCM_24")
                made += 1
    except OSError as error:
        raise unwritable(out, error) from error
    return made


def manifest_of(name: str, fonts: Path = FONTS) -> dict[str, Any]:
    """Return the manifest of a set: its use, what it was made with, and every sound by the name of its file.

    Args:
        name: of the set, in ``SETS``.
        fonts: folder of the soundfonts.

    Returns:
        The manifest, as JSON takes it.

    Raises:
        SynthgymError: FluidSynth or a font is missing.
    """
    sounds = SETS[name]
    return {
        "set": name,
        "use": sounds.use,
        "engine": version(),
        "sample_rate": RATE,
        "fonts": {font.file: _described(font, fonts) for font in sounds.fonts},
        "sounds": _sounds(sounds),
    }


def _sounds(of: SoundSet) -> dict[str, dict[str, Any]]:
    return {
        f"{font.short}_{instrument.program:03}_{instrument.name}_{note:03}_{velocity:03}.wav": {
            "font": font.file,
            "program": instrument.program,
            "instrument": instrument.name,
            "note": note,
            "velocity": velocity,
            "hold": HOLD,
            "duration": DURATION,
        }
        for font, instrument, note, velocity in of.sounds()
    }


def _described(font: Font, fonts: Path) -> dict[str, str]:
    try:
        data = (fonts / font.file).read_bytes()
    except OSError as error:
        raise SynthgymError(
            f"no {font.file} in {fonts}: apt-get install {font.package}, or say where it is by --fonts"
        ) from error
    return {"package": font.package, "licence": font.licence, "sha256": hashlib.sha256(data).hexdigest()}


def _rendered(sound: Mapping[str, Any], fonts: Path) -> Audio:
    font, program, note = fonts / sound["font"], sound["program"], sound["note"]
    audio = render_notes(font, program, [note], sound["velocity"])
    if np.abs(audio).max() < SILENT_PEAK:
        raise SynthgymError(
            f"{font} plays nothing for program {program}, note {note}; install its package again"
        )
    return audio


def _keep_manifest(out: Path, manifest: dict[str, Any]) -> None:
    path = out / MANIFEST
    if path.exists():
        kept = whole_manifest(path)
        what = f"{out} is a set of real sounds"
        check_same_settings(what, kept, manifest, "choose another --out, or remove it")
    elif any(out.iterdir()):
        raise SynthgymError(f"{out} is not empty and no set of real sounds; choose another --out")
    else:
        with replaced(path) as temporary:
            temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
