"""The sections of the benchmark, a file each; ``scripts/benchmark.py`` runs them."""
