"""Which module imports which: nothing in a circle, nothing upward, and every file short."""

import ast
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT, present

# The rooms of each package, from the ground up: a room is a folder, or a file beside the folders. A room may
# import the rooms of lower rows, and those beside it in its row as long as there is no circle.
AGENTS = (
    ("spec", "trials"),
    ("training",),
    ("baselines", "search", "supervised", "rl", "guided"),
    ("catalogue",),
    ("evaluation", "api"),
    ("reports",),
    ("matching",),
    ("benchmarks", "studio"),
    ("commands",),
)
SYNTHGYM = (
    ("errors",),
    ("checks", "compiling", "lanes", "files", "settings", "registration", "silence", "streams", "unfinished"),
    ("notes", "locks"),
    ("parameters", "recordings", "recorded_notes", "hosting"),
    ("synths",),
    ("features",),
    ("rendering",),
    ("candidates",),
    ("patches",),
    ("priors",),
    ("rules", "task"),
    ("making", "effects"),
    ("viz",),
    ("envs", "datasets"),
)
ORDER = {"synthgym": SYNTHGYM, "agents": AGENTS}
DATA = {"hyperparameters"}
"""Rooms that hold no modules."""
MOST_ROOMS = 17
MOST_LINES = 300


def modules_of(package: str) -> dict[str, Path]:
    """The path of every module of a package, by its full name."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = {**modules_of("synthgym"), **modules_of("agents")}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def absolute(module: str, node: ast.ImportFrom) -> str:
    """The full name of the module that a ``from`` import names."""
    if not node.level:
        return present(node.module)
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{node.module}" if node.module else package


def defining(module: str, name: str) -> str:
    """The module that defines a name, where a package only hands it on."""
    if f"{module}.{name}" in MODULES:
        return f"{module}.{name}"
    if MODULES[module].name == "__init__.py":
        for node in ast.walk(tree_of(MODULES[module])):
            if isinstance(node, ast.ImportFrom):
                origin = absolute(module, node)
                for alias in node.names:
                    if (alias.asname or alias.name) == name and origin in MODULES and origin != module:
                        return defining(origin, alias.name)
    return module


def imports_of(module: str) -> set[str]:
    """The modules of both packages that a module imports, anywhere in its text."""
    found = set()
    for node in ast.walk(tree_of(MODULES[module])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
        elif isinstance(node, ast.ImportFrom) and (origin := absolute(module, node)) in MODULES:
            found |= {defining(origin, alias.name) for alias in node.names}
    return found - {module}


GRAPH = {module: imports_of(module) for module in MODULES}


def circle_in(graph: dict[str, set[str]]) -> list[str] | None:
    """A list of nodes that begins and ends with the same one, each pointing to the next; None without one."""
    done: set[str] = set()
    path: list[str] = []

    def visit(node: str) -> list[str] | None:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        path.append(node)
        for after in sorted(graph.get(node, ())):
            if found := visit(after):
                return found
        path.pop()
        done.add(node)
        return None

    for node in sorted(graph):
        if found := visit(node):
            return found
    return None


def room_of(module: str) -> tuple[str, str]:
    """The package and the room of a module; the package's own ``__init__`` is in no room."""
    package, _, rest = module.partition(".")
    return package, rest.partition(".")[0]


def arrows(package: str) -> list[tuple[str, str]]:
    """The imports from room to room of a package, as (importing module, imported module)."""
    return [
        (module, other)
        for module, others in GRAPH.items()
        for other in sorted(others)
        if room_of(module)[0] == room_of(other)[0] == package and room_of(module) != room_of(other)
    ]


def level_of(package: str) -> dict[str, int]:
    """The row of each room, the ground being 0."""
    return {room: row for row, rooms in enumerate(ORDER[package]) for room in rooms}


def test_the_graph_sees_imports_in_functions_relative_ones_and_what_packages_hand_on() -> None:
    assert "agents.api" in GRAPH["agents"], "under TYPE_CHECKING"
    assert "agents.trials.trial" in GRAPH["agents.baselines.random"], "relative"
    assert "synthgym.rendering.cluster" in GRAPH["synthgym.rendering"], "in a function"
    assert "synthgym.rendering.worker" in GRAPH["agents.trials.trial"], "handed on by a package"
    assert "synthgym.features.distance" in GRAPH["agents.trials.trial"], "a function named as its module"
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}}) is None


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle_in(GRAPH) is None


@pytest.mark.parametrize("package", ORDER)
def test_no_rooms_import_each_other_in_a_circle(package: str) -> None:
    rooms: dict[str, set[str]] = {}
    for module, other in arrows(package):
        rooms.setdefault(room_of(module)[1], set()).add(room_of(other)[1])
    assert circle_in(rooms) is None


@pytest.mark.parametrize("package", ORDER)
def test_every_room_has_its_place_and_imports_nothing_above_it(package: str) -> None:
    level = level_of(package)
    # The package itself is imported by nobody within, and may import anything.
    level[""] = len(ORDER[package])
    assert {room_of(module)[1] for module in MODULES if room_of(module)[0] == package} == set(level)
    upward = [
        (module, other)
        for module, other in arrows(package)
        if level[room_of(other)[1]] > level[room_of(module)[1]]
    ]
    assert upward == []


def test_agents_has_few_rooms() -> None:
    ground = {path.stem for path in (ROOT / "agents").iterdir()} - {"__init__", "__pycache__"}
    assert ground == {*level_of("agents"), *DATA}
    assert len(ground) <= MOST_ROOMS


def reached_from(package: str) -> set[str]:
    """All modules that those of a package import, directly or not."""
    reached, new = set(), {module for module in MODULES if f"{module}.".startswith(f"{package}.")}
    while new:
        reached |= new
        new = set().union(*(GRAPH[module] for module in new)) - reached
    return reached


@pytest.mark.parametrize(
    ("package", "never"), [("synthgym", "agents"), ("synthgym.datasets", "synthgym.envs")]
)
def test_what_must_not_be_imported(package: str, never: str) -> None:
    assert [module for module in reached_from(package) if f"{module}.".startswith(f"{never}.")] == []


@pytest.mark.parametrize("package", ORDER)
def test_imports_within_agents_are_relative_and_synthgym_knows_no_agents(package: str) -> None:
    """Agents are shipped under another name, too."""
    absolute_ones = [
        (str(path.relative_to(ROOT)), node.lineno)
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(tree_of(path))
        if (
            isinstance(node, ast.ImportFrom)
            and not node.level
            and present(node.module).split(".")[0] == "agents"
        )
        or (isinstance(node, ast.Import) and any(a.name.split(".")[0] == "agents" for a in node.names))
    ]
    assert absolute_ones == []


SOURCES = sorted(
    path for folder in ("synthgym", "agents", "scripts") for path in (ROOT / folder).rglob("*.py")
)


def test_files_are_short() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_what_renders_or_searches_is_not_called_play() -> None:
    found = [
        (str(path.relative_to(ROOT)), node.lineno)
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "play"
    ]
    assert found == []
