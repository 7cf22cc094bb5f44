"""A recording of a page, and what is found for it."""

from __future__ import annotations

import logging
import math
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.parameters import Native, Unit
from synthgym.task import SoundMatchingTask

from ..matching.search import Known, Search, why_none
from ..matching.usual import ready, usual_search
from ..matching.writing import Heard, write
from ..trials.agent import Refined, run
from ..trials.answers import Answer
from ..trials.signals import Signals
from ..trials.watched import WatchedTrial
from .instruments import Instrument
from .player import Player
from .sounds import picture, wav
from .uploads import Upload

logger = logging.getLogger(__name__)
ANSWERS = 3
STARTING = threading.Lock()
"""What all searches look up their starts in is not for several threads at once."""
_CURVE = 300


@dataclass(frozen=True)
class Order:
    """A search that a page asks for.

    Attributes:
        instrument: that is to sound like the recording.
        begin: seconds at which the part begins that is matched.
        end: seconds at which it ends.
        note: MIDI note of it.
        seconds: for which is searched.
        starts: patches (K, n) to begin with; none for a new search.
    """

    instrument: Instrument
    begin: float
    end: float
    note: int
    seconds: float
    starts: Unit | None = None

    @property
    def what(self) -> tuple[str, float, float, int]:
        """What is matched, by what: searches of the same one may go on from each other."""
        return self.instrument.key, self.begin, self.end, self.note


@dataclass
class Take:
    """A recording, its search, and the answers so far.

    Attributes:
        number: by which the page names it.
        upload: the recording.
        folder: for the files of its match.
        state: ``ready``, ``waiting``, ``preparing``, ``searching``, ``done`` or ``failed``.
        message: a sentence about it, if there is anything to say.
        order: that was asked for last.
        stop: ends the search.
        player: plays patches of the order's instrument, once there is an answer.
        answers: native rows of the answers (K, all parameters); None before there is one.
        sounds: WAVs of the target and of the answers.
        shown: of the search, as JSON.
        version: grows with each answer; the addresses of sounds have it.
    """

    number: int
    upload: Upload
    folder: Path
    state: str = "ready"
    message: str = ""
    order: Order | None = None
    stop: Signals = field(default_factory=Signals)
    player: Player | None = None
    answers: Native | None = None
    sounds: list[bytes] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    _played: tuple[str, float, float, int] | None = None

    def close(self) -> None:
        """End its search, let the player go, and remove its files."""
        self.stop.stop()
        if self.player is not None:
            self.player.close()
        self.upload.path.unlink(missing_ok=True)
        self.upload.part_path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def snapshot(self) -> dict[str, Any]:
        """Return all that a page shows of it, as JSON."""
        upload, order = self.upload, self.order
        heard = upload.heard
        return {
            "take": self.number,
            "name": upload.name,
            "seconds": upload.seconds,
            "peaks": upload.peaks,
            "begin": upload.begin if order is None else order.begin,
            "end": upload.end if order is None else order.end,
            "heard": None if heard is None else vars(heard),
            "note": (60 if heard is None else heard.note) if order is None else order.note,
            "instrument": None if order is None else order.instrument.key,
            "state": self.state,
            "message": self.message,
            "version": self.version,
            **self.shown,
        }

    def search(self, order: Order, tell: Callable[[], None]) -> None:
        """Search, and tell whenever there is something new to show. What goes wrong is a message.

        Args:
            order: what is asked for.
            tell: called from this thread.
        """
        self._say(tell, "preparing", "Getting the synth and the search ready.")
        try:
            self._search(order, tell)
        except SynthgymError as error:
            self._say(tell, "failed", str(error))
        except OSError as error:
            self._say(tell, "failed", f"Cannot write the match: {error.strerror}; make room on the disk.")
        except Exception:
            logger.exception("the search for %s ended", self.upload.name)
            self._say(tell, "failed", "The search ended by an error of the studio; the terminal says more.")

    def _search(self, order: Order, tell: Callable[[], None]) -> None:
        recording = self.upload.part(order.begin, order.end)
        length = max(0.5, math.ceil(100 * (order.end - order.begin)) / 100)
        env_kwargs, remarks = recording.env_kwargs(
            {**order.instrument.env_kwargs, "duration": length}, order.note
        )
        with ExitStack() as stack:
            task = stack.enter_context(
                closing(make_task(order.instrument.env_id, env_kwargs, rendering="auto"))
            )
            target = recording.target(task.synth.sample_rate, task.synth.samples)
            if order.starts is None or self.player is None or self._played != order.what:
                self._forget()
                self.player, self._played = Player(order.instrument, env_kwargs, target), order.what
            usual = usual_search(order.instrument.env_id, seconds=order.seconds, top=ANSWERS)
            search, agent, more = ready(usual, task)
            if order.starts is not None:
                agent = Refined(Known(order.starts), agent)
            watch = _Watch(self, task, target, tell)
            with STARTING:
                trial = search.trial(task, target, self.stop, watch.nearer, with_bar=False)
            watch.trial = stack.enter_context(closing(trial))
            self._say(tell, "searching", " ".join([*remarks, *more]))
            run(agent, trial)
            if not trial.answers.best and self.stop.caught is not None:
                self._say(tell, "ready", "Stopped before a sound was found.")
                return
            if not trial.answers.best:
                name = order.instrument.name
                raise why_none(trial) or SynthgymError(f"{name} made no sound; is it an instrument?")
            watch.show(trial.answers.best)
            self._write(search, task, target, trial, env_kwargs)
        self._say(tell, "done", self.message)

    def _write(
        self, search: Search, task: SoundMatchingTask, target: Any, trial: WatchedTrial, env_kwargs: Any
    ) -> None:
        self.folder.mkdir(exist_ok=True)
        assert self.order is not None
        about = search.about(Path(self.upload.name), self.order.instrument.env_id, env_kwargs)
        title = f"{self.upload.name} by {self.order.instrument.name}"
        write(self.folder, task, target, trial, trial.answers.best, {**about, "banks": []}, title)

    def _forget(self) -> None:
        if self.player is not None:
            self.player.close()
        self.player, self.answers, self.sounds, self.shown = None, None, [], {}

    def _say(self, tell: Callable[[], None], state: str, message: str) -> None:
        self.state, self.message = state, message
        tell()


