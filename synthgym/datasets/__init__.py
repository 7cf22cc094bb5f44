"""Data sets of millions: parameters and what they sound like, in a Zarr store."""

from synthgym.errors import SynthgymError, installing

try:
    from synthgym.datasets.loading import DataSet, load, load_for
    from synthgym.datasets.making import make
    from synthgym.datasets.recipe import Recipe
    from synthgym.datasets.sources import Grid, Presets, Random, Source
except ModuleNotFoundError as error:
    raise SynthgymError(f"data sets need {error.name}: {installing('datasets')}") from error

__all__ = [
    "DataSet",
    "Grid",
    "Presets",
    "Random",
    "Recipe",
    "Source",
    "load",
    "load_for",
    "make",
]
