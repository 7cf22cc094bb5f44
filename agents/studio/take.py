"""A recording of a page, and what is found for it."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.notes import MIDDLE_C, NOTE
from synthgym.parameters import Native
from synthgym.synths import Audio
from synthgym.task import SoundMatchingTask

from ..matching.search import Known, why_none
from ..matching.together import outliers
from ..matching.usual import ready, usual_search
from ..matching.writing import Heard, write
from ..trials.agent import Refined, run
from ..trials.answers import Answer
from ..trials.pool import DrawnPool
from ..trials.signals import Signals
from ..trials.watched import WatchedTrial
from .order import Aim, Order
from .player import Player
from .sounds import picture, wav
from .uploads import Upload

logger = logging.getLogger(__name__)
ANSWERS = 3
STARTING = threading.Lock()
"""What all searches look up their starts in is not for several threads at once."""
_CURVE = 300
_NO_VOICES = (
    "The voices that a search begins with were not rendered yet, as they are once on a machine; "
    "this one began with random patches."
)


@dataclass(frozen=True)
class Found:
    """The answers so far. Nothing of it changes: threads take it as it is.

    Attributes:
        order: whose answers they are.
        player: plays patches of the order's instrument.
        natives: rows of the answers (K, all parameters).
        sounds: WAVs of the target and of the answers.
        shown: what a page shows of them, as JSON.
    """

    order: Order
    player: Player
    natives: Native
    sounds: list[bytes]
    shown: dict[str, Any]

    @property
    def gain(self) -> float:
        """By which the sounds are turned up."""
        return float(self.shown["gain"])


@dataclass
class Take:
    """A recording, its search, and the answers so far.

    Attributes:
        number: by which the page names it.
        upload: the recording.
        folder: for the files of its match.
        state: ``ready``, ``waiting``, ``preparing``, ``searching``, ``done`` or ``failed``.
        message: a sentence about it, if there is anything to say.
        stop: ends the search.
        found: the answers; None before there are any.
    """

    number: int
    upload: Upload
    folder: Path
    state: str = "ready"
    message: str = ""
    stop: Signals = field(default_factory=Signals)
    found: Found | None = None
    _player: Player | None = None
    _versions: int = 0

    @property
    def is_busy(self) -> bool:
        """Whether a search is made, or waits."""
        return self.state in ("waiting", "preparing", "searching")

    def close(self) -> None:
        """End its search, let the player go, and remove its files."""
        self.stop.stop()
        if self._player is not None:
            self._player.close()
        self.upload.path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def snapshot(self) -> dict[str, Any]:
        """Return all that a page shows of it, as JSON."""
        upload, found = self.upload, self.found
        heard = upload.heard
        shown = {
            "take": self.number,
            "name": upload.name,
            "seconds": upload.seconds,
            "peaks": upload.peaks,
            "begin": upload.begin,
            "end": upload.end,
            "heard": None if heard is None else vars(heard),
            "note": MIDDLE_C if heard is None else heard.note,
            "instrument": None,
            "state": self.state,
            "message": self.message,
        }
        if found is not None:
            of = found.order
            shown |= {**of.part.asked, "instrument": of.instrument.key}
            shown["others"] = [one.asked for one in of.others]
            shown |= found.shown
        return shown

    def search(self, order: Order, tell: Callable[[], None], keys: Executor) -> None:
        """Search, and tell whenever there is something new to show. What goes wrong is a message.

        Args:
            order: what is asked for.
            tell: called from this thread.
            keys: whose threads make what plays keys, and need not give way as this one may.
        """
        self._say(tell, "preparing", "Getting the synth and the search ready.")
        try:
            self._search(order, tell, keys)
        except SynthgymError as error:
            self._say(tell, "failed", str(error))
        except Exception:
            logger.exception("the search for %s ended", self.upload.name)
            self._say(tell, "failed", "The search ended by an error of the studio; the terminal says more.")

    def _search(self, order: Order, tell: Callable[[], None], keys: Executor) -> None:
        aim = order.aim()
        with ExitStack() as stack:
            task = stack.enter_context(
                closing(make_task(order.instrument.env_id, aim.env_kwargs, rendering="auto"))
            )
            target = aim.recording.target(task.synth.sample_rate, task.synth.samples)
            player = self._player
            if player is None or order.starts is None or not self.goes_on(order):
                self._forget()
                tell()
                made = keys.submit(Player, order.instrument, task.space, aim.own, np.atleast_2d(target)[0])
                player = self._player = made.result()
            usual = usual_search(order.instrument.env_id, seconds=order.seconds, top=ANSWERS, at_hand=True)
            search, agent, more = ready(usual, task)
            if order.starts is not None:
                agent = Refined(Known(order.starts), agent)
            watch = _Watch(self, order, aim, player, task, target, tell)
            with STARTING:
                trial = search.trial(task, target, self.stop, watch.nearer, with_bar=False, played=aim.notes)
            watch.trial = stack.enter_context(closing(trial))
            remarks = [*aim.remarks, *more]
            if order.starts is None and search.has_voices(task) and isinstance(trial.pool, DrawnPool):
                remarks.append(_NO_VOICES)
            self._say(tell, "searching", " ".join(remarks))
            run(agent, trial)
            if not trial.answers.best and self.stop.caught is not None:
                self._say(tell, "ready", "Stopped before a sound was found.")
                return
            if not trial.answers.best:
                name = order.instrument.name
                raise why_none(trial) or SynthgymError(f"{name} made no sound; is it an instrument?")
            watch.show(trial.answers.best)
            far = aim.found(trial, trial.answers.best[0])
            about = search.about(aim.recording.path, order.instrument.env_id, aim.env_kwargs)
            about["remarks"] = remarks
            if far:
                about |= {"target": [one["recording"] for one in far], "recordings": far}
            title = f"{aim.recording.path.name} by {order.instrument.name}"
            self._write(task, target, trial, about, title)
        self._say(tell, "done", " ".join([self.message, *outliers(far)]).strip())

    def _write(
        self, task: SoundMatchingTask, target: Audio, trial: WatchedTrial, about: dict[str, Any], title: str
    ) -> None:
        try:
            self.folder.mkdir(exist_ok=True)
            write(self.folder, task, target, trial, trial.answers.best, {**about, "banks": []}, title)
        except OSError as error:
            raise SynthgymError(
                f"the page of the match cannot be written: {error.strerror}; make room on the disk"
            ) from error

    def goes_on(self, order: Order) -> bool:
        """Return whether an order is of what the answers are of."""
        return self.found is not None and self.found.order.what == order.what

    def _forget(self) -> None:
        if self._player is not None:
            self._player.close()
        self._player, self.found = None, None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _say(self, tell: Callable[[], None], state: str, message: str) -> None:
        self.state, self.message = state, message
        tell()


class _Watch:
    """Shows what a trial has found."""

    def __init__(
        self,
        take: Take,
        order: Order,
        aim: Aim,
        player: Player,
        task: SoundMatchingTask,
        target: Audio,
        tell: Callable[[], None],
    ) -> None:
        self._take, self._order, self._aim, self._player = take, order, aim, player
        self._task, self._target, self._tell = task, target, tell
        self._began = time.monotonic()
        self.trial: WatchedTrial

    def nearer(self, nearest: Answer) -> None:
        """Show the answers so far."""
        self.show(self.trial.answers.best)
        self._tell()

    def show(self, answers: Sequence[Answer]) -> None:
        """Render answers for the page."""
        task, take, trial, aim = self._task, self._take, self.trial, self._aim
        heard = Heard.of(task, self._target, answers, take.folder, aim.notes)
        rate, gain = task.synth.sample_rate, float(heard.gain)
        records = [(best.render, best.distance) for best in trial.records]
        kept = np.unique(np.linspace(0, len(records) - 1, _CURVE).astype(int))
        take._versions += 1
        shown = {
            "version": take._versions,
            "gain": gain,
            "renders": trial.renders,
            "asked": trial.seconds,
            "searched": time.monotonic() - self._began,
            "curve": [records[i] for i in kept],
            "target": picture(aim.first(trial.target.features[0][0]), task.feature),
            "played": dict(zip(NOTE, aim.first(trial.notes[0]).tolist(), strict=True)),
            "together": aim.found(trial, answers[0]),
            "answers": [
                {
                    "distance": answer.distance,
                    "render": answer.render,
                    "unit": task.space.quantise(answer.unit).tolist(),
                    "picture": picture(aim.first(answer.feature), task.feature),
                }
                for answer in answers
            ],
            "bank": task.synth.bank_size,
            "preset": task.synth.preset_suffix,
        }
        sounds = [wav(aim.first(sound), rate, gain) for sound in (self._target, *heard.sounds)]
        take.found = Found(self._order, self._player, heard.native, sounds, shown)
