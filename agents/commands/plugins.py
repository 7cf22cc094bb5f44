"""List what a plugin offers, and how to make an environment of it.

    python scripts/plugins.py /usr/lib/vst/amsynth_vst.so
    python scripts/plugins.py http://drobilla.net/plugins/mda/DX10

For each parameter: name, kind, steps, default, its text at a few values, and its effect: the farthest
it carries a sound when it is turned alone (distance, 0 to 1, mean over random patches).
"""

from __future__ import annotations

from contextlib import closing

from tqdm import tqdm

from synthgym.checks import whole
from synthgym.effects import Effect, measure_effects
from synthgym.errors import SynthgymError
from synthgym.making import make_task
from synthgym.synths.plugin import Knob, PluginSynth

from .cli import new_parser, read_keywords

SHOWN = (0.0, 0.25, 0.5, 0.75, 1.0)


def main() -> int:
    """Load the plugin, turn every parameter, print the table and the line."""
    parser = new_parser(__doc__)
    parser.add_argument("plugin", help="path of a VST2 or VST3 plugin, or URI of an LV2 plugin")
    parser.add_argument("--patches", type=int, default=8, help="random patches to turn it in (default: 8)")
    parser.add_argument(
        "--options", nargs="+", default=[], metavar="NAME=VALUE", help="as note=48 isolation=none"
    )
    args = parser.parse_args()
    patches = whole("patches", args.patches, 1, 10_000)
    options = read_keywords(args.options)
    if "plugin" in options:
        raise SynthgymError("name the plugin once: leave plugin= out of --options")
    with closing(make_task("Plugin-v0", {"plugin": args.plugin, **options})) as task:
        synth = task.synth
        assert isinstance(synth, PluginSynth)
        measured = measure_effects(task, patches, settings=5)
        effects = {e.name: e for e in tqdm(measured, total=len(task.space), unit=" knobs", leave=False)}
    print_knobs(synth, args.plugin, effects)
    return 0


def print_knobs(synth: PluginSynth, plugin: str, effects: dict[str, Effect]) -> None:
    """Print the table of a plugin's parameters, and how to make an environment of those with an effect."""
    width = max(len("parameter"), *(len(knob.parameter.name) for knob in synth.knobs))
    print(f"{'parameter':<{width}}  kind         steps  default  effect  texts from 0 to 1")
    for knob in synth.knobs:
        p = knob.parameter
        effect = f"{effects[p.name].distance:6.2f}" if p.name in effects else "  left"
        texts = ", ".join(text_at(knob, value) for value in SHOWN)
        steps, default = p.steps or "-", p.text(p.default) if p.labels else f"{p.default:.3g}"
        print(f"{p.name:<{width}}  {p.kind:<11}  {steps:>5}  {default:>7}  {effect}  {texts}")
    audible = [name for name, effect in effects.items() if effect.audible > 0]
    print(f"\n{len(synth.knobs)} parameters, {len(effects)} free, {len(audible)} audible in a random patch")
    print(f'gym.make("Plugin-v0", plugin="{plugin}")')
    if len(audible) < len(effects):
        print(f'gym.make("Plugin-v0", plugin="{plugin}", parameters={audible})')


def text_at(knob: Knob, value: float) -> str:
    """Return what the plugin shows at a host value."""
    return next((text for low, high, text in knob.texts if low <= value <= high), "-")
