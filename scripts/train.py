"""Train an agent; ``--help`` says how."""

from launch import run

if __name__ == "__main__":
    run("train")
