"""Widgets of the part “Measure a cohort”."""
