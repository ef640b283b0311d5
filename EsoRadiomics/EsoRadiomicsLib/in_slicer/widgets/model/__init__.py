"""Widgets of the part “Fit and validate a model”."""
