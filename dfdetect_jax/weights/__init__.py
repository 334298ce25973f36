"""Weights that others trained and published."""
