"""Codes of features for a structured report: IBSI's where PyRadiomics computes just that, else PyRadiomics' own name.

Source: IBSI reference manual (arXiv:1612.07003). Features on filtered images have no IBSI code, nor have those that
PyRadiomics defines otherwise (Kurtosis is not the excess) or IBSI does not know (TotalEnergy, MCC, 2-D diameters).
"""

from __future__ import annotations

from hashlib import sha256

from ...extraction.engines import split_name

ORIGINAL = "original"
PRIVATE_SCHEME = "99ESORADIOMICS"
_IBSI = {
    "shape_MeshVolume": ("RNU0", "Volume (mesh)"),
    "shape_VoxelVolume": ("YEKZ", "Volume (voxel counting)"),
    "shape_SurfaceArea": ("C0JK", "Surface area (mesh)"),
    "shape_SurfaceVolumeRatio": ("2PR5", "Surface to volume ratio"),
    "shape_Sphericity": ("QCFX", "Sphericity"),
    "shape_Maximum3DDiameter": ("L0JK", "Maximum 3D diameter"),
    "shape_MajorAxisLength": ("TDIC", "Major axis length"),
    "shape_MinorAxisLength": ("P9VJ", "Minor axis length"),
    "shape_LeastAxisLength": ("7J51", "Least axis length"),
    "shape_Elongation": ("Q3CK", "Elongation"),
    "shape_Flatness": ("N17B", "Flatness"),
    "firstorder_Mean": ("Q4LE", "Mean intensity"),
    "firstorder_Variance": ("ECT3", "Intensity variance"),
    "firstorder_Skewness": ("KE2A", "Intensity skewness"),
    "firstorder_Median": ("Y12H", "Median intensity"),
    "firstorder_Minimum": ("1GSF", "Minimum intensity"),
    "firstorder_10Percentile": ("QG58", "10th intensity percentile"),
    "firstorder_90Percentile": ("8DWT", "90th intensity percentile"),
    "firstorder_Maximum": ("84IY", "Maximum intensity"),
    "firstorder_InterquartileRange": ("SALO", "Intensity interquartile range"),
    "firstorder_Range": ("2OJQ", "Intensity range"),
    "firstorder_MeanAbsoluteDeviation": ("4FUA", "Intensity-based mean absolute deviation"),
    "firstorder_RobustMeanAbsoluteDeviation": ("1128", "Intensity-based robust mean absolute deviation"),
    "firstorder_Energy": ("N8CA", "Intensity-based energy"),
    "firstorder_RootMeanSquared": ("5ZWQ", "Root mean square intensity"),
    "glcm_MaximumProbability": ("GYBY", "Joint maximum"),
    "glcm_JointAverage": ("60VM", "Joint average"),
    "glcm_SumSquares": ("UR99", "Joint variance"),
    "glcm_JointEntropy": ("TU9B", "Joint entropy"),
    "glcm_DifferenceAverage": ("TF7R", "Difference average"),
    "glcm_DifferenceVariance": ("D3YU", "Difference variance"),
    "glcm_DifferenceEntropy": ("NTRS", "Difference entropy"),
    "glcm_SumAverage": ("ZGXS", "Sum average"),
    "glcm_SumEntropy": ("P6QZ", "Sum entropy"),
    "glcm_JointEnergy": ("8ZQL", "Angular second moment"),
    "glcm_Contrast": ("ACUI", "Contrast"),
    "glcm_Id": ("IB1Z", "Inverse difference"),
    "glcm_Idn": ("NDRX", "Normalised inverse difference"),
    "glcm_Idm": ("WF0Z", "Inverse difference moment"),
    "glcm_Idmn": ("1QCO", "Normalised inverse difference moment"),
    "glcm_InverseVariance": ("E8JP", "Inverse variance"),
    "glcm_Correlation": ("NI2N", "Correlation"),
    "glcm_Autocorrelation": ("QWB0", "Autocorrelation"),
    "glcm_ClusterTendency": ("DG8W", "Cluster tendency"),
    "glcm_ClusterShade": ("7NFM", "Cluster shade"),
    "glcm_ClusterProminence": ("AE86", "Cluster prominence"),
    "glcm_Imc1": ("R8DG", "Information correlation 1"),
    "glcm_Imc2": ("JN9H", "Information correlation 2"),
    "glrlm_ShortRunEmphasis": ("22OV", "Short runs emphasis"),
    "glrlm_LongRunEmphasis": ("W4KF", "Long runs emphasis"),
    "glrlm_LowGrayLevelRunEmphasis": ("V3SW", "Low grey level run emphasis"),
    "glrlm_HighGrayLevelRunEmphasis": ("G3QZ", "High grey level run emphasis"),
    "glrlm_ShortRunLowGrayLevelEmphasis": ("HTZT", "Short run low grey level emphasis"),
    "glrlm_ShortRunHighGrayLevelEmphasis": ("GD3A", "Short run high grey level emphasis"),
    "glrlm_LongRunLowGrayLevelEmphasis": ("IVPO", "Long run low grey level emphasis"),
    "glrlm_LongRunHighGrayLevelEmphasis": ("3KUM", "Long run high grey level emphasis"),
    "glrlm_GrayLevelNonUniformity": ("R5YN", "Grey level non-uniformity"),
    "glrlm_GrayLevelNonUniformityNormalized": ("OVBL", "Normalised grey level non-uniformity"),
    "glrlm_RunLengthNonUniformity": ("W92Y", "Run length non-uniformity"),
    "glrlm_RunLengthNonUniformityNormalized": ("IC23", "Normalised run length non-uniformity"),
    "glrlm_RunPercentage": ("9ZK5", "Run percentage"),
    "glrlm_GrayLevelVariance": ("8CE5", "Grey level variance"),
    "glrlm_RunVariance": ("SXLW", "Run length variance"),
    "glszm_SmallAreaEmphasis": ("5QRC", "Small zone emphasis"),
    "glszm_LargeAreaEmphasis": ("48P8", "Large zone emphasis"),
    "glszm_LowGrayLevelZoneEmphasis": ("XMSY", "Low grey level zone emphasis"),
    "glszm_HighGrayLevelZoneEmphasis": ("5GN9", "High grey level zone emphasis"),
    "glszm_SmallAreaLowGrayLevelEmphasis": ("5RAI", "Small zone low grey level emphasis"),
    "glszm_SmallAreaHighGrayLevelEmphasis": ("HW1V", "Small zone high grey level emphasis"),
    "glszm_LargeAreaLowGrayLevelEmphasis": ("YH51", "Large zone low grey level emphasis"),
    "glszm_LargeAreaHighGrayLevelEmphasis": ("J17V", "Large zone high grey level emphasis"),
    "glszm_GrayLevelNonUniformity": ("JNSA", "Grey level non-uniformity"),
    "glszm_GrayLevelNonUniformityNormalized": ("Y1RO", "Normalised grey level non-uniformity"),
    "glszm_SizeZoneNonUniformity": ("4JP3", "Zone size non-uniformity"),
    "glszm_SizeZoneNonUniformityNormalized": ("VB3A", "Normalised zone size non-uniformity"),
    "glszm_ZonePercentage": ("P30P", "Zone percentage"),
    "glszm_GrayLevelVariance": ("BYLV", "Grey level variance"),
    "glszm_ZoneVariance": ("3NSA", "Zone size variance"),
    "ngtdm_Coarseness": ("QCDE", "Coarseness"),
    "ngtdm_Contrast": ("65HE", "Contrast"),
    "ngtdm_Busyness": ("NQ30", "Busyness"),
    "ngtdm_Complexity": ("HDEZ", "Complexity"),
    "ngtdm_Strength": ("1X9X", "Strength"),
    "gldm_SmallDependenceEmphasis": ("SODN", "Low dependence emphasis"),
    "gldm_LargeDependenceEmphasis": ("IMOQ", "High dependence emphasis"),
    "gldm_LowGrayLevelEmphasis": ("TL9H", "Low grey level count emphasis"),
    "gldm_HighGrayLevelEmphasis": ("OAE7", "High grey level count emphasis"),
    "gldm_SmallDependenceLowGrayLevelEmphasis": ("EQ3F", "Low dependence low grey level emphasis"),
    "gldm_SmallDependenceHighGrayLevelEmphasis": ("JA6D", "Low dependence high grey level emphasis"),
    "gldm_LargeDependenceLowGrayLevelEmphasis": ("NBZI", "High dependence low grey level emphasis"),
    "gldm_LargeDependenceHighGrayLevelEmphasis": ("9QMG", "High dependence high grey level emphasis"),
    "gldm_GrayLevelNonUniformity": ("FP8K", "Grey level non-uniformity"),
    "gldm_DependenceNonUniformity": ("Z87G", "Dependence count non-uniformity"),
    "gldm_DependenceNonUniformityNormalized": ("OKJI", "Normalised dependence count non-uniformity"),
    "gldm_GrayLevelVariance": ("1PFV", "Grey level variance"),
    "gldm_DependenceVariance": ("DNX2", "Dependence count variance"),
    "firstorder_Entropy": ("TLU2", "Discretised intensity entropy"),
    "firstorder_Uniformity": ("BJ5W", "Discretised intensity uniformity"),
    "glrlm_RunEntropy": ("HJ9O", "Run entropy"),
    "glszm_ZoneEntropy": ("GU8N", "Zone size entropy"),
    "gldm_DependenceEntropy": ("FCBV", "Dependence count entropy"),
}
_IN_HU = (
    *("Mean", "Median", "Minimum", "Maximum", "Range", "10Percentile", "90Percentile", "InterquartileRange"),
    *("MeanAbsoluteDeviation", "RobustMeanAbsoluteDeviation", "RootMeanSquared"),
)
_IN_MM = (
    *("MajorAxisLength", "MinorAxisLength", "LeastAxisLength", "Maximum3DDiameter"),
    *("Maximum2DDiameterSlice", "Maximum2DDiameterRow", "Maximum2DDiameterColumn"),
)
UNITS = {
    "shape_MeshVolume": "mm3",
    "shape_VoxelVolume": "mm3",
    "shape_SurfaceArea": "mm2",
    "shape_SurfaceVolumeRatio": "/mm",
    **dict.fromkeys([f"shape_{name}" for name in _IN_MM], "mm"),
    **dict.fromkeys([f"firstorder_{name}" for name in _IN_HU], "[hnsf'U]"),
}
"""UCUM units; every other feature has none. ``[hnsf'U]`` is the Hounsfield unit."""


def feature_code(name: str) -> tuple[str, str, str]:
    """(value, scheme, meaning): ``("QCFX", "IBSI", "Sphericity")``, else a private code that means the name."""
    image, feature_class, feature = split_name(name)
    known = _IBSI.get(f"{feature_class}_{feature}") if image == ORIGINAL else None
    return (known[0], "IBSI", known[1]) if known else (private_code(name), PRIVATE_SCHEME, name)


def private_code(name: str) -> str:
    """A code value of 16 letters, as DICOM allows, that stands for a name wherever it is met."""
    return sha256(name.encode()).hexdigest()[:16]


def feature_unit(name: str) -> str:
    """The UCUM unit; ``1`` where there is none, or the image was filtered."""
    image, feature_class, feature = split_name(name)
    return UNITS.get(f"{feature_class}_{feature}", "1") if image == ORIGINAL else "1"
