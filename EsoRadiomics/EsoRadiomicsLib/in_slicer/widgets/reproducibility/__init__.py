"""Widgets of the section Reproducibility."""
