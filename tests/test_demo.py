"""What a visitor sees first: ``make demo``, with less time for each part."""

import re
from pathlib import Path

import pytest
from conftest import Script


@pytest.mark.slow
def test_the_demo_matches_learns_and_can_be_given_again(script: Script, tmp_path: Path) -> None:
    for again in range(2):
        said = script("demo.py", "--seconds", 2, "--steps", 1600 * (again + 1), "--out", "demo").stdout
        near = [float(far) for far in re.findall(r"renders: +(0\.\d+)", said)]
        assert len(near) == 2, said
        assert near[0] < near[1], "nearer than random patches with as many renders"
        learned = dict(re.findall(r"(random patches|PPO before|PPO after)[^\d\n]* (0\.\d+)\n", said))
        assert list(learned) == ["random patches", "PPO before", "PPO after"], said
        assert float(learned["PPO before"]) < float(learned["random patches"]), "it climbs untrained"
        for name in ("match/match.html", "match/match.syx", "match/match.wav", "ppo/ppo.mp4"):
            assert str(Path("demo") / name) in said or name == "match/match.wav"
            assert (tmp_path / "demo" / name).stat().st_size > 100
    assert "1,600 steps" not in said
    assert list((tmp_path / "demo/ppo/tensorboard").iterdir())
