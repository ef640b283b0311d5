"""Coefficients and Rad-score formulas as the papers print them, copied from their text and not from the cards."""

# With the papers' own spelling ("fi" ligatures restored).
TABLES = {
    "escc-lpfs-ccrt": """
        original_firstorder_Skewness -0.104667846
        origin_glszm_SizeZoneNonUniformityNormalized 0.001161134
        origin_glszm_SizeZoneNonUniformity 0.034339901
        origin_glszm_LowGrayLevelZoneEmphasis -0.017089976
        wavelet-HLL_glcm_Idn 0.062595767
        wavelet-HLL_firstorder_Maximum 0.026703955
        wavelet-HLL_glszm_SizeZoneNonUniformityNormalized 0.042957143
        wavelet-LHL_firstorder_TotalEnergy 0.017543973
        wavelet-LHL_firstorder_Maximum 0.003781538
        wavelet-LLH_gldm_SmallDependenceLowGrayLevelEmphasis -0.007364328
        wavelet-LLH_glcm_DifferenceVariance 0.157807433
        wavelet-LLH_glrlm_ShortRunHighGrayLevelEmphasis 0.042028490
        wavelet-LLH_ngtdm_Coarseness -0.101981005
        wavelet-HLH_gldm_SmallDependenceLowGrayLevelEmphasis -0.073958943
        wavelet-HLH_firstorder_Maximum 0.051287394
        wavelet-HHH_glcm MaximumProbability -0.055239045
        wavelet-LLL_glcm_Imc2 -0.028958889""",
    "ln-response-crt": """
        Shape-Sphericity -0.4714669
        Glcm-Inverse Variance 1.627270
        First order-Interquartile Range 0.03268378
        First order-90 Percentile 0.01575666
        First order-Kurtosis 0.003081561
        Glrlm-Short Run Emphasis 2.5310139
        Glszm-Large Area High Gray Level Emphasis 2.987626e-9""",
    "ln-control-2y": """
        First order-Interquartile Range 0.002394247
        Glrlm-Run Percentage 3.434397106""",
    "escc-pfs-dcrt": """
        original_shape_SurfaceVolumeRatio -0.24799156283072044
        original_glcm_SumEntropy -0.1361746133085625
        wavelet-LLH_gldm_LargeDependenceLowGrayLevelEmphasis 0.006448868786596698
        wavelet-LHL_glcm_Idmn 0.49200413399592363
        wavelet-HHL_glszm_GrayLevelVariance 0.1013747131127634
        wavelet-LLL_glcm_Imc2 -0.23295948882404996""",
}

# Printed besides the tables, except that of ln-response-crt, which only has its table and is written out here.
FORMULAS = {
    "escc-lpfs-ccrt": """-0.104667846*original_firstorder_Skewness +
        0.001161134*origin_glszm_SizeZoneNonUniformityNormalized +
        0.034339901*origin_glszm_SizeZoneNonUniformity-
        0.017089976*origin_glszm_LowGrayLevelZoneEmphasis + 0.062595767*wavelet-HLL_glcm_Idn +
        0.026703955*wavelet-HLL_firstorder_Maximum + 0.042957143*wavelet-HLL_glszm_SizeZoneNonUniformityNormalized
        + 0.017543973*wavelet-LHL_firstorder_TotalEnergy +
        0.003781538*wavelet-LHL_firstorder_Maximum-0.007364328*wavelet-LLH_gldm_SmallDependenceLowGrayLevelEmphasis
        + 0.157807433*wavelet-LLH_glcm_DifferenceVariance
        + 0.042028490*wavelet-LLH_glrlm_ShortRunHighGrayLevelEmphasis-
        0.101981005*wavelet-LLH_ngtdm_Coarseness-0.073958943*wavelet-HLH_gldm_SmallDependenceLowGrayLevelEmphasis
        + 0.051287394*wavelet-HLH_firstorder_Maximum-
        0.055239045*wavelet-HHH_glcm_MaximumProbability-0.028958889*wavelet-LLL_glcm_Imc2""",
    "ln-response-crt": """-3.215941 + -0.4714669*original_shape_Sphericity + 1.627270*original_glcm_InverseVariance +
        0.03268378*original_firstorder_InterquartileRange + 0.01575666*original_firstorder_90Percentile +
        0.003081561*original_firstorder_Kurtosis + 2.5310139*original_glrlm_ShortRunEmphasis +
        0.000000002987626*original_glszm_LargeAreaHighGrayLevelEmphasis""",
    "ln-control-2y": """-3.281461437 + 0.002394247*original_firstorder_InterquartileRange +
        3.434397106*original_glrlm_RunPercentage""",
    "escc-pfs-dcrt": """-0.24799156283072044*original_shape_SurfaceVolumeRatio
        + -0.1361746133085625*original_glcm_SumEntropy
        + 0.006448868786596698*wavelet_LLH_gldm_LargeDependenceLowGrayLevelEmphasis
        + 0.49200413399592363*wavelet-LHL_glcm_Idmn + 0.1013747131127634*wavelet-HHL_glszm_GrayLevelVariance
        + -0.23295948882404996*wavelet-LLL_glcm_Imc2""",
}
