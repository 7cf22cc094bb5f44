"""The notebooks run as they stand, with fewer steps."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

NOTEBOOKS = ROOT / "notebooks"
FEWER = {
    "ppo_on_fm": "STEPS, TARGETS = 3_200, 8",
    "match_a_recording": "RENDERS = 300",
    "train_an_mlp": "SIZE, STEPS, TARGETS = 1_000, 60, 4",
}
"""What follows the cell of parameters."""
SAID = {
    "ppo_on_fm": r"([\d.]+) at the start, ([\d.]+) at best",
    "match_a_recording": r"distance ([\d.]+) at the start, ([\d.]+) after 300 renders",
    "train_an_mlp": r"mlp: ([\d.]+) after one render, ([\d.]+) after ten",
}
"""Two distances that each prints, before a search and after it."""


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def test_notebooks_are_kept_without_outputs() -> None:
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    assert {path.stem for path in paths} == {*FEWER}
    for path in paths:
        notebook = read(path)
        nbformat.validate(notebook)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell for cell in code if cell.outputs or cell.execution_count] == []
        assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", FEWER)
def test_a_notebook_runs(name: str) -> None:
    notebook = read(NOTEBOOKS / f"{name}.ipynb")
    (at,) = [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    fewer = nbformat.v4.new_code_cell(FEWER[name])  # type: ignore[no-untyped-call]
    notebook.cells.insert(at + 1, fewer)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    heard = [one for one in outputs if "<audio" in one.get("data", {}).get("text/html", "")]
    assert len(heard) >= 2
    said = "".join(one["text"] for one in outputs if one.output_type == "stream" and one.name == "stdout")
    ((before, after),) = re.findall(SAID[name], said)
    assert 0 < float(after) < float(before) < 1
