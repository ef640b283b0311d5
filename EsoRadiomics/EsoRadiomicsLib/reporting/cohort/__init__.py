"""A cohort on a page: scores, differences in acquisition, failures, and what harmonisation changed."""
