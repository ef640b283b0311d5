"""Widgets of the sections Patient, Study and Score."""
