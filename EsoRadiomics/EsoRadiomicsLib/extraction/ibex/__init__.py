"""IBEX's features, recomputed from its definitions: NumPy and SciPy only, checked against IBEX's own results.

IBEX (Imaging Biomarker Explorer; Zhang et al., Med Phys 2015;42:1341) runs in MATLAB. Here stands what its Shape,
IntensityHistogram, GrayLevelCooccurenceMatrix25 and GrayLevelRunLengthMatrix25 categories compute, none of its code.

What IBEX itself confirms (its own example data and results): the co-occurrence matrices and four features of them,
NumberOfVoxel, SurfaceArea, Volume and the statistics of the intensities. The other features follow the formulas of its
documentation; for run lengths, Mass, Roundness and Orientation no result of IBEX is public.
"""
