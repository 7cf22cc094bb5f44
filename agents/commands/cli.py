"""What the scripts share: bad input is one line on standard error and exit code 2."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import yaml

from envs_registry import ENVIRONMENTS
from synthgym.errors import SynthgymError, one_line
from synthgym.files import reason, shown
from synthgym.registration import known_id
from synthgym.synths.plugin_places import is_uri

from ..training.run_config import NO_YAML
from ..trials.signals import STOPPING
from .manual import Options, new_parser
from .output import answer, log

__all__ = ["Options", "answer", "new_parser"]

SYNTH = (
    f"environment id ({', '.join(ENVIRONMENTS)}), path of a plugin or Faust program, or URI of an LV2 plugin"
)

ENV_KWARGS = "keywords for gym.make, values in YAML, as plugin=/usr/lib/vst/amsynth_vst.so note=48"

_FILES = ("plugin", "dsp", "source", "patches")
"""Keywords whose values are files or folders, those of ``soundfiles`` by label besides."""

_LEARNED_FROM = ("sounds", "weights")
"""Hyperparameters whose values are files or folders."""

_KINDS = (("patches", "human"), ("patches", "uniform"))

_ENDED = {128 + number: number for number in STOPPING}
"""Signals by the exit codes of what they end, as shells give them."""
_SOON = 0.05
"""Seconds after which a signal is sent again: by then the callback in which it was lost has ended."""

_UNREAD = 141
"""The exit code of a program whose output nobody reads, as shells give it: 128 and SIGPIPE."""

_OF_PATHS = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EROFS)
"""Errors of paths that a user gave; to ask whether there is something raises some of them, too."""

_NO_THREAD = "can't start new thread"
"""What Python says where a limit of memory or of processes lets it start none."""
_LESS = "allow more, or ask for less at a time, as by --workers or --num-envs"


def add_keywords(parser: Options, option: str, what: str, *others: str) -> None:
    """Add an option that takes ``name=value`` texts, for ``read_keywords``.

    Args:
        parser: to add it to.
        option: as ``--env-kwargs``.
        what: the help says of it.
        *others: names under which rl-zoo3 has it.
    """
    parser.add_argument(option, *others, nargs="+", default=[], metavar="NAME=VALUE", help=what)


def add_agent(parser: Options, agents: Iterable[str], usual: str) -> None:
    """Add the options that say which agent searches, what it is prepared from, and which is the usual one.

    Args:
        parser: to add them to.
        agents: names that the help gives.
        usual: the agent if none is asked for, as the help tells it.
    """
    parser.add_argument(
        "--agent",
        "--algo",
        metavar="AGENT",
        help=f"of {', '.join(agents)}; a+b: a's guess, refined by b (default: {usual})",
    )
    parser.add_argument(
        "--model",
        type=Path,
        help="final_model.zip of a run, for an agent that is trained",
    )
    parser.add_argument("--dataset", type=Path, help="data set, for nearest")


def add_workers(
    parser: Options, kinds: str, usual: str, count: str = "how many (default: one for each core)"
) -> None:
    """Add the options that say by which workers is rendered, and which are usual.

    Args:
        parser: to add them to.
        kinds: help of ``--backend``.
        usual: the backend if none is asked for.
        count: help of ``--workers``.
    """
    parser.add_argument("--backend", default=usual, help=kinds)
    parser.add_argument("--workers", type=int, metavar="N", help=count)
    parser.add_argument(
        "--address", help="of a running Ray cluster (default: the one this machine is part of)"
    )


@contextmanager
def writing_to(out: Path) -> Iterator[None]:
    """Say what to do where a folder cannot be written to."""
    try:
        yield
    except OSError as error:
        raise SynthgymError(f"cannot write to {out}: {error.strerror}; choose another --out") from error


def synth_id(name: str, env_kwargs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return an environment id and its keywords for an id, the path of a plugin or Faust program, or a URI.

    Paths are whole ones: what is written down with a result is of use in every folder.

    Args:
        name: what stands after ``--env``.
        env_kwargs: keywords that were given besides.

    Returns:
        Id and keywords.
    """
    env_kwargs = whole_paths(env_kwargs)
    if is_uri(name):
        return "Plugin-v0", {"plugin": name, **env_kwargs}
    is_there = os.path.exists(name)  # noqa: PTH110, for its name may be too long
    if not name or (os.sep not in name and (name in gym.registry or not is_there)):
        return known_id(name), env_kwargs
    if name.lower().endswith(".dsp"):
        return "Faust-v0", {"dsp": whole_path(name), **env_kwargs}
    return "Plugin-v0", {"plugin": whole_path(name), **env_kwargs}


