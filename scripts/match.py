"""Let an agent make a synthesiser sound like recordings; ``--help`` says how."""

from launch import run

if __name__ == "__main__":
    run("match")
