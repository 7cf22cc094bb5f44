"""Film an agent turning a synthesiser's knobs; ``--help`` says how."""

from launch import run

if __name__ == "__main__":
    run("watch")
