"""List the plugins of this machine, or what one offers and how to make an environment of it.

    python scripts/plugins.py
    python scripts/plugins.py /usr/lib/vst/amsynth_vst.so
    python scripts/plugins.py http://drobilla.net/plugins/mda/DX10 --quick

For each parameter: name, kind, steps, default, its text at a few values, and its effect: the farthest
it carries a sound when it is turned alone (distance, 0 to 1, mean over random audible patches). Those that
are no knobs of the sound, as MIDI CC, are counted only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from tqdm import tqdm

from synthgym.checks import whole
from synthgym.effects import Effect, measure_effects
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.synths.plugin import Knob, PluginSynth
from synthgym.synths.plugin_places import installed

from .cli import answer, new_parser, read_keywords

SHOWN = (0.0, 0.25, 0.5, 0.75, 1.0)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = new_parser(__doc__, "the plugins, or the knobs of one,")
    parser.add_argument(
        "plugin",
        nargs="?",
        help="path of a VST2 or VST3 plugin, or URI of an LV2 plugin (default: list those installed)",
    )
    parser.add_argument("--patches", type=int, default=8, help="random patches to turn it in (default: 8)")
    parser.add_argument("--quick", action="store_true", help="measure no effects")
    parser.add_argument(
        "--options", nargs="+", default=[], metavar="NAME=VALUE", help="as note=48 isolation=none"
    )
    return parser


def main() -> int:
    """Load the plugin, turn every parameter, print the table and the line."""
    args = parser().parse_args()
    patches = whole("patches", args.patches, 1, 10_000)
    options = read_keywords(args.options)
    if "plugin" in options:
        raise SynthgymError("name the plugin once: leave plugin= out of --options")
    if args.plugin is None:
        answer({"plugins": print_installed()})
        return 0
    with closing(make_task("Plugin-v0", {"plugin": args.plugin, **options})) as task:
        synth = task.synth
        assert isinstance(synth, PluginSynth)
        free = list(task.space.names)
        effects = () if args.quick else measure_effects(task, patches, settings=5)
        with tqdm(effects, total=len(free), unit=" knobs", desc="measuring", leave=False) as measured:
            measured.disable |= args.quick
            rows = print_knobs(synth, args.plugin, free, iter(measured))
    answer({"plugin": args.plugin, "isolation": synth.isolation, "knobs": rows})
    return 0


def print_installed() -> list[str]:
    """Print the plugins that are installed, a line each, and return them."""
    plugins = list(installed())
    print("\n".join(plugins))
    print(
        f"{len(plugins)} plugins where they usually are: LV2 instruments, and VST2 and VST3, effects too; "
        "LV2_PATH, VST_PATH and VST3_PATH name other folders",
        file=sys.stderr,
    )
    return plugins


def print_knobs(
    synth: PluginSynth, plugin: str, free: list[str], measured: Iterator[Effect]
) -> list[dict[str, Any]]:
    """Print the table of a plugin's knobs, a line as soon as it is measured, and the gym.make line.

    Args:
        synth: the plugin.
        plugin: what it is called by.
        free: names of its free parameters.
        measured: their effects, in any order; none where they are not to be measured.

    Returns:
        What the table says of each knob: ``effect`` is None where none was measured.
    """
    knobs = [knob for knob in synth.knobs if not knob.pseudo or knob.parameter.name in free]
    width = max(len("parameter"), *(len(knob.parameter.name) for knob in knobs))
    print(f"{'parameter':<{width}}  kind         steps  default  effect  texts from 0 to 1")
    effects: dict[str, Effect] = {}
    rows: list[dict[str, Any]] = []
    for knob in knobs:
        p = knob.parameter
        while p.name in free and p.name not in effects and (effect := next(measured, None)):
            effects[effect.name] = effect
        said = f"{effects[p.name].distance:.2f}" if p.name in effects else "-" if p.name in free else "frozen"
        texts = ", ".join(text_at(knob, value) for value in SHOWN)
        steps, default = p.steps or "-", p.text(p.default) if p.labels else f"{p.default:.3g}"
        line = f"{p.name:<{width}}  {p.kind:<11}  {steps:>5}  {default:>7}  {said:>6}  {texts}"
        tqdm.write(line, file=sys.stdout)  # above the bar
        sys.stdout.flush()
        effect_of = effects[p.name].distance if p.name in effects else None
        row = {"name": p.name, "kind": p.kind, "steps": p.steps, "default": p.default, "free": p.name in free}
        rows.append({**row, "effect": effect_of, "texts": {str(x): text_at(knob, x) for x in SHOWN}})
    for name, why in synth.held.items():
        print(f"{name} is held {why}")
    audible = [name for name in free if name in effects and effects[name].audible > 0]
    heard = f", {len(audible)} audible in a random patch" if effects else ""
    left = len(synth.knobs) - len(knobs)
    print(f"\n{len(knobs)} knobs, {len(free)} free{heard}; {left} parameters that are no knobs")
    equal = "" if synth.repeatable else "not "
    print(f"lives by isolation={synth.isolation}, and is {equal}bound to repeat itself")
    print(f'gym.make("Plugin-v0", plugin="{plugin}")')
    if 0 < len(audible) < len(effects):
        print(f'gym.make("Plugin-v0", plugin="{plugin}", parameters={audible})')
    return rows


def text_at(knob: Knob, value: float) -> str:
    """Return what the plugin shows at a host value: a text reaches to where the next begins.

    Args:
        knob: the parameter.
        value: from 0 to 1.

    Returns:
        The text, or a dash.
    """
    return next((text for low, _, text in reversed(knob.texts) if low <= value), "-")
