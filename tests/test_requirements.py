"""The lower bounds that pyproject.toml declares are the versions that `make test-lowest` tests."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


def lower_bounds() -> Iterator[tuple[str, Version]]:
    """The lowest version of every package that pyproject.toml gives one, whichever extra asks for it."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    extras = project["optional-dependencies"].values()
    texts = sum(extras, [*pyproject["build-system"]["requires"], *project["dependencies"]])
    for requirement in map(Requirement, texts):
        for specifier in requirement.specifier:
            assert specifier.operator == ">=", f"{requirement} has more than a lower bound"
            yield canonicalize_name(requirement.name), Version(specifier.version)


def pins(name: str) -> dict[str, Version]:
    """The versions that a file of constraints pins."""
    lines = (ROOT / name).read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): Version(str(pin.specifier).removeprefix("==")) for pin in found}


BOUNDS = sorted(set(lower_bounds()))


def test_every_package_has_one_bound() -> None:
    assert len(dict(BOUNDS)) == len(BOUNDS)


def test_the_lowest_versions_are_those_of_the_bounds() -> None:
    # stable-baselines3 brings torch; its oldest versions would bring gigabytes of CUDA.
    assert pins("constraints-lowest.txt") == dict(BOUNDS) | {"torch": pins("constraints.txt")["torch"]}


@pytest.mark.parametrize(("name", "bound"), BOUNDS, ids=[name for name, _ in BOUNDS])
def test_the_tested_versions_are_allowed(name: str, bound: Version) -> None:
    assert pins("constraints.txt")[name] >= bound


def test_the_files_that_are_tried_with_the_lowest_versions_are_there() -> None:
    (names,) = re.findall(r"test_%.py,((?:.*\\\n)*.*)\)", (ROOT / "Makefile").read_text())
    missing = [
        name for name in names.replace("\\", " ").split() if not (ROOT / f"tests/test_{name}.py").exists()
    ]
    assert not missing


def test_tensorboard_starts() -> None:
    # `make demo` ends by naming this command; up to 2.20 it needed what setuptools no longer has.
    subprocess.run([Path(sys.executable).parent / "tensorboard", "--version"], check=True, timeout=60)
