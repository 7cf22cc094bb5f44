"""The presets of LV2 plugins, read from the files in which bundles describe them.

DawDreamer offers none of them. But a preset names the ports that it sets, and hosts make a parameter of each
control port: its value from the port's least to its greatest.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
from rdflib import RDF, RDFS, Graph, Namespace, URIRef
from rdflib.term import Node

from synthgym.synths.plugin_places import bundles

logger = logging.getLogger(__name__)
LV2 = Namespace("http://lv2plug.in/ns/lv2core#")
PRESETS = Namespace("http://lv2plug.in/ns/ext/presets#")


def lv2_presets(uri: str, names: Sequence[str], defaults: Sequence[float]) -> list[list[float]]:
    """Return the host values, each in [0, 1], of all parameters in every preset of a plugin.

    What a preset does not set stands as the plugin is loaded. Presets that set no port, but hold a state that
    only the plugin reads, are left out.

    Args:
        uri: of the plugin.
        names: of its parameters, in the host's order.
        defaults: their host values when it is loaded.

    Returns:
        One list a preset, in the order of their URIs; of each parameter one host value.
    """
    plugin, graph = URIRef(uri), _described(URIRef(uri))
    places = _places(graph, plugin, names)
    rows = []
    found = (one for one in graph.subjects(LV2.appliesTo, plugin) if (one, RDF.type, PRESETS.Preset) in graph)
    for preset in sorted(set(found), key=str):
        row, known = list(defaults), False
        for port in graph.objects(preset, LV2.port):
            value = _number(graph, port, PRESETS.value)
            place = places.get(str(graph.value(port, LV2.symbol)))
            if place is not None and value is not None:
                index, low, high = place
                row[index] = min(max((value - low) / (high - low), 0.0), 1.0)
                known = True
        if known:
            rows.append(row)
    return rows


def _described(plugin: URIRef) -> Graph:
    """Return what the installed bundles say of a plugin and of its presets."""
    graph = Graph()
    for bundle in bundles():
        manifest = _read(bundle / "manifest.ttl")
        about = {plugin, *manifest.subjects(LV2.appliesTo, plugin)}
        if not any((one, None, None) in manifest for one in about):
            continue
        graph += manifest
        for path in sorted({path for one in about for path in _files(manifest, one)}):
            graph += _read(path)
    return graph


def _files(graph: Graph, subject: Node) -> Iterator[Path]:
    """Give the files that say more of a subject."""
    for other in graph.objects(subject, RDFS.seeAlso):
        parts = urlsplit(str(other))
        if parts.scheme == "file":
            yield Path(unquote(parts.path))


def _read(path: Path) -> Graph:
    """Return what a file says; nothing if it cannot be read."""
    graph = Graph()
    try:
        if not path.is_file():  # a reader of a pipe would wait
            return graph
        return graph.parse(str(path), format="turtle", publicID=path.absolute().as_uri())
    except Exception as error:  # the parser raises whatever it meets
        logger.warning("%s cannot be read (%s); passed over", path, " ".join(str(error).split())[:200])
        return Graph()


def _places(graph: Graph, plugin: URIRef, names: Sequence[str]) -> dict[str, tuple[int, float, float]]:
    """Return, by the symbol of a port, the place of its parameter, and the port's least and greatest value.

    Hosts name parameters as the ports are. Of several ports of one name the first is the first parameter of
    that name.
    """
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        by_name[name].append(place)
    ports = [
        port
        for port in graph.objects(plugin, LV2.port)
        if {LV2.ControlPort, LV2.InputPort} <= set(graph.objects(port, RDF.type))
    ]
    places = {}
    for port in sorted(ports, key=lambda port: _number(graph, port, LV2["index"]) or 0):
        left = by_name[str(graph.value(port, LV2.name)).strip()]
        low, high = _number(graph, port, LV2.minimum), _number(graph, port, LV2.maximum)
        if left:
            index = left.pop(0)
            if low is not None and high is not None and low < high:
                places[str(graph.value(port, LV2.symbol))] = (index, low, high)
    return places


def _number(graph: Graph, subject: Node, predicate: URIRef) -> float | None:
    try:
        number = float(str(graph.value(subject, predicate)))
    except ValueError:
        return None
    return number if np.isfinite(number) else None
