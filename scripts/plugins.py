"""List what a plugin offers; ``--help`` says how."""

from launch import run

if __name__ == "__main__":
    run("plugins")
