"""The library inside 3D Slicer: scene, panel, widgets, Python console, batch. Nothing outside this room imports it."""
