"""EsoRadiomics: published CT-radiomics studies of esophageal squamous-cell carcinoma as working software."""

__version__ = "0.1.0"
