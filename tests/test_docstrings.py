"""Docstrings name what a function takes: every parameter of a function of two and more, and no other."""

import ast
import re
from collections.abc import Iterable, Iterator

from conftest import ROOT

Methods = Iterator[tuple[ast.ClassDef | None, ast.FunctionDef]]


def functions(body: list[ast.stmt], holder: ast.ClassDef | None = None) -> Methods:
    """The public functions of a module, and the public methods of its public classes, with their class."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield holder, node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node.body, node)


def classes(sources: Iterable[str]) -> dict[str, list[ast.ClassDef]]:
    """The classes of modules by their names, of which several modules may have the same."""
    found: dict[str, list[ast.ClassDef]] = {}
    for source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(node)
    return found


def parameters(function: ast.FunctionDef) -> list[str]:
    """The names that a function takes, but for the object or class whose method it is."""
    taken = function.args
    names = [each.arg for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def section(docstring: str, title: str) -> str:
    """The lines of a section of a docstring, of which the first are not indented; empty if it has none."""
    found = re.search(rf"^{title}:\n((?:    .*\n?|\n(?=    ))+)", docstring, re.MULTILINE)
    return re.sub("^    ", "", found[1], flags=re.MULTILINE) if found else ""


def untold(node: ast.ClassDef) -> list[str]:
    """What a class with a constructor of two parameters and more does not tell of them.

    Environments tell of theirs as Gymnasium's do, in a table.
    """
    docstring = ast.get_docstring(node) or ""
    own = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    names = parameters(own[0]) if own else []
    if len(names) < 2 or "## Arguments" in docstring:
        return []
    # What is kept under its name is told of as an attribute.
    lines = section(docstring, "Args") + section(docstring, "Attributes")
    told = re.findall(r"^\*{0,2}(\w+):", lines, re.MULTILINE)
    missing = [name for name in names if name not in told]
    return [f"{node.name} takes {names}, and its docstring tells of {told}"] if missing else []


def wrong(function: ast.FunctionDef) -> list[str]:
    """What is wrong with the docstring of a function."""
    names, docstring = parameters(function), ast.get_docstring(function) or ""
    if len(names) < 2:
        return []
    found = []
    told = re.findall(r"^\*{0,2}(\w+):", section(docstring, "Args"), re.MULTILINE)
    extra = {each.arg for each in (function.args.vararg, function.args.kwarg) if each is not None}
    if [name for name in told if name not in extra] != names:
        found.append(f"{function.name} takes {names}, and its docstring tells of {told}")
    nothing = function.returns is None or ast.unparse(function.returns) == "None"
    if not (nothing or section(docstring, "Returns") or section(docstring, "Yields")):
        found.append(f"{function.name} does not tell what it returns")
    return found


def inherits(holder: ast.ClassDef, function: ast.FunctionDef, known: dict[str, list[ast.ClassDef]]) -> bool:
    """Whether a base class documents a method that takes the same; one with ``Args`` speaks for itself."""
    if section(ast.get_docstring(function) or "", "Args"):
        return False
    rest = {
        name: known[name] for name in known if name != holder.name
    }  # a base class may have this name, too
    names = (ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in holder.bases)
    return any(name in rest and all(tells(base, function, rest) for base in rest[name]) for name in names)


def tells(base: ast.ClassDef, function: ast.FunctionDef, known: dict[str, list[ast.ClassDef]]) -> bool:
    """Whether a class, or one that it is made from, documents a method that takes the same."""
    own = [node for node in base.body if isinstance(node, ast.FunctionDef) and node.name == function.name]
    documented = [node for node in own if parameters(node) == parameters(function) and not wrong(node)]
    return bool(documented) or inherits(base, own[0] if own else function, known)


def problems(source: str, known: dict[str, list[ast.ClassDef]]) -> list[str]:
    """What is wrong with the docstrings of a module, the classes of all modules being known."""
    found = []
    for holder, function in functions(ast.parse(source).body):
        if holder is None or not inherits(holder, function, known):
            found += wrong(function)
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found += untold(node)
    return found


def test_every_parameter_is_documented() -> None:
    files = [*ROOT.glob("synthgym/**/*.py"), *ROOT.glob("agents/**/*.py"), ROOT / "envs_registry.py"]
    sources = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}
    known = classes(sources.values())
    found = {name: problems(source, known) for name, source in sources.items()}
    assert not {name: wrong for name, wrong in found.items() if wrong}


def test_what_is_missing_is_found() -> None:
    head = "def f(a: int, b: int) -> int:\n    "
    good = '"""Add.\n\n    Args:\n        a: one.\n        b: two.\n\n    Returns:\n        The sum.\n    """'
    assert not problems(head + good, {})
    assert len(problems(head + good.replace("b: two", "c: two"), {})) == 1
    assert len(problems(head + good.replace("Returns", "Gives"), {})) == 1
    assert len(problems(head + '"""Add."""', {})) == 2
    made = 'class A:\n    """A sum.\n\n    Args:\n        a: one.\n        b: two.\n    """\n'
    made += "    def __init__(self, a: int, b: int) -> None: ..."
    assert not problems(made, {})
    assert len(problems(made.replace("b: two", "c: two"), {})) == 1


def test_a_method_is_documented_by_its_base_class_if_it_takes_the_same() -> None:
    lines = ["Args:", "    a: one.", "    b: two.", "", "Returns:", "    The sum."]
    told = '"""Add.\n\n' + "\n".join(f"        {line}" for line in lines) + '\n        """'
    head = "class {}:\n    def f(self, a: int, b: int) -> int:\n        {}\n"
    base, between, silent = head.format("A", told), "class B(A):\n    pass\n", '"""Add quickly."""'
    method = head.format("C(m.B[int])", silent)
    assert not problems(method, classes([base, between]))
    assert problems(method, classes([between]))
    assert problems(method, classes([base.replace("Returns", "Gives"), between]))
    assert problems(method.replace("b: int", "c: int"), classes([base, between]))
    assert problems(head.format("C(B)", told.replace("b: two", "c: two")), classes([base, between]))
