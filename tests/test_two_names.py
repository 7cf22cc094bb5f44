"""The package of agents has two names: its folder's, in a clone only, and synthgym_agents everywhere."""

import base64
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import cloudpickle
import pytest
from conftest import ROOT, present

from agents.rl.population import NoisyPolicy
from agents.rl.training import load, save_untrained
from agents.training.learners import make_config
from agents.training.run_folder import RunFolder

SOMEBODY = "raise SystemExit('the agents of somebody else')"
LOAD = """
import sys
from pathlib import Path
sys.path[:0] = {path}
from {name}.rl.training import load
for file in sys.argv[1:]:
    model = load("es", Path(file))
    print(type(model.policy).__module__, model.policy.noise)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of es, as it is before it learns."""
    folder = RunFolder(tmp_path_factory.mktemp("es") / "run")
    folder.begin(make_config("FM-v0", "es", 0, steps=100, num_envs=2))
    save_untrained(folder, folder.path / "untrained.zip")
    return folder.path / "untrained.zip"


def as_before(path: Path, old: Path, name: str) -> Path:
    """Write the file as it was when it held the class of the policy, which was in a package of a name."""
    with zipfile.ZipFile(path) as kept, zipfile.ZipFile(old, "w") as archive:
        for member in kept.namelist():
            content = kept.read(member)
            if member == "data":
                data = json.loads(content)
                data["policy_class"] = {
                    ":type:": "<class 'abc.ABCMeta'>",
                    ":serialized:": base64.b64encode(cloudpickle.dumps(NoisyPolicy)).decode(),
                    "__module__": f"{name}.rl.population",
                }
                content = json.dumps(data).encode()
            archive.writestr(member, content)
    return old


def test_a_saved_policy_names_no_class_of_ours(saved: Path) -> None:
    data = json.loads(zipfile.ZipFile(saved).read("data"))
    assert data["policy_class"] == "NoisyPolicy"
    for value in data.values():
        pickled = base64.b64decode(value[":serialized:"]) if ":serialized:" in str(value) else b""
        assert b"agents" not in pickled


@pytest.mark.slow
@pytest.mark.parametrize("name", ["agents", "synthgym_agents"])
def test_a_saved_policy_is_loaded_by_either_name(saved: Path, name: str, tmp_path: Path) -> None:
    """Made under another name, too, and beside somebody else's agents where ours have the other name."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "agents").mkdir(parents=True)
    (elsewhere / "agents/__init__.py").write_text(SOMEBODY)
    noise = present(load("es", saved).policy).noise
    files = [saved, *(as_before(saved, tmp_path / f"{n}.zip", n) for n in ("agents", "synthgym_agents"))]
    path = [str(ROOT)] if name == "agents" else [str(elsewhere), str(ROOT)]
    command = [sys.executable, "-c", LOAD.format(path=path, name=name), *map(str, files)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == [f"{name}.rl.population {noise}"] * 3, done.stderr


def test_in_a_clone_both_names_are_of_one_folder() -> None:
    code = "import agents, synthgym_agents as ours, synthgym_agents.catalogue as c; "
    code += "print(list(agents.__path__) == list(ours.__path__), c.__name__, ours.load.__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "synthgym_agents.catalogue", "load"]


def test_synthgym_imports_no_agents() -> None:
    code = "import sys, synthgym, synthgym.envs; print([m for m in sys.modules if m.endswith('agents')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
