"""Data sets of millions: parameters and what they sound like, in a Zarr store."""

from synthgym.datasets.loading import DataSet, load
from synthgym.datasets.making import make
from synthgym.datasets.recipe import Recipe
from synthgym.datasets.sources import Grid, Presets, Random, Source

__all__ = ["DataSet", "Grid", "Presets", "Random", "Recipe", "Source", "load", "make"]
