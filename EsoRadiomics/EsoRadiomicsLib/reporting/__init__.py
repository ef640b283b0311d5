"""Every page, figure and table that a person gets: of a patient, a cohort, an agreement study, a model."""
