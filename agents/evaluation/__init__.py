"""Agents on the same targets, with the same seeds and the same budgets of renders."""
