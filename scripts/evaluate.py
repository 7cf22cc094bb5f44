"""Compare agents; ``--help`` says how."""

from launch import run

if __name__ == "__main__":
    run("evaluate")
