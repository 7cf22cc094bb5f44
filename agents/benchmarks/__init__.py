"""The sections of the benchmark, a file each; ``synthgym benchmark`` runs them."""
