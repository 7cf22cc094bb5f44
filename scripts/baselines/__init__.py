"""What a user would do without synthgym, for the benchmark to compare with."""