def whole_path(name: str) -> str:
    """Return the whole path of a file that is there; any other text as it is."""
    return str(Path(name).absolute()) if not is_uri(name) and os.path.exists(name) else name  # noqa: PTH110


def whole_paths(env_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of an environment with whole paths for the files that they name."""
    whole = dict(env_kwargs)
    for key in _FILES:
        # A folder of the name of a kind of patches is not meant.
        if isinstance(whole.get(key), str) and (key, whole[key]) not in _KINDS:
            whole[key] = whole_path(whole[key])
    if isinstance(sounds := whole.get("soundfiles"), dict):
        whole["soundfiles"] = {k: whole_path(v) if isinstance(v, str) else v for k, v in sounds.items()}
    return whole


def whole_hyperparameters(hyperparameters: dict[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters of an agent with whole paths for the files that they name."""
    whole = dict(hyperparameters)
    for key in _LEARNED_FROM:
        if isinstance(whole.get(key), str):
            whole[key] = whole_path(whole[key])
    if isinstance(others := whole.get("others"), dict):
        whole["others"] = {k: whole_paths(v) if isinstance(v, dict) else v for k, v in others.items()}
    return whole


def read_keywords(texts: list[str]) -> dict[str, Any]:
    """Return ``name=value`` texts as a dict, values read as YAML; SynthgymError if one is not so."""
    keywords = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            if not (name.isidentifier() and equals):
                raise ValueError("write name=value")
            # YAML has no characters for the bytes of a name that is not UTF-8.
            keywords[name] = _read_yaml(value) if shown(value) == value else value
        except NO_YAML as error:
            why = " ".join(str(error).split())
            raise SynthgymError(f"{text!r} is no name=value with a value in YAML: {why}") from error
    return keywords


def _read_yaml(text: str) -> Any:
    """Return a value in YAML; ValueError if a name is given twice, of which YAML would keep the last."""
    nodes, seen = [yaml.compose(text, yaml.SafeLoader)], set()
    while nodes:
        node = nodes.pop()
        if not isinstance(node, yaml.CollectionNode) or id(node) in seen:  # an alias leads to one that was
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
            continue
        names = Counter((key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"{twice[0][1]} is in it twice")
        nodes += [value for _, value in node.value]
    return yaml.safe_load(text)


def run(main: Callable[[], int]) -> None:
    """Run a script's main function and exit with its code."""
    _prepare_output()
    _end_in_order()
    usual = sys.unraisablehook
    sys.unraisablehook = partial(_send_again, usual)
    try:
        code = main()
    except (SynthgymError, gym.error.Error) as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except BrokenPipeError:
        if not _unread("\n"):
            raise
        code = _UNREAD
    except OSError as error:
        if error.errno not in _OF_PATHS or not isinstance(error.filename, (str, bytes)):
            raise
        path = shown(os.fsdecode(error.filename))
        print(one_line(f"error: cannot use {path}: {reason(error)}; give another path"), file=sys.stderr)
        code = 2
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and str(error) != _NO_THREAD:
            raise
        print(
            one_line(f"error: no memory is left ({str(error) or type(error).__name__}); {_LESS}"),
            file=sys.stderr,
        )
        code = 2
    finally:
        sys.unraisablehook = usual
    sys.exit(_UNREAD if _unread() else code)


def _unread(more: str = "") -> bool:
    """Return whether nobody reads the output, or more of it, as behind head; if so, it goes nowhere."""
    try:
        sys.stdout.write(more)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _prepare_output() -> None:
    """Let names of files be shown that the output's encoding has no characters for; show what modules log."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    log("info")


def _end_in_order() -> None:
    """Let SIGTERM and SIGHUP end the process as an error does, so that no temporary file is left.

    Processes that are forked from this one end at once, as others do. What nohup ignores stays ignored.
    """
    for ending in (s for s in STOPPING if signal.getsignal(s) == signal.SIG_DFL):
        signal.signal(ending, lambda number, frame: sys.exit(128 + number))  # as in _ENDED
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(signal.signal, ending, signal.SIG_DFL))


def _send_again(usual: Callable[[Any], Any], lost: Any) -> None:
    """Send a signal again whose exception was lost, as in a callback; show what else was lost as usual."""
    code = 128 + signal.SIGINT if isinstance(lost.exc_value, KeyboardInterrupt) else None
    if isinstance(lost.exc_value, SystemExit) and isinstance(lost.exc_value.code, int):
        code = lost.exc_value.code
    number = _ENDED.get(code)
    if number is None:
        usual(lost)
        return
    again = threading.Timer(_SOON, _send, [number])
    again.daemon = True
    again.start()


def _send(number: signal.Signals) -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)
