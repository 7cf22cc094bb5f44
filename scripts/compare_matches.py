"""Compare matches by default with those of other agents; ``--help`` says how."""

from launch import run

if __name__ == "__main__":
    run("compare_matches")
