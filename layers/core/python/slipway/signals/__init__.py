"""Signals: who was shown what, what came of it, and how many that are."""
