"""The MRML scene: nodes as cases, results as nodes. The only rooms but ``widgets`` that import slicer or vtk."""
