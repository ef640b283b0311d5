"""Studies as data: cards, their checks, and the reference cohorts that z-scored signatures need."""
