"""Make a page of an evaluation; ``--help`` says how."""

from launch import run

if __name__ == "__main__":
    run("report")