class _Watch:
    """Shows what a trial has found."""

    def __init__(self, take: Take, task: SoundMatchingTask, target: Any, tell: Callable[[], None]) -> None:
        self._take, self._task, self._target, self._tell = take, task, target, tell
        self._began = time.monotonic()
        self.trial: WatchedTrial

    def nearer(self, nearest: Answer) -> None:
        """Show the answers so far."""
        self.show(self.trial.answers.best)
        self._tell()

    def show(self, answers: Sequence[Answer]) -> None:
        """Render answers for the page."""
        task, take, trial = self._task, self._take, self.trial
        heard = Heard.of(task, self._target, answers, take.folder)
        rate, gain = task.synth.sample_rate, float(heard.gain)
        records = [(best.render, best.distance) for best in trial.records]
        kept = np.unique(np.linspace(0, len(records) - 1, _CURVE).astype(int))
        take.sounds = [wav(sound, rate, gain) for sound in (self._target, *heard.sounds)]
        take.answers = heard.native
        take.version += 1
        take.shown = {
            "gain": gain,
            "renders": len(trial.distances),
            "asked": trial.seconds,
            "searched": time.monotonic() - self._began,
            "curve": [records[i] for i in kept],
            "target": picture(trial.target.features[0][0], task.feature),
            "played": dict(zip(("note", "velocity", "hold"), trial.notes[0].tolist(), strict=True)),
            "answers": [
                {
                    "distance": answer.distance,
                    "render": answer.render,
                    "unit": task.space.quantise(answer.unit).tolist(),
                    "picture": picture(answer.feature, task.feature),
                }
                for answer in answers
            ],
            "bank": task.synth.bank_size,
            "preset": task.synth.preset_suffix,
        }
