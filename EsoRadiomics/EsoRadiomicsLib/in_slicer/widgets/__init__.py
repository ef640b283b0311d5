"""The Slicer module's own widgets. Those that import ``qt`` or ``slicer`` work in Slicer only."""
