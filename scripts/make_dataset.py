"""Make a data set of parameters and what they sound like; ``--help`` says how."""

from launch import run

if __name__ == "__main__":
    run("make_dataset")
