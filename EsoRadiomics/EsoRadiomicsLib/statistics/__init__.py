"""Statistics from a cohort's table to a model: survival, LASSO, Cox, discrimination, calibration, tables.

Every number follows R as the studies used it (glmnet, survival, rms, pROC, maxstat). Each file is one subject and
knows nothing of studies, cards or figures: numpy arrays or pandas frames go in, frozen dataclasses come out.
"""
