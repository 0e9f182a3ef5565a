"""Guarded rollouts: what the numbers say, what to do about it, and the states in between."""
