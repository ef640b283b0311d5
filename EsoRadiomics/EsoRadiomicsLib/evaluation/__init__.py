"""How good a study card is in a cohort, beside the simple models that it has to beat; and its recalibration there."""
