"""Docstrings name what a function takes: every parameter of a function of two and more, and no other."""

import ast
import re
from collections.abc import Iterator

from conftest import ROOT

LISTED = ROOT / "tests" / "undocumented.txt"
"""The modules that do not follow yet: none is to be added, and one that follows is to be taken out."""


def functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """The public functions of a module, and the public methods of its public classes."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node.body)


def section(docstring: str, title: str) -> str:
    """The lines of a section of a docstring, of which the first are not indented; empty if it has none."""
    found = re.search(rf"^{title}:\n((?:    .*\n?|\n(?=    ))+)", docstring, re.MULTILINE)
    return re.sub("^    ", "", found[1], flags=re.MULTILINE) if found else ""


def problems(source: str) -> list[str]:
    """What is wrong with the docstrings of a module."""
    found = []
    for function in functions(ast.parse(source).body):
        taken = function.args
        names = [each.arg for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
        names = [name for name in names if name not in ("self", "cls")]
        if len(names) < 2:
            continue
        docstring = ast.get_docstring(function) or ""
        told = re.findall(r"^\*{0,2}(\w+):", section(docstring, "Args"), re.MULTILINE)
        extra = {each.arg for each in (taken.vararg, taken.kwarg) if each is not None}
        if [name for name in told if name not in extra] != names:
            found.append(f"{function.name} takes {names}, and its docstring tells of {told}")
        nothing = function.returns is None or ast.unparse(function.returns) == "None"
        if not (nothing or section(docstring, "Returns") or section(docstring, "Yields")):
            found.append(f"{function.name} does not tell what it returns")
    return found


def test_every_parameter_is_documented_but_in_the_modules_that_are_listed() -> None:
    files = [*ROOT.glob("synthgym/**/*.py"), *ROOT.glob("agents/**/*.py"), ROOT / "envs_registry.py"]
    found = {path.relative_to(ROOT).as_posix(): problems(path.read_text(encoding="utf-8")) for path in files}
    listed = LISTED.read_text(encoding="utf-8").split()
    assert not {name: wrong for name, wrong in found.items() if wrong and name not in listed}
    assert not [name for name in listed if not found.get(name)], "to be taken out of the list"


def test_what_is_missing_is_found() -> None:
    head = "def f(a: int, b: int) -> int:\n    "
    good = '"""Add.\n\n    Args:\n        a: one.\n        b: two.\n\n    Returns:\n        The sum.\n    """'
    assert not problems(head + good)
    assert len(problems(head + good.replace("b: two", "c: two"))) == 1
    assert len(problems(head + good.replace("Returns", "Gives"))) == 1
    assert len(problems(head + '"""Add."""')) == 2
