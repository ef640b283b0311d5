"""From a cohort's table to a study card by a study's own protocol.

    model_cohort ──▶ protocol_plan ──▶ protocol_run ──▶ fitted_card
     table checked    steps in order     training rows     JSON
                                         only

``steps`` holds a file a step; ``fitted_model`` is the state that each step takes and returns. They are handed the
training patients and nothing else, so that no step can look at the validation patients.
"""
