"""Play plugins, and print what was measured of each as a Markdown table.

    python scripts/plugin_table.py
    python scripts/plugin_table.py /usr/lib/vst/amsynth_vst.so http://drobilla.net/plugins/mda/DX10
    python scripts/plugin_table.py --out docs/plugins.md

Without a plugin it plays those of Debian's packages amsynth, mda-lv2, calf-plugins, dpf-plugins and
zynaddsubfx. One takes half a minute to a minute: most of it is the match of a recording.
"""

from __future__ import annotations

import sys
from pathlib import Path

from synthgym.checks import number
from synthgym.errors import SynthgymError
from synthgym.files import replaced

from ..matching.plugin_row import PluginRow, measure_plugin
from ..matching.recording import Recording
from .cli import new_parser, whole_path, writing_to

DEBIAN = (
    "/usr/lib/vst/amsynth_vst.so",
    *(f"http://drobilla.net/plugins/mda/{name}" for name in ("DX10", "JX10", "Piano", "EPiano")),
    *(f"http://calf.sourceforge.net/plugins/{name}" for name in ("Monosynth", "Organ", "Fluidsynth")),
    *(f"http://distrho.sf.net/plugins/{name}" for name in ("Kars", "Nekobi")),
    "http://zynaddsubfx.sourceforge.net",
    "/usr/lib/vst/ZynAddSubFX.so",
    "http://calf.sourceforge.net/plugins/Reverb",
)
"""Instruments, a sampler without a sample, and at last an effect."""
TARGET = Path("examples/targets/synth_bass.wav")
COLUMNS = (
    "plugin",
    "make, ms",
    "free: continuous + discrete",
    "held",
    "pseudo",
    "audible",
    "default",
    "helpers",
    "isolation",
    "step, ms",
    "preset",
    "match: start",
    "best",
    "random",
    "renders",
    "s",
)


def main() -> int:
    """Measure plugin after plugin, and print each row when it is there."""
    parser = new_parser(__doc__)
    parser.add_argument(
        "plugins", nargs="*", metavar="PLUGIN", help="path of a VST2 or VST3 plugin, or LV2 URI"
    )
    parser.add_argument(
        "--target", type=Path, default=TARGET, help=f"recording that is matched (default: {TARGET})"
    )
    parser.add_argument("--seconds", type=float, default=20, help="that a match searches (default: 20)")
    parser.add_argument("--out", type=Path, help="page whose table is replaced, as docs/plugins.md")
    args = parser.parse_args()
    seconds = number("seconds", args.seconds, 0.1, 3600)
    recording = Recording.read(args.target)
    page = None if args.out is None else read_page(args.out)
    lines = [f"| {' | '.join(COLUMNS)} |", f"| --- |{' ---: |' * (len(COLUMNS) - 1)}"]
    print("\n".join(lines), flush=True)
    for plugin in args.plugins or DEBIAN:
        try:
            cells = shown(measure_plugin(whole_path(plugin), recording, seconds))
        except SynthgymError as error:
            cells = [f"refused: {error}".replace("|", "\\|"), *["-"] * (len(COLUMNS) - 2)]
        lines.append(f"| {' | '.join([f'`{plugin}`', *cells])} |")
        print(lines[-1], flush=True)
    if page is not None:
        before, after = page
        with writing_to(args.out.parent), replaced(args.out) as temporary:
            temporary.write_text("\n".join([before, *lines, after]), encoding="utf-8")
        print(args.out, file=sys.stderr)
    return 0


def read_page(path: Path) -> tuple[str, str]:
    """Return what stands before the table of a page, and what stands after it."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        first = next(i for i, line in enumerate(lines) if line.startswith(f"| {COLUMNS[0]} |"))
    except (OSError, StopIteration) as error:
        raise SynthgymError(f"{path} has no table of plugins to replace; leave --out away") from error
    last = next((i for i, line in enumerate(lines) if i > first and not line.startswith("|")), len(lines))
    return "\n".join(lines[:first]), "\n".join(lines[last:])


def shown(row: PluginRow) -> list[str]:
    """Return the cells of a row behind the plugin's name."""
    match = row.match
    return [
        f"{row.make:,.0f}",
        f"{row.free}: {row.continuous} + {row.discrete}",
        f"{row.held}",
        f"{row.pseudo}",
        f"{row.audible:.0%}",
        far(row.loaded),
        far(row.helpers),
        row.isolation,
        f"{row.step:.1f}",
        f"{far(row.preset)} {row.suffix}",
        *(
            ["no sound found", *["-"] * 4]
            if match is None
            else [
                far(match.start),
                far(match.best),
                far(match.random),
                f"{match.renders:,}",
                f"{match.seconds:.0f}",
            ]
        ),
    ]


def far(distance: float) -> str:
    """Return a distance as text: 0 only if it is."""
    return "0" if distance == 0 else "<.001" if distance < 0.0005 else f"{distance:.3f}".removeprefix("0")
