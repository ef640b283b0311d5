"""From a cohort's table to a study card by a study's own protocol, and from a card to its validation.

    cohort ──▶ protocol ──▶ engine ──▶ card ──▶ evaluation ──▶ report
     table      plan of      training    JSON     training and
     checked    the steps    rows only            validation rows

The engine is handed the training patients and nothing else, so that no step can look at the validation patients.
Evaluation starts from the written card, as any later user of it does.
"""
