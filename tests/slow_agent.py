"""The command ``evaluate`` with one more agent, whose every render takes a while: SLOW_SECONDS."""

import os
import time
from typing import Any

from agents import catalogue
from agents.commands import cli, evaluate
from agents.trials.agent import Agent


class Slow(Agent):
    def search(self, trial: Any) -> None:
        while True:
            time.sleep(float(os.environ["SLOW_SECONDS"]))
            trial(trial.starts(1))


def main() -> None:
    catalogue.AGENTS["slow"] = lambda task, sources: Slow()
    cli.run(evaluate.main)
