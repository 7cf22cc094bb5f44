"""Files and words that are tried in process: good ones are mutated, and handed to what reads them."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from agents.commands.cli import read_keywords
from agents.matching.recording import Recording
from agents.training.learners import make_config
from agents.training.run_config import RunConfig
from synthgym.synths import Synth, make_synth
from synthgym.synths.dx7_voice import read_voices, write_bank, write_syx

from .mutation import mutated_bytes, mutated_json, mutated_text, mutated_value, mutated_yaml, pick
from .trying import Attempt

ROOT = Path(__file__).parents[2]
Change = Callable[[np.random.Generator, bytes], bytes]
AMSYNTH = Path("/usr/lib/vst/amsynth_vst.so")
SHORT = {"duration": 0.1, "hold": 0.05}
"""Of a render."""


def ran(name: str, *words: str | Path, folder: Path) -> None:
    """Run a command of ``scripts`` to its end; CalledProcessError if it fails.

    Args:
        name: of the file.
        *words: its arguments.
        folder: in which it runs.
    """
    command = [sys.executable, ROOT / "scripts" / name, *words]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


def in_short() -> list[str]:
    """Return the arguments that ask for FM-v0 with sounds as SHORT."""
    return ["--env", "FM-v0", "--env-kwargs", *(f"{name}={value}" for name, value in SHORT.items())]


def of_files(
    folder: Path, samples: Mapping[str, bytes], read: Callable[[Path], object], change: Change = mutated_bytes
) -> Attempt:
    """Return an attempt that reads one of some files, changed.

    Args:
        folder: in which it is written; a name is never used twice, since some readers remember files.
        samples: good files, by name.
        read: reads a path.
        change: of their bytes.

    Returns:
        The attempt.
    """
    count = itertools.count()

    def attempt(rng: np.random.Generator) -> object:
        name = pick(rng, sorted(samples))
        path = folder / f"{next(count)}-{name}"
        try:
            path.write_bytes(change(rng, samples[name]))
            return read(path)
        finally:
            path.unlink(missing_ok=True)

    return attempt


def recordings(folder: Path) -> Attempt:
    """WAV, RF64, AU, FLAC, AIFF, OGG and MP3 of one channel and of two."""
    time = np.arange(8000) / 16000
    tone = 0.5 * np.sin(2 * np.pi * 220 * time) * np.exp(-3 * time)
    samples = {}
    for form, subtypes in {
        "WAV": ("PCM_16", "PCM_24", "FLOAT", "DOUBLE", "PCM_U8", "ULAW", "IMA_ADPCM"),
        "RF64": ("PCM_16",),
        "AU": ("PCM_16", "FLOAT"),
        "FLAC": ("PCM_16", "PCM_24"),
        "AIFF": ("PCM_16", "FLOAT"),
        "OGG": ("VORBIS", "OPUS"),
        "MP3": ("MPEG_LAYER_III",),
    }.items():
        for subtype, channels in itertools.product(subtypes, (1, 2)):
            file = io.BytesIO()
            soundfile.write(file, np.stack([tone] * channels, 1), 16000, subtype, format=form)
            samples[f"{subtype}{channels}.{form.lower()}"] = file.getvalue()

    def read(path: Path) -> object:
        recording = Recording.read(path)
        return recording.target(44100, 4410), recording.heard

    return of_files(folder, samples, read)


def _voices() -> list[Any]:
    rng, synth = np.random.default_rng(0), make_synth("dexed", operators=6)
    return [synth.space.to_native(synth.space.sample(rng)) for _ in range(3)]


def voices(folder: Path) -> Attempt:
    """Single DX7 voices, banks, several of them in a file, in MIDI files, and packed without a header."""
    rows = _voices()
    write_syx(folder / "one.syx", rows[0])
    write_bank(folder / "bank.syx", np.stack(rows), ["a", "b", "c"])
    one, bank = ((folder / name).read_bytes() for name in ("one.syx", "bank.syx"))
    track = b"\x00\xf0" + bytes([0x81, 0x22]) + one[1:] + b"\x00\xff\x2f\x00"
    midi = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk" + len(track).to_bytes(4, "big") + track
    samples = {"one.syx": one, "bank.syx": bank, "several.syx": one + bank + one, "one.mid": midi}
    samples |= {"bare.dx7": bank[6:-2], "few.dx7": bank[6 : 6 + 384]}
    synth = make_synth("dexed", operators=6, **SHORT)

    def read(path: Path) -> object:
        return read_voices(path) if path.suffix == ".mid" else synth.load_presets(path)

    return of_files(folder, samples, read)


def presets(folder: Path) -> Attempt:
    """JSON presets of FM-v0 and of a whole DX7 voice, and presets of Vital."""
    synths: dict[str, Synth] = {
        "fm": make_synth("fm", **SHORT),
        "dexed": make_synth("dexed", operators=6, **SHORT),
    }
    if find_spec("vita") is not None:
        synths["vital"] = make_synth("vital", **SHORT)
    samples = {}
    for name, synth in synths.items():
        path = folder / f"{name}{'.vital' if name == 'vital' else '.json'}"
        synth.save_preset(np.array([p.default for p in synth.space.parameters]), path)
        samples[path.name] = path.read_bytes()

    def read(path: Path) -> object:
        return synths[path.stem.partition("-")[2]].load_preset(path)

    return of_files(folder, samples, read, mutated_json)


def plugin_presets(folder: Path) -> Attempt:
    """Presets of amsynth, .fxp and .json."""
    synth = make_synth("plugin", plugin=str(AMSYNTH), **SHORT)
    row = np.array([p.default for p in synth.space.parameters])
    samples = {}
    for name in ("p.fxp", "p.json"):
        synth.save_preset(row, folder / name)
        samples[name] = (folder / name).read_bytes()
    return of_files(folder, samples, synth.load_preset)


def run_configs(folder: Path) -> Attempt:
    """``config.yml`` of runs."""
    samples = {}
    for agent in ("ppo", "sac_her", "mlp", "guided", "ars"):
        make_config("FM-v0", agent, seed=0).write(folder / "c.yml")
        samples[f"{agent}.yml"] = (folder / "c.yml").read_bytes()

    return of_files(folder, samples, RunConfig.read, mutated_yaml)


def keywords(folder: Path) -> Attempt:
    """Hyperparameters and keywords as they are typed, ``name=value``, and what a run is made of."""
    words = [
        "learning_rate=0.001",
        "policy_kwargs={net_arch: [64]}",
        "batch_size=64",
        "n_steps=32",
        "gamma=0.9",
    ]

    def attempt(rng: np.random.Generator) -> object:
        read = read_keywords([mutated_text(rng, pick(rng, words)) for _ in range(2)])
        asked: dict[str, Any] = {"seed": 0, "steps": 100, "num_envs": 4}
        asked = {name: mutated_value(rng, value) for name, value in asked.items()}
        return make_config("FM-v0", pick(rng, ("ppo", "mlp", "es")), hyperparameters=read, **asked)

    return attempt
