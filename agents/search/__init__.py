"""Agents that know nothing and look for the target by rendering.

Each begins at the best that the trial has, so that it refines any other agent's guess, or else at the
best of some audible patches.
"""
