"""Step “evaluation”: what the study measured of its model, and at which times; the evaluation reads it."""

from __future__ import annotations

from .protocol_step import ProtocolStep


class EvaluationStep(ProtocolStep):
    """Entered as it is."""
