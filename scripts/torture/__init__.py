"""The campaign of `scripts/torture.py`: what is tried, and what is written of it."""
