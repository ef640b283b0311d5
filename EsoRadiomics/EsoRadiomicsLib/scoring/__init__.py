"""From features to a patient's Rad-score, risk group and survival, the nomogram's geometry, and how firm it all is."""
