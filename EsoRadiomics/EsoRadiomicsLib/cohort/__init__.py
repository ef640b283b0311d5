"""Cohorts: many patients from one manifest, in parallel, resumable, each in a process of its own.

The way of a patient: a row of the ``manifest`` becomes a ``task``; a ``child`` process measures it; its record goes
into the ``store`` under the SHA-256 of all that decides its numbers; the ``table`` is made of the store's records.
"""
