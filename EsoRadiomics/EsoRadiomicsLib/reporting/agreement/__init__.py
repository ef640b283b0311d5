"""The files of an agreement study."""
