"""Agents that learn to program synthesisers, or search for the right program.

``agents.catalogue`` lists them all by name.
"""
